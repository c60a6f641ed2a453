import Catalogue
import Testing

@Suite struct ByteCountParsingTests {
  @Test(arguments: [
    ("1073741824", 1 << 30), ("512MiB", 512 << 20), ("1.5GB", 1_500_000_000), ("2G", 2 << 30), ("3k", 3072),
    ("1tib", 1 << 40), ("7b", 7), ("0.5KiB", 512),
  ]) func sizesAsPeopleWriteThem(text: String, bytes: Int) {
    #expect(ByteCount(parsing: text)?.bytes == bytes)
  }

  @Test(arguments: [
    "", "x", "1x", "MiB", "-1", "0", "1 MiB", "1e3", "nan", "inf", "0.1", "99999999T", "1..2", "1MiBs", "+1",
  ])
  func nothingElse(text: String) { #expect(ByteCount(parsing: text) == nil) }
}
