extension JSONValue {
  /// The document as text; `pretty` puts every member and element on a line of its own, indented by two spaces.
  package func serialized(pretty: Bool = false) -> String { "" }
}
