internal import ArgumentParser

/// How large a step is and how prompts enter it, for the commands that run a model and for the one that only reckons.
struct StepArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Most tokens in one forward pass.", valueName: "n"))
  var maxBatchTokens: Int = 512

  @Option(
    help: ArgumentHelp(
      "Most tokens of one prompt in one forward pass. Default: no limit but that of the pass.", valueName: "n"))
  var chunkSize: Int?

  @Option(
    help: ArgumentHelp(
      "Most tokens of prompts in one pass while other requests generate. Default: no limit but that of the pass.",
      valueName: "n"))
  var maxPrefillTokensPerStep: Int?

  @Option(
    name: .customLong("target-itl"),
    help: ArgumentHelp(
      "Milliseconds from token to token to keep while prompts enter: they get what is left, at least a block a pass.",
      valueName: "ms"))
  var targetInterTokenLatency: Double?

  func validate() throws {
    for (name, value) in [
      ("--max-batch-tokens", maxBatchTokens), ("--chunk-size", chunkSize ?? 1),
      ("--max-prefill-tokens-per-step", maxPrefillTokensPerStep ?? 1),
    ] where !(1...1 << 40).contains(value) {
      throw ValidationError("\(name) is \(value); it must be at least 1")
    }
    if let target = targetInterTokenLatency, !(target > 0 && target <= 1e9) {
      throw ValidationError("--target-itl is \(target); it must be milliseconds, more than 0")
    }
  }
}
