internal import Decoding
internal import ModelEngines
internal import Requests
internal import Resources
internal import Scheduling

/// The batch of one step and what is known about each of its requests; reused from step to step.
struct StepBatch {
  /// One request's part.
  struct Item {
    /// Index of the request in the list of active ones.
    var index: Int
    /// Number of tokens it processes.
    var tokenCount: Int
    /// What the resource managers are told about it; complete once the request has a slot.
    var resources: ResourceRequest
    /// Which rows of logits it needs.
    var logits = ForwardBatch.LogitsRequest.none
    /// Which of its hidden states it needs.
    var hidden = ForwardBatch.LogitsRequest.none
    /// Index of its first row of logits.
    var firstRow = 0
    /// Whether the step brings it up to date, so that a token is generated.
    var isCaughtUp = false

    /// Describes `tokenCount` tokens of the request that `view` is of, which is number `index` of the active ones.
    init(view: SchedulableRequest, slot: Int, index: Int, tokenCount: Int) {
      self.index = index
      self.tokenCount = tokenCount
      resources = ResourceRequest(
        id: view.id, slot: slot, processedTokenCount: view.processedTokenCount, tokenCount: tokenCount,
        maximumTokenCount: view.maximumTokenCount, tag: view.tag)
    }

    /// Index of its last row of logits, from which a token is generated.
    var lastRow: Int { logits == .all ? firstRow + tokenCount - 1 : firstRow }

    /// What was one token becomes the token after it.
    mutating func moveOn() { resources.processedTokenCount += 1 }
  }

  /// The parts, in the order of the runs of ``forward``. Until the plan is repeated, those of the step before if it can be.
  var items: [Item] = []
  /// Whether ``items`` are one token of each active request, and the policies would plan the same again.
  var isRepeatable = false
  /// Number of tokens that were planned.
  var tokenCount = 0
  /// Number of rows of logits that were planned.
  var rowCount = 0
  /// What the engine is given.
  var forward = ForwardBatch()
  /// The rows from which tokens are generated. Until they are written over, those of the step before: most samples have the
  /// place that they had, and to make a row copies all parameters of its request.
  private(set) var rows: [DecodingRow] = []
  /// For each of ``rows`` the name of its sample.
  private var rowNames: [RequestID] = []
  /// For each of ``rows`` the item that it belongs to.
  var rowItems: [Int] = []
  /// For each of ``rows`` the sample that it is for.
  var rowSamples: [Int] = []
  /// Whether any of ``rows`` is for a sample that begins in this step.
  var hasFurtherSamples = false
  /// What the decoder made of ``rows``.
  var results: [Result<TokenOutput, DecodingError>] = []

  /// Makes the row of sample `name` the next one, if it was at this place in the step before.
  ///
  /// - Returns: false if it was not; ``add(_:of:)`` must follow, and then or else an entry in ``rowItems``.
  mutating func reuseRow(of name: RequestID, logitsRow: Int, position: Int) -> Bool {
    let place = rowItems.count
    guard place < rows.count, rowNames[place] == name else {
      dropOldRows()
      return false
    }
    rows[place].logitsRow = logitsRow
    rows[place].position = position
    return true
  }

  /// Makes `row`, that of sample `name`, the next one.
  mutating func add(_ row: DecodingRow, of name: RequestID) {
    rows.append(row)
    rowNames.append(name)
  }

  /// Removes the rows of the step before that were not reused.
  mutating func dropOldRows() {
    guard rows.count > rowItems.count else { return }
    rows.removeLast(rows.count - rowItems.count)
    rowNames.removeLast(rowNames.count - rowItems.count)
  }

  /// Empties what was planned.
  mutating func removePlan() {
    items.removeAll(keepingCapacity: true)
    tokenCount = 0
    rowCount = 0
    isRepeatable = false
  }

  /// Empties everything but the plan and the rows, and keeps the storage.
  mutating func removeContents() {
    forward.removeAll()
    rowItems.removeAll(keepingCapacity: true)
    rowSamples.removeAll(keepingCapacity: true)
    hasFurtherSamples = false
    results.removeAll(keepingCapacity: true)
  }
}
