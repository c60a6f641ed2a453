internal import ArgumentParser
internal import Inflight

/// `inflight chat`
struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Talk with a model in the terminal.",
    discussion: """
      Type a message and press return. /reset begins a new conversation, /quit or Ctrl-D ends.

      EXAMPLES:
        inflight chat
        inflight chat --model model.gguf --system "Answer in one sentence." --temperature 0.7
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var engine: EngineArguments

  @Option(help: "Instructions to the model.")
  var system: String?

  func run() async throws {
    let params = try sampling.params.validated()
    let llm = try await LLM.load(model, engine)
    let beginning = system.map { [ChatMessage.system($0)] } ?? []
    var messages = beginning
    while true {
      if Terminal.isInteractive { Terminal.write("> ") }
      guard let line = readLine() else { break }
      if line == "/quit" { break }
      if line == "/reset" {
        messages = beginning
        continue
      }
      if line.isEmpty { continue }
      messages.append(.user(line))
      if let answer = try await answer(messages, llm, params) {
        messages.append(.assistant(answer))
      } else {
        messages.removeLast()
      }
    }
    await llm.close()
  }

  /// Prints the answer while it is generated. Returns nil if the conversation was refused, which has then been said: it may
  /// have grown too long, and goes on without the last message.
  private func answer(_ messages: [ChatMessage], _ llm: LLM, _ params: SamplingParams) async throws -> String? {
    let stream: CompletionStream
    do {
      stream = try llm.streamChat(messages, params)
    } catch {
      guard error.kind == .request || error.kind == .tooLong else { throw error }
      Terminal.write("inflight: \(error)\(error.kind == .tooLong ? "; /reset begins a new conversation" : "")\n")
      return nil
    }
    var answer = ""
    for try await chunk in stream {
      StandardOutput.write(chunk.text)
      answer += chunk.text
    }
    StandardOutput.write("\n")
    return answer
  }
}
