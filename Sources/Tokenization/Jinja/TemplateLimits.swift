/// What one rendering may use. Templates come with the models that people download, so they are not trusted.
package struct TemplateLimits: Sendable {
  /// The number of steps: statements, expressions and items visited, and blocks of 64 bytes copied or looked at.
  package var steps: Int
  /// The size of the rendered text and of any single string, in bytes.
  package var outputBytes: Int
  /// The size of all strings and lists made on the way, together, in bytes.
  package var allocatedBytes: Int
  /// How deep statements, expressions and macro calls may nest while they run. Sized so that a thread with a stack
  /// of 512 KiB is enough.
  package var depth: Int

  /// Limits; the defaults are far beyond what real templates need.
  package init(
    steps: Int = 5_000_000, outputBytes: Int = 16 << 20, allocatedBytes: Int = 256 << 20, depth: Int = 160
  ) {
    self.steps = steps
    self.outputBytes = outputBytes
    self.allocatedBytes = allocatedBytes
    self.depth = depth
  }

  /// The largest range, as in Jinja's sandbox.
  static let rangeCount = 100_000
  /// How deep values may nest in each other.
  static let valueDepth = 64
  /// How deep statements and expressions may nest in the text of a template.
  static let nesting = 64
  /// The largest template, in bytes.
  static let sourceBytes = 4 << 20
}
