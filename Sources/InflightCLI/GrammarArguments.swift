internal import ArgumentParser
internal import Inflight

/// What the text must look like.
struct GrammarArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The text is JSON of the JSON schema in this file.", valueName: "file"))
  var jsonSchema: String?

  @Flag(help: "The text is any JSON object.")
  var jsonObject = false

  @Option(help: ArgumentHelp("The text matches this regular expression.", valueName: "pattern"))
  var regex: String?

  @Option(help: ArgumentHelp("The text matches the grammar (GBNF) in this file.", valueName: "file"))
  var grammar: String?

  @Option(help: ArgumentHelp("The text is one of these, separated by commas; may be given again.", valueName: "texts"))
  var choice: [String] = []

  func validate() throws {
    let count =
      [jsonSchema, regex, grammar].count { $0 != nil } + [jsonObject, !choice.isEmpty].count { $0 }
    guard count <= 1 else {
      throw ValidationError("use only one of --json-schema, --json-object, --regex, --grammar and --choice")
    }
  }

  /// Whether the text may be anything.
  var isEmpty: Bool { jsonSchema == nil && !jsonObject && regex == nil && grammar == nil && choice.isEmpty }

  /// What makes the texts of `llm` so.
  func controls(_ llm: LLM) throws -> TokenControls {
    if isEmpty { return TokenControls() }
    return try llm.controls(for: try form())
  }

  private func form() throws -> Grammar {
    if let jsonSchema { return try Self.jsonSchema(inFile: jsonSchema) }
    if jsonObject { return .jsonObject() }
    if let grammar { return .grammar(try TextFile.read(grammar)) }
    if let regex { return .regex(regex) }
    return .choice(choice.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) })
  }

  /// The grammar of the JSON schema in a file.
  static func jsonSchema(inFile path: String) throws -> Grammar {
    do {
      return try .jsonSchema(try TextFile.read(path))
    } catch let error as GuidedError {
      throw CommandFailure("\(path): \(error)")
    }
  }
}
