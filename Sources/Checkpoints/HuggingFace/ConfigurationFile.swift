internal import JSON
internal import Tensors

/// A JSON object in a file, with typed look-up whose errors name the file and the key.
struct ConfigurationFile {
  /// The path, for messages.
  let path: String
  /// Put before the keys in messages, "rope_scaling." for example.
  let prefix: String
  /// The members.
  let object: JSONObject

  /// Small files only: nobody's configuration is larger.
  private static let limits = JSONLimits(byteCount: 64 << 20)

  private init(path: String, prefix: String, object: JSONObject) {
    self.path = path
    self.prefix = prefix
    self.object = object
  }

  /// Reads a file that must be there.
  init(path: String) throws(CheckpointError) {
    try self.init(file: try MappedFile.checkpointFile(path: path))
  }

  /// Reads a file, or returns nil if there is none.
  init?(ifPresent path: String) throws(CheckpointError) {
    guard let file = try MappedFile.checkpointFile(ifPresent: path) else { return nil }
    try self.init(file: file)
  }

  private init(file: MappedFile) throws(CheckpointError) {
    guard case .object(let object) = try Self.value(in: file) else {
      throw .malformed(file: file.path, offset: nil, problem: "expected a JSON object")
    }
    self.init(path: file.path, prefix: "", object: object)
  }

  /// The JSON value in a file.
  static func value(in file: MappedFile) throws(CheckpointError) -> JSONValue {
    do {
      return try file.withBytes { (bytes) throws(JSONError) in try JSONValue(parsing: bytes, limits: limits) }
    } catch {
      throw .malformed(file: file.path, offset: nil, problem: error.description)
    }
  }

  /// The value of `key`, or nil if it is absent or null.
  subscript(key: String) -> JSONValue? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func refuse(_ key: String, _ problem: String) -> CheckpointError {
    .invalidConfiguration(file: path, key: prefix + key, problem: problem)
  }

  func integer(_ key: String) throws(CheckpointError) -> Int? {
    guard let value = self[key] else { return nil }
    guard let integer = value.intValue else { throw refuse(key, "must be an integer") }
    return integer
  }

  func number(_ key: String) throws(CheckpointError) -> Double? {
    guard let value = self[key] else { return nil }
    guard let number = value.doubleValue else { throw refuse(key, "must be a number") }
    return number
  }

  func bool(_ key: String) throws(CheckpointError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard let bool = value.boolValue else { throw refuse(key, "must be true or false") }
    return bool
  }

  func string(_ key: String) throws(CheckpointError) -> String? {
    guard let value = self[key] else { return nil }
    guard let string = value.stringValue else { throw refuse(key, "must be a string") }
    return string
  }

  func child(_ key: String) throws(CheckpointError) -> ConfigurationFile? {
    guard let value = self[key] else { return nil }
    guard let object = value.objectValue else { throw refuse(key, "must be an object") }
    return ConfigurationFile(path: path, prefix: "\(prefix)\(key).", object: object)
  }

  func required<Value>(_ key: String, _ value: Value?) throws(CheckpointError) -> Value {
    guard let value else { throw refuse(key, "is missing") }
    return value
  }

  /// One token or a list of tokens.
  func tokens(_ key: String) throws(CheckpointError) -> [Int32] {
    guard let value = self[key] else { return [] }
    var tokens: [Int32] = []
    for element in value.arrayValue ?? [value] {
      guard let integer = element.intValue, let token = Int32(exactly: integer), token >= 0 else {
        throw refuse(key, "must be a token or a list of tokens")
      }
      if !tokens.contains(token) { tokens.append(token) }
    }
    return tokens
  }
}
