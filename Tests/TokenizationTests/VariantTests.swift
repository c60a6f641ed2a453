import JSON
import Testing
import Tokenization

/// One small tokenizer with other pipelines: flags of added tokens, behaviours of splits, templates, unknown bytes.
@Suite struct VariantTests {
  @Test func changedPipelinesGiveTheReferencesTokens() throws {
    let golden = try Goldens.json("variants.json")
    let base = try Goldens.json("\(golden["base"]?.stringValue ?? "").tokenizer.json")
    let cases = try #require(golden["cases"]?.arrayValue)
    #expect(cases.count > 80)
    for entry in cases {
      let name = entry["name"]?.stringValue ?? ""
      let tokenizer = try Tokenizer(huggingFaceJSON: changed(base, entry), configuration: nil)
      let texts = try Goldens.strings(entry["texts"])
      for (index, text) in texts.enumerated() {
        let expected = try Goldens.ids(entry["ids"]?[index])
        let plain = try Goldens.ids(entry["plain"]?[index])
        #expect(tokenizer.encode(text) == expected, "\(name): \(scalars(text))")
        let found = tokenizer.encode(text, addSpecialTokens: false, parseSpecialTokens: false)
        #expect(found == plain, "\(name): plain \(scalars(text))")
      }
    }
  }

  private func changed(_ base: JSONValue, _ entry: JSONValue) throws -> JSONValue {
    var document = base
    for member in entry["changes"]?.objectValue?.members ?? [] { document = document.setting(member.key, member.value) }
    var model = try #require(document["model"])
    for member in entry["model"]?.objectValue?.members ?? [] { model = model.setting(member.key, member.value) }
    var merges = try #require(model["merges"]?.arrayValue)
    if let order = entry["order"]?.arrayValue { merges = order.map { merges[$0.intValue ?? 0] } }
    if entry["lines"]?.boolValue == true {
      merges =
        [.string("#version: 0.2")]
        + merges.map { .string(($0[0]?.stringValue ?? "") + " " + ($0[1]?.stringValue ?? "")) }
    }
    let dropped = Set(try Goldens.strings(entry["dropped"]).map { Array($0.utf8) })
    let vocabulary = try #require(model["vocab"]?.objectValue).members.filter { !dropped.contains(Array($0.key.utf8)) }
    model = model.setting("merges", .array(merges)).setting("vocab", .object(JSONObject(vocabulary)))
    return document.setting("model", model)
  }
}

extension JSONValue {
  /// The same object with another value for `key`.
  func setting(_ key: String, _ value: JSONValue) -> JSONValue {
    guard var object = objectValue else { return self }
    object.members.removeAll { $0.key.utf8.elementsEqual(key.utf8) }
    object.members.append(JSONObject.Member(key: key, value: value))
    return .object(object)
  }
}
