internal import ArgumentParser

/// The `inflight` command.
@main
struct InflightCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inflight",
    abstract: "Large language models on this machine: fast, reproducible, no Python.",
    discussion: """
      MODEL is a .gguf file, a Hugging Face directory, a name of the catalogue, or hf:OWNER/REPO. Without one the small \
      default model is used and, the first time, fetched.

      EXAMPLES:
        inflight generate "The capital of France is" --max-tokens 16
        inflight chat --model model.gguf
        inflight score --top 5 --json < text.txt
        inflight bench --prompt-tokens 512 --output-tokens 128

      Exit status: 0 success, 1 failure, 2 wrong usage.
      """,
    version: "0.1.0",
    subcommands: [
      GenerateCommand.self, ChatCommand.self, ServeCommand.self, HealthCommand.self, BenchCommand.self,
      ScoreCommand.self,
      TokenizeCommand.self, TemplateCommand.self, InspectCommand.self, PullCommand.self, ReplayCommand.self,
      SimulateCommand.self,
    ])

  static func main() async {
    let status = await run(Array(CommandLine.arguments.dropFirst()))
    StandardOutput.exit(status)
  }

  /// Runs the command and returns its exit status.
  private static func run(_ arguments: [String]) async -> Int32 {
    var command: any ParsableCommand
    do {
      command = try parseAsRoot(arguments)
    } catch {
      return report(error)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      return 0
    } catch {
      return report(error)
    }
  }

  /// Says what went wrong and returns the exit status: 0 for help, 2 for wrong usage, 1 for everything else.
  private static func report(_ error: any Error) -> Int32 {
    // A command that has said everything.
    if let status = error as? ExitCode { return status.rawValue }
    switch exitCode(for: error) {
    case .success:
      StandardOutput.write(fullMessage(for: error) + "\n")
      return 0
    case .validationFailure:
      Terminal.write(fullMessage(for: error) + "\n")
      return 2
    default:
      Terminal.write("inflight: \(error)\n")
      return 1
    }
  }
}
