internal import ArgumentParser
internal import Inflight

/// Whether what happens is written down, for the commands that run a model.
struct RecordingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write down which requests arrive, what is decided in each step and how long answers are; see inflight replay.",
      valueName: "file"))
  var record: String?

  @Flag(help: "Write the tokens of prompts and answers down too, so that a replay can compare them.")
  var recordContents = false

  func validate() throws {
    if recordContents, record == nil { throw ValidationError("--record-contents needs --record FILE") }
  }

  /// What the options say.
  var options: RecordingOptions? { record.map { RecordingOptions(path: $0, keepsContents: recordContents) } }
}
