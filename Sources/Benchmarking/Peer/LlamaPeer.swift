internal import JSON

/// llama.cpp in a process of its own, which answers how long things took.
package final class LlamaPeer {
  private let process: LineProcess

  /// The version of llama-cpp-python.
  package let version: String

  /// The interpreter to use: the one that was named, or that of the variable INFLIGHT_PYTHON, or the one that
  /// scripts/install-llama-cpp.sh makes in the user's cache.
  package static func interpreter(option: String?, variable: String?, cacheDirectory: String) -> String {
    if let option { return option }
    if let variable, !variable.isEmpty { return variable }
    return cacheDirectory + "/llama-cpp/bin/python"
  }

  /// Starts the worker under `interpreter` and waits until it has loaded the library.
  ///
  /// - Throws: ``PeerError``.
  package convenience init(interpreter: String) throws(PeerError) {
    try self.init(command: [interpreter, "-c", LlamaWorker.source])
  }

  /// Starts a program that answers as the worker does, and waits until it says that it is ready.
  ///
  /// - Throws: ``PeerError``.
  package init(command: [String]) throws(PeerError) {
    process = try LineProcess(command)
    let greeting = try Self.parse(try process.readLine())
    version = greeting["version"]?.stringValue ?? "?"
  }

  /// Loads a model, for sequences of at most `context` tokens and passes of at most `batch`.
  ///
  /// - Throws: ``PeerError``.
  package func load(_ model: String, threads: Int, context: Int, batch: Int) throws(PeerError) {
    _ = try ask(
      "load",
      [
        ("model", .string(model)), ("threads", .integer(Int64(threads))), ("context", .integer(Int64(context))),
        ("batch", .integer(Int64(batch))),
      ])
  }

  /// Seconds of computing a prompt up to the logits of its last token.
  ///
  /// - Throws: ``PeerError``.
  package func prefill(_ tokens: [Int32]) throws(PeerError) -> Double {
    try seconds(ask("prefill", [("tokens", Self.json(tokens))]))
  }

  /// Seconds of computing tokens after the last prefill, one pass each.
  ///
  /// - Throws: ``PeerError``.
  package func decode(_ tokens: [Int32]) throws(PeerError) -> Double {
    try seconds(ask("decode", [("tokens", Self.json(tokens))]))
  }

  /// Seconds of answering all prompts with `output` tokens, `concurrency` at a time, and how many tokens that were.
  ///
  /// - Throws: ``PeerError``.
  package func loop(
    _ prompts: [[Int32]], output: Int, concurrency: Int
  ) throws(PeerError) -> (seconds: Double, tokens: Int) {
    let answer = try ask(
      "batch",
      [
        ("prompts", .array(prompts.map(Self.json))), ("output", .integer(Int64(output))),
        ("concurrency", .integer(Int64(concurrency))),
      ])
    guard let tokens = answer["tokens"]?.intValue else { throw .badAnswer(answer.serialized()) }
    return (try seconds(answer), tokens)
  }

  private static func json(_ tokens: [Int32]) -> JSONValue { .array(tokens.map { .integer(Int64($0)) }) }

  private func seconds(_ answer: JSONValue) throws(PeerError) -> Double {
    guard let seconds = answer["seconds"]?.doubleValue, seconds >= 0 else { throw .badAnswer(answer.serialized()) }
    return seconds
  }

  private func ask(_ command: String, _ members: [(String, JSONValue)]) throws(PeerError) -> JSONValue {
    let question = JSONValue.object([("command", .string(command))] + members).serialized()
    return try Self.parse(try process.ask(question))
  }

  /// The answer in a line of the worker.
  ///
  /// - Throws: ``PeerError`` if the line is no answer or says that something failed.
  static func parse(_ line: String) throws(PeerError) -> JSONValue {
    guard let answer = try? JSONValue(parsing: Array(line.utf8)), let ok = answer["ok"]?.boolValue else {
      throw .badAnswer(String(line.prefix(200)))
    }
    guard ok else { throw .failed(reason: answer["error"]?.stringValue ?? "no reason given") }
    return answer
  }
}
