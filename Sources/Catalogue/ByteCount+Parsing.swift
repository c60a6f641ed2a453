extension ByteCount {
  /// Units of 1024 end in `iB` or are single letters, as with `dd` and containers; those of 1000 end in `B`.
  private static let units: [(name: String, factor: Double)] = [
    ("", 1), ("B", 1),
    ("K", 1024), ("KIB", 1024), ("KB", 1e3), ("M", 1_048_576), ("MIB", 1_048_576), ("MB", 1e6),
    ("G", 1_073_741_824), ("GIB", 1_073_741_824), ("GB", 1e9), ("T", 1_099_511_627_776), ("TIB", 1_099_511_627_776),
    ("TB", 1e12),
  ]

  /// A number of bytes as people write it: `1073741824`, `512MiB`, `1.5gb`, `2G`; nil for anything else, and for less than
  /// one byte.
  package init?(parsing text: String) {
    let bytes = Array(text.utf8)
    let digits = bytes.prefix { (0x30...0x39).contains($0) || $0 == 0x2E }
    let name = String(decoding: bytes[digits.count...], as: UTF8.self).uppercased()
    guard let number = Double(String(decoding: digits, as: UTF8.self)),
      let unit = Self.units.first(where: { $0.name.utf8.elementsEqual(name.utf8) })
    else { return nil }
    let count = number * unit.factor
    guard count.isFinite, count >= 1, count < 9e18 else { return nil }
    self.init(Int(count))
  }
}
