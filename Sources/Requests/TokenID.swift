/// The identifier of a token in a model's vocabulary, counted from 0.
public typealias TokenID = Int32
