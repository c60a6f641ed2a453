internal import ArgumentParser
internal import Server

/// How much `serve` takes on.
struct ServingLimits: ParsableArguments {
  @Option(help: "Most requests that run at a time.")
  var maxBatchSize = 256

  @Option(help: "Most requests that wait; more are told to come back later (429).")
  var maxQueue = 512

  @Option(help: "Most bytes of a request's body.")
  var maxBodyBytes = 16 << 20

  @Option(
    help: "Most bytes of all bodies together that are being received or read; more are told to come back later (503).")
  var maxBufferedBytes = 128 << 20

  @Option(help: "Most bytes of a text for /tokenize; a quarter as many tokens for /detokenize.")
  var maxTextBytes = 4 << 20

  @Option(
    help:
      "Most log-probabilities of one answer: its choices times their tokens times one more than the alternatives.")
  var maxLogprobs = 1 << 19

  @Option(help: "Most messages of a conversation.")
  var maxMessages = 4096

  @Option(help: "Seconds that a request's body may take to arrive.")
  var bodyTimeout = 60.0

  @Option(help: "Seconds that a request may take.")
  var requestTimeout = 600.0

  @Option(help: "Seconds after which an idle connection is closed.")
  var idleTimeout = 300.0

  @Option(help: "Seconds that running requests have to end on SIGTERM.")
  var drainTimeout = 30.0

  @Option(help: "Seconds without a step while requests wait after which /health says 503.")
  var stallTimeout = 30.0

  func validate() throws {
    let counts = [
      ("--max-batch-size", maxBatchSize), ("--max-queue", maxQueue), ("--max-body-bytes", maxBodyBytes),
      ("--max-buffered-bytes", maxBufferedBytes), ("--max-text-bytes", maxTextBytes), ("--max-messages", maxMessages),
      ("--max-logprobs", maxLogprobs),
    ]
    for (name, value) in counts where value < 1 { throw ValidationError("\(name) is \(value); it must be at least 1") }
    let times = [
      ("--body-timeout", bodyTimeout), ("--request-timeout", requestTimeout), ("--idle-timeout", idleTimeout),
      ("--drain-timeout", drainTimeout), ("--stall-timeout", stallTimeout),
    ]
    for (name, value) in times where !(0.001...1_000_000).contains(value) {
      throw ValidationError("\(name) is \(value); it must be seconds, from 0.001 to 1000000")
    }
  }

  func set(_ options: inout ServerOptions) {
    options.maximumBodyBytes = maxBodyBytes
    options.maximumBufferedBytes = maxBufferedBytes
    options.maximumTextBytes = maxTextBytes
    options.bodyTimeout = bodyTimeout
    options.maximumMessages = maxMessages
    options.maximumLogprobs = maxLogprobs
    options.requestTimeout = requestTimeout
    options.idleTimeout = idleTimeout
    options.drainTimeout = drainTimeout
    options.stallTimeout = stallTimeout
  }
}
