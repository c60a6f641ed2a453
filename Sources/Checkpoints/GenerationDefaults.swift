/// What a checkpoint says about generating text with it.
package struct GenerationDefaults: Sendable, Equatable {
  /// Tokens that end a text, without repeats, in the order in which the files name them.
  package var eosTokenIDs: [Int32]
  /// The token that begins a text, if the files name one.
  package var bosTokenID: Int32?
  /// The recommended sampling temperature.
  package var temperature: Double?
  /// The recommended number of candidates.
  package var topK: Int?
  /// The recommended probability mass.
  package var topP: Double?

  package init(
    eosTokenIDs: [Int32] = [], bosTokenID: Int32? = nil, temperature: Double? = nil, topK: Int? = nil,
    topP: Double? = nil
  ) {
    self.eosTokenIDs = eosTokenIDs
    self.bosTokenID = bosTokenID
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
  }
}
