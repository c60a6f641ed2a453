package import Inflight
internal import Synchronization

/// What the server counts. The names follow those that vLLM charts, with our prefix.
package final class ServerMetrics: Sendable {
  private struct Counts {
    var promptTokens: UInt64 = 0
    /// Tokens of prompts of ended requests, and those of them that the cache had.
    var queriedTokens: UInt64 = 0
    var cachedTokens: UInt64 = 0
    var generatedTokens: UInt64 = 0
    var finished: [String: UInt64] = [:]
    var broken: [String: UInt64] = [:]
    var answers: [Answered: UInt64] = [:]
    var lastStep = StepStatistics()
    var recentTimeToFirstToken = 0.0
    var recentInterTokenLatency = 0.0
  }

  private struct Answered: Hashable {
    var route: String
    var status: Int
  }

  /// From the arrival of a request to its first token.
  package let timeToFirstToken = Histogram(bounds: Histogram.latencyBounds)
  /// Between two tokens of an answer.
  package let interTokenLatency = Histogram(bounds: Histogram.latencyBounds)
  /// From the arrival of a request to its last token.
  package let requestLatency = Histogram(bounds: Histogram.latencyBounds)
  /// From a request's submission until it first held resources.
  package let queueTime = Histogram(bounds: Histogram.latencyBounds)
  /// Of a step of the engine.
  package let stepTime = Histogram(bounds: Histogram.latencyBounds)
  /// Tokens of a prompt.
  package let promptLength = Histogram(bounds: Histogram.tokenBounds)
  /// Tokens of an answer.
  package let answerLength = Histogram(bounds: Histogram.tokenBounds)
  private let counts = Mutex(Counts())

  /// Creates metrics of nothing.
  package init() {}

  /// A step of the engine has ended; called on the engine's thread.
  package func record(_ step: StepStatistics) {
    stepTime.observe(Double(step.forwardNanoseconds + step.overheadNanoseconds) / 1e9)
    counts.withLock { $0.lastStep = step }
  }

  /// Something came of a prompt for the first time; its request had waited `queueSeconds` for resources.
  package func recordStart(promptTokenCount: Int, queueSeconds: Double) {
    promptLength.observe(Double(promptTokenCount))
    queueTime.observe(queueSeconds)
    counts.withLock { $0.promptTokens += UInt64(promptTokenCount) }
  }

  /// A request was given up after `seconds` before anything came of it.
  package func recordWait(_ seconds: Double) { queueTime.observe(seconds) }

  /// The first token of an answer came `seconds` after the request.
  package func recordFirstToken(_ seconds: Double) {
    timeToFirstToken.observe(seconds)
    counts.withLock { $0.recentTimeToFirstToken = seconds }
  }

  /// A token came, `interval` seconds after the one before it; nil for the first of an answer.
  package func recordToken(interval: Double?) {
    if let interval { interTokenLatency.observe(interval) }
    counts.withLock { counts in
      counts.generatedTokens += 1
      guard let interval else { return }
      let old = counts.recentInterTokenLatency
      counts.recentInterTokenLatency = old == 0 ? interval : old * 0.9 + interval * 0.1
    }
  }

  /// Tokens came that are known with the end of an answer only.
  package func recordTokens(_ count: Int) { counts.withLock { $0.generatedTokens += UInt64(max(0, count)) } }

  /// A request of the engine has ended by itself.
  package func record(_ summary: RequestSummary, totalSeconds: Double) {
    answerLength.observe(Double(summary.completionTokenCount))
    requestLatency.observe(totalSeconds)
    counts.withLock { counts in
      counts.queriedTokens += UInt64(summary.promptTokenCount)
      counts.cachedTokens += UInt64(summary.cachedTokenCount)
      counts.finished[summary.reason.name, default: 0] += 1
    }
  }

  /// An embedding is there, whose prompt has been recorded.
  package func record(_ embedding: Embedding, totalSeconds: Double) {
    requestLatency.observe(totalSeconds)
    counts.withLock { counts in
      counts.queriedTokens += UInt64(embedding.promptTokenCount)
      counts.cachedTokens += UInt64(embedding.cachedTokenCount)
      counts.finished["embedding", default: 0] += 1
    }
  }

  /// A request was broken off: by its client, by a time limit, by a failure.
  package func recordBroken(_ reason: String) { counts.withLock { $0.broken[reason, default: 0] += 1 } }

  /// An HTTP request was answered.
  package func recordAnswer(route: String, status: Int) {
    counts.withLock { $0.answers[Answered(route: route, status: status), default: 0] += 1 }
  }

  /// The newest time to the first token and a running mean of the time between tokens, in seconds.
  package var recentLatencies: (timeToFirstToken: Double, interTokenLatency: Double) {
    counts.withLock { ($0.recentTimeToFirstToken, $0.recentInterTokenLatency) }
  }

  /// Everything as Prometheus reads it.
  ///
  /// - Parameters:
  ///   - model: the name of the model, which labels what is about it.
  ///   - statistics: the executor's; nil while the model is loading.
  ///   - activeRequests: generating HTTP requests under way.
  package func text(model: String, statistics: ExecutorStatistics?, activeRequests: Int) -> String {
    var text = MetricsText()
    let label = [("model_name", model)]
    let counts = counts.withLock { $0 }
    if let statistics {
      gauges(statistics, counts, label, &text)
      text.counter(
        "inflight_num_preemptions_total", "Times that a running request was paused.",
        [(label, Double(statistics.pauseCount))])
      text.counter(
        "inflight_engine_steps_total", "Steps of the engine.", [(label, Double(statistics.stepCount))])
      text.counter(
        "inflight_engine_tokens_total", "Tokens that went through the model, prompts after a pause again.",
        [(label, Double(statistics.processedTokenCount))])
    }
    text.gauge("inflight_http_requests_active", "Generating HTTP requests under way.", Double(activeRequests))
    text.counter(
      "inflight_prompt_tokens_total", "Tokens of prompts that were begun.", [(label, Double(counts.promptTokens))])
    text.counter(
      "inflight_generation_tokens_total", "Tokens of answers so far.",
      [(label, Double(counts.generatedTokens))])
    text.counter(
      "inflight_prefix_cache_queries_total", "Tokens of prompts that were looked for in the cache, of ended requests.",
      [(label, Double(counts.queriedTokens))])
    text.counter(
      "inflight_prefix_cache_hits_total", "Tokens of prompts that were found in the cache, of ended requests.",
      [(label, Double(counts.cachedTokens))])
    text.counter(
      "inflight_request_success_total", "Requests that were finished, by how.",
      counts.finished.sorted { $0.key < $1.key }.map { (label + [("finished_reason", $0.key)], Double($0.value)) })
    text.counter(
      "inflight_request_failure_total", "Requests that were begun and broken off, by why.",
      counts.broken.sorted { $0.key < $1.key }.map { (label + [("reason", $0.key)], Double($0.value)) })
    text.counter(
      "inflight_http_requests_total", "Answered HTTP requests.",
      counts.answers.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }.map {
        ([("route", $0.key.route), ("status", String($0.key.status))], Double($0.value))
      })
    histograms(label, &text)
    return text.text
  }

  private func gauges(
    _ statistics: ExecutorStatistics, _ counts: Counts, _ label: [(String, String)], _ text: inout MetricsText
  ) {
    text.gauge(
      "inflight_num_requests_running", "Requests that hold resources.", Double(statistics.activeRequestCount),
      labels: label)
    text.gauge(
      "inflight_num_requests_waiting", "Requests that wait.", Double(statistics.waitingRequestCount), labels: label)
    let blocks = statistics.usedBlockCount + statistics.freeBlockCount
    text.gauge(
      "inflight_kv_cache_usage_ratio", "Part of the cache's blocks that requests hold.",
      blocks == 0 ? 0 : Double(statistics.usedBlockCount) / Double(blocks), labels: label)
    text.gauge(
      "inflight_prefix_cache_hit_ratio", "Part of the tokens of started requests that was found in the cache.",
      counts.lastStep.cacheHitRate, labels: label)
    text.gauge(
      "inflight_seconds_since_progress", "Seconds since the last step while there is something to do.",
      statistics.secondsSinceProgress, labels: label)
  }

  private func histograms(_ label: [(String, String)], _ text: inout MetricsText) {
    text.histogram(
      "inflight_time_to_first_token_seconds", "From arrival to the first token.", timeToFirstToken, labels: label)
    text.histogram(
      "inflight_inter_token_latency_seconds", "Between two tokens of an answer.", interTokenLatency, labels: label)
    text.histogram(
      "inflight_request_queue_time_seconds",
      "From submission to the first resources, or to the end of a request that never had any.", queueTime, labels: label
    )
    text.histogram(
      "inflight_e2e_request_latency_seconds", "From arrival to the last token.", requestLatency, labels: label)
    text.histogram("inflight_step_time_seconds", "A step of the engine.", stepTime, labels: label)
    text.histogram("inflight_request_prompt_tokens", "Tokens of a prompt.", promptLength, labels: label)
    text.histogram("inflight_request_generation_tokens", "Tokens of an answer.", answerLength, labels: label)
  }
}
