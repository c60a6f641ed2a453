package import JSON

/// A grammar as JSON, so that it can be written down as what was asked for, and made again.
extension Grammar {
  /// The grammar as JSON.
  package var json: JSONValue {
    switch form {
    case .jsonSchema(let schema, let format):
      .object([("form", .string("json_schema")), ("schema", schema), ("format", format.json)])
    case .jsonObject(let format): .object([("form", .string("json_object")), ("format", format.json)])
    case .regex(let pattern): .object([("form", .string("regex")), ("text", .string(pattern))])
    case .text(let text): .object([("form", .string("grammar")), ("text", .string(text))])
    case .choice(let texts):
      .object([("form", .string("choice")), ("texts", .array(texts.map { .string($0) }))])
    case .structuralTags(let tags): .object([("form", .string("structural_tags")), ("tags", tags.json)])
    }
  }

  /// Reads what ``json`` writes; nil for anything else. The depth of the recursion is that of the JSON, which is limited.
  package init?(json: JSONValue) {
    let (text, format) = (json["text"]?.stringValue, json["format"].flatMap { JSONFormat(json: $0) })
    switch json["form"]?.stringValue {
    case "json_schema":
      guard let schema = json["schema"], let format else { return nil }
      self = .jsonSchema(schema, format: format)
    case "json_object":
      guard let format else { return nil }
      self = .jsonObject(format: format)
    case "regex":
      guard let text else { return nil }
      self = .regex(text)
    case "grammar":
      guard let text else { return nil }
      self = .grammar(text)
    case "choice":
      guard let texts = json["texts"]?.strings else { return nil }
      self = .choice(texts)
    case "structural_tags":
      guard let tags = json["tags"].flatMap({ StructuralTags(json: $0) }) else { return nil }
      self = .structuralTags(tags)
    default: return nil
    }
  }
}

extension JSONFormat {
  fileprivate var json: JSONValue {
    let whitespace: (String, JSONValue) =
      switch whitespace {
      case .fixed(let item, let key): ("separators", .array([.string(item), .string(key)]))
      case .flexible(let count): ("most_whitespace", .integer(Int64(clamping: count)))
      }
    return .object([whitespace, ("undeclared", .bool(allowsUndeclaredProperties))])
  }

  fileprivate init?(json: JSONValue) {
    guard let allowsUndeclared = json["undeclared"]?.boolValue else { return nil }
    if let separators = json["separators"]?.strings, separators.count == 2 {
      self.init(
        whitespace: .fixed(itemSeparator: separators[0], keySeparator: separators[1]),
        allowsUndeclaredProperties: allowsUndeclared)
    } else if let count = json["most_whitespace"]?.intValue {
      self.init(whitespace: .flexible(maximumCount: count), allowsUndeclaredProperties: allowsUndeclared)
    } else {
      return nil
    }
  }
}

extension StructuralTags {
  fileprivate var json: JSONValue {
    let tags = tags.map { tag in
      JSONValue.object([("begin", .string(tag.begin)), ("content", tag.content.json), ("end", .string(tag.end))])
    }
    return .object([
      ("tags", .array(tags)), ("triggers", .array(triggers.map { .string($0) })), ("required", .bool(requiresTag)),
      ("ends_after_first", .bool(endsAfterFirstTag)),
    ])
  }

  fileprivate init?(json: JSONValue) {
    guard let values = json["tags"]?.arrayValue, let triggers = json["triggers"]?.strings,
      let isRequired = json["required"]?.boolValue, let endsAfterFirst = json["ends_after_first"]?.boolValue
    else { return nil }
    var tags: [Tag] = []
    for value in values {
      guard let begin = value["begin"]?.stringValue, let end = value["end"]?.stringValue,
        let content = value["content"].flatMap({ Grammar(json: $0) })
      else { return nil }
      tags.append(Tag(begin: begin, content: content, end: end))
    }
    self.init(tags: tags, triggers: triggers, requiresTag: isRequired, endsAfterFirstTag: endsAfterFirst)
  }
}

extension JSONValue {
  /// An array of texts.
  fileprivate var strings: [String]? {
    guard let array = arrayValue else { return nil }
    let strings = array.compactMap(\.stringValue)
    return strings.count == array.count ? strings : nil
  }
}
