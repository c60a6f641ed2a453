/// What happens to an executor in a simulation: which machine it has, who comes when, what goes wrong. A plain value, so
/// that a failing one can be made smaller and written down.
public struct Scenario: Sendable, Equatable, CustomStringConvertible {
  /// One request and its fate.
  public struct Client: Sendable, Equatable {
    /// The step in which the request arrives.
    public var arrival: Int
    /// Which of a few common beginnings the prompt has, and how much of it.
    public var prefix: (number: Int, count: Int)
    /// Number of tokens of the prompt that are the client's own.
    public var ownCount: Int
    /// Tokens to generate.
    public var maxTokens: Int
    /// The request's priority.
    public var priority: Int
    /// The step in which the request is cancelled, if it is.
    public var cancellation: Int?
    /// Whether the request samples, instead of taking the most probable token.
    public var isSampling: Bool
    /// Whether it asks for log-probabilities of its prompt.
    public var hasPromptLogprobs: Bool
    /// Which salt it has; 0 for none.
    public var salt: Int
    /// Number of tokens from which on the engine cannot compute the request, if there is one.
    public var failureLength: Int?

    /// Whether everything is equal.
    public static func == (left: Client, right: Client) -> Bool {
      left.arrival == right.arrival && left.prefix == right.prefix && left.ownCount == right.ownCount
        && left.maxTokens == right.maxTokens && left.priority == right.priority
        && left.cancellation == right.cancellation && left.isSampling == right.isSampling
        && left.hasPromptLogprobs == right.hasPromptLogprobs && left.salt == right.salt
        && left.failureLength == right.failureLength
    }

    /// Number of tokens of the prompt.
    public var promptCount: Int { prefix.count + ownCount }
  }

  /// The seed of the tokens.
  public var seed: UInt64
  /// Number of tokens of a cache block.
  public var blockSize: Int
  /// Number of cache blocks.
  public var blockCount: Int
  /// Number of blocks of the second tier.
  public var hostBlockCount: Int
  /// Most tokens in a batch.
  public var batchTokens: Int
  /// Most requests in a batch.
  public var batchRequests: Int
  /// Most rows of logits in a batch.
  public var batchRows: Int
  /// Most tokens of prompts in a step while requests generate.
  public var prefillTokens: Int?
  /// Whether prefixes are shared.
  public var isReusing: Bool
  /// The passes, counted from 0, that fail as a whole.
  public var failingPasses: [Int]
  /// The requests.
  public var clients: [Client]

  /// A random scenario. All requests fit into the cache, one at a time.
  public init(seed: UInt64) {
    var generator = SeededGenerator(seed: seed &* 2 &+ 1)
    self.seed = seed
    blockSize = generator.number(1...8)
    blockCount = max((56 + blockSize) / blockSize + 1, generator.number(4...60))
    hostBlockCount = generator.number(0...2) == 0 ? generator.number(1...40) : 0
    batchTokens = generator.number(8...64)
    batchRows = generator.number(2...24)
    batchRequests = min(generator.number(1...12), batchTokens, batchRows)
    prefillTokens = generator.number(0...3) == 0 ? generator.number(1...32) : nil
    isReusing = generator.number(0...7) > 0
    failingPasses = generator.number(0...3) == 0 ? [generator.number(0...40), generator.number(0...80)] : []
    let mayFail = generator.number(0...3) == 0
    clients = []
    var arrival = 0
    for _ in 0..<generator.number(1...20) {
      arrival += generator.number(0...1) == 0 ? 0 : generator.number(0...6)
      let prefix = (number: generator.number(0...2), count: generator.number(0...1) * generator.number(0...24))
      let ownCount = generator.number(prefix.count == 0 ? 1...12 : 0...12)
      clients.append(
        Client(
          arrival: arrival, prefix: prefix, ownCount: ownCount, maxTokens: generator.number(1...20),
          priority: generator.number(0...4) / 2,
          cancellation: generator.number(0...7) == 0 ? arrival + generator.number(0...30) : nil,
          isSampling: generator.number(0...3) == 0, hasPromptLogprobs: generator.number(0...7) == 0,
          salt: generator.number(0...5) == 0 ? generator.number(1...2) : 0,
          failureLength: mayFail && generator.number(0...3) == 0
            ? prefix.count + ownCount + generator.number(0...10) : nil))
    }
  }

  /// The scenario in words that suffice to build it again.
  public var description: String {
    let machine =
      "seed \(seed), \(blockCount) blocks of \(blockSize) (\(hostBlockCount) more in the second tier), batches of "
      + "\(batchRequests) requests, \(batchTokens) tokens, \(batchRows) rows, prefill "
      + "\(prefillTokens.map(String.init) ?? "any"), \(isReusing ? "" : "no ")reuse, failing passes \(failingPasses)"
    return ([machine] + clients.enumerated().map { "client \($0.offset): \($0.element)" }).joined(separator: "\n")
  }

  /// Scenarios that are a little smaller than this one, the smallest first.
  var reductions: [Scenario] {
    var smaller: [Scenario] = []
    func add(_ change: (inout Scenario) -> Void) {
      var copy = self
      change(&copy)
      if copy != self { smaller.append(copy) }
    }
    if clients.count > 1 {
      add { $0.clients.removeFirst($0.clients.count / 2) }
      add { $0.clients.removeLast($0.clients.count / 2) }
    }
    for index in clients.indices where clients.count > 1 { add { $0.clients.remove(at: index) } }
    for index in failingPasses.indices { add { $0.failingPasses.remove(at: index) } }
    add { $0.hostBlockCount = 0 }
    add { $0.prefillTokens = nil }
    add { $0.isReusing = false }
    for index in clients.indices {
      add { $0.clients[index].cancellation = nil }
      add { $0.clients[index].failureLength = nil }
      add { $0.clients[index].isSampling = false }
      add { $0.clients[index].hasPromptLogprobs = false }
      add { $0.clients[index].salt = 0 }
      add { $0.clients[index].priority = 0 }
      add { $0.clients[index].arrival = 0 }
      add { $0.clients[index].maxTokens = ($0.clients[index].maxTokens + 1) / 2 }
      add { $0.clients[index].ownCount = ($0.clients[index].ownCount + 1) / 2 }
      if clients[index].ownCount > 0 { add { $0.clients[index].prefix.count /= 2 } }
    }
    return smaller
  }
}
