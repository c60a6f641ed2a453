/// A dictionary that keeps the order in which its keys came, as Python's does.
final class JinjaDictionary {
  /// A key as it is compared: numbers that are equal are one key whatever their type.
  enum Key: Hashable {
    case none
    case integer(Int)
    case float(Double)
    case string(JinjaString)
    case tuple([Key])
    case undefined

    /// The key of a value without parts; nil for all others, see ``JinjaInterpreter/key(_:)``.
    init?(_ value: JinjaValue) {
      switch value {
      case .none: self = .none
      case .bool(let flag): self = .integer(flag ? 1 : 0)
      case .int(let integer): self = .integer(integer)
      case .float(let number): self = Int(exactly: number).map { .integer($0) } ?? .float(number)
      case .string(let string): self = .string(string)
      case .undefined: self = .undefined
      default: return nil
      }
    }
  }

  private(set) var keys: [JinjaValue] = []
  private(set) var values: [JinjaValue] = []
  /// The keys as they are compared.
  private var compared: [Key] = []
  /// One more than the depth of the deepest key or value.
  private(set) var depth = 1
  /// Where each key is, kept only once there are too many to walk.
  private var positions: [Key: Int] = [:]
  private static let walkedCount = 8

  /// The number of keys.
  var count: Int { keys.count }

  /// Sets the value of `key`, which has the comparable form `hashed`. Only for the code that builds a dictionary.
  func set(_ key: JinjaValue, _ hashed: Key, to value: JinjaValue) {
    depth = max(depth, value.depth + 1, key.depth + 1)
    if let position = position(of: hashed) {
      values[position] = value
      return
    }
    keys.append(key)
    values.append(value)
    compared.append(hashed)
    if keys.count == Self.walkedCount + 1 {
      for (position, key) in compared.enumerated() { positions[key] = position }
    } else if keys.count > Self.walkedCount {
      positions[hashed] = keys.count - 1
    }
  }

  /// The same for a key that is a string.
  func set(_ key: JinjaString, to value: JinjaValue) { set(.string(key), .string(key), to: value) }

  /// Drops all keys and values.
  func removeAll() {
    keys = []
    values = []
    compared = []
    positions = [:]
  }

  /// Where a key is in `keys`, or nil.
  func position(of key: Key) -> Int? {
    if keys.count > Self.walkedCount { return positions[key] }
    if case .string(let string) = key { return position(of: string) }
    return compared.firstIndex(of: key)
  }

  /// The value of a key, or nil.
  func value(of key: Key) -> JinjaValue? { position(of: key).map { values[$0] } }

  /// The value of a key that is a string, or nil.
  func value(of key: JinjaString) -> JinjaValue? {
    if keys.count > Self.walkedCount { return positions[.string(key)].map { values[$0] } }
    return position(of: key).map { values[$0] }
  }

  private func position(of name: JinjaString) -> Int? {
    for (index, key) in keys.enumerated() {
      if case .string(let string) = key, string == name { return index }
    }
    return nil
  }
}
