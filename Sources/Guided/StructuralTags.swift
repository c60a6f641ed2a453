/// Free text with tags: wherever a trigger occurs, one of the tags that begin with it must follow.
public struct StructuralTags: Sendable {
  /// One tag: what it begins with, what is in it, and what it ends with.
  public struct Tag: Sendable {
    /// The text that begins the tag; one of the triggers is its beginning.
    public var begin: String
    /// What is between beginning and end.
    public var content: Grammar
    /// The text that ends the tag.
    public var end: String

    /// Creates a tag.
    public init(begin: String, content: Grammar, end: String) {
      self.begin = begin
      self.content = content
      self.end = end
    }
  }

  /// The tags.
  public var tags: [Tag]
  /// The texts that cannot occur but at the beginning of a tag.
  public var triggers: [String]
  /// Whether there must be a tag.
  public var requiresTag: Bool
  /// Whether the text ends with the first tag.
  public var endsAfterFirstTag: Bool

  /// Creates tags.
  public init(tags: [Tag], triggers: [String], requiresTag: Bool = false, endsAfterFirstTag: Bool = false) {
    self.tags = tags
    self.triggers = triggers
    self.requiresTag = requiresTag
    self.endsAfterFirstTag = endsAfterFirstTag
  }
}
