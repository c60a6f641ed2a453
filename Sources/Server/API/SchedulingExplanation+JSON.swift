internal import JSON
internal import Requests
internal import Scheduling

extension SchedulingExplanation {
  /// The request's number and the reason, in words, by name and in numbers.
  var json: JSONValue {
    let (name, numbers) = cause.parts
    return .object([
      ("request", .integer(Int64(clamping: id.rawValue))), ("reason", .string(description)), ("cause", .string(name)),
      ("numbers", .object(numbers.map { ($0.0, .integer(Int64($0.1))) })),
    ])
  }
}

extension SchedulingExplanation.Cause {
  /// A name for programs, and the numbers with theirs.
  fileprivate var parts: (name: String, numbers: [(String, Int)]) {
    switch self {
    case .blocks(let needed, let free, let reserved):
      ("blocks", [("needed", needed), ("free", free), ("reserved", reserved)])
    case .blocksToStart(let needed, let left): ("blocks_to_start", [("needed", needed), ("left", left)])
    case .prefix: ("prefix", [])
    case .runningBatch(let requestCount): ("running_batch", [("requests", requestCount)])
    case .prefillBudget(let pending, let limit): ("prefill_budget", [("pending", pending), ("limit", limit)])
    case .headOfLine(let behind): ("head_of_line", [("behind", Int(clamping: behind.rawValue))])
    case .batchSize(let limit): ("batch_size", [("limit", limit)])
    case .tokenBudget(let pending, let left, let limit):
      ("token_budget", [("pending", pending), ("left", left), ("limit", limit)])
    case .logitsRows(let needed, let left, let limit):
      ("logits_rows", [("needed", needed), ("left", left), ("limit", limit)])
    case .paused: ("paused", [])
    case .policy: ("policy", [])
    }
  }
}
