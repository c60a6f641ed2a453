import Catalogue
import Testing

@Suite("The progress line")
struct ProgressLineTests {
  let line = ProgressLine(
    label: "smollm2", fraction: 0.48, bytes: (44_600_000, 92_900_000), speed: 11_200_000)

  @Test("shows everything where there is room")
  func whole() {
    #expect(
      line.text(width: 100)
        == "smollm2  [" + String(repeating: "=", count: 18) + ">" + String(repeating: " ", count: 21)
        + "]   48%  44.6 / 92.9 MB  11.2 MB/s  ETA 0:05")
  }

  @Test("leaves out what matters least, and never reaches the last column", arguments: 0...120)
  func narrow(width: Int) {
    for line in [line, ProgressLine(label: "a\u{1b}[31m\n", fraction: nil), ProgressLine(label: "x", fraction: 1)] {
      let text = line.text(width: width)
      #expect(text.count <= max(0, width - 1))
      #expect(text.unicodeScalars.allSatisfy { $0.value >= 32 })
      if width > 8, line.fraction != nil { #expect(text.contains("%")) }
    }
  }

  @Test("drops the time left, then the speed, then the bytes")
  func order() {
    #expect(line.text(width: 46) == "smollm2   48%  44.6 / 92.9 MB  11.2 MB/s")
    #expect(line.text(width: 31) == "smollm2   48%  44.6 / 92.9 MB")
    #expect(line.text(width: 12) == "smol…   48%")
  }

  @Test("the end is full, and impossible numbers do no harm")
  func edges() {
    #expect(
      ProgressLine(label: "x", fraction: 1).text(width: 80).contains(
        "[" + String(repeating: "=", count: 40) + "]  100%"))
    #expect(ProgressLine(label: "x", fraction: 0.9999).text(width: 80).contains(" 99%"))
    for fraction in [Double.nan, -1, 7, .infinity] {
      _ = ProgressLine(label: "x", fraction: fraction, bytes: (9, 3), speed: fraction).text(width: 80)
    }
    #expect(ProgressLine(label: "x", fraction: nil, bytes: (1234, nil)).text(width: 80) == "x  1.2 kB")
    let slow = ProgressLine(label: "x", fraction: 0, bytes: (0, 10_000_000), speed: 1000)
    #expect(slow.text(width: 80).hasSuffix("ETA 2:46:40"))
  }

  @Test("says what is being done")
  func phases() {
    func text(_ phase: DownloadStatus.Phase) -> String {
      ProgressLine(DownloadStatus(label: "m", phase: phase, bytes: 1, totalBytes: 2), speed: nil).text(width: 80)
    }
    #expect(text(.downloading).hasPrefix("m  [") && text(.downloading).hasSuffix("]   50%  1 / 2 B"))
    #expect(text(.verifying).hasPrefix("verifying m"))
    #expect(text(.unpacking).hasPrefix("unpacking m"))
    #expect(text(.waiting) == "waiting for another process that fetches m")
  }

  @Test("measures speed over the last seconds")
  func speed() throws {
    var meter = SpeedMeter()
    meter.add(0, at: 0)
    #expect(meter.bytesPerSecond == nil)
    meter.add(1000, at: 1)
    #expect(meter.bytesPerSecond == 1000)
    for second in 2...20 { meter.add(1000 + second * 10, at: Double(second)) }
    #expect(try #require(meter.bytesPerSecond) == 10)
    meter.add(0, at: 21)
    #expect(meter.bytesPerSecond == nil)
  }
}

@Suite("Amounts of bytes")
struct ByteCountTests {
  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (92_871_040, "92.9 MB"),
    (1_500_000_000, "1.5 GB"), (2_000_000_000_000, "2.0 TB"), (-5, "0 B"),
  ])
  func text(bytes: Int, expected: String) { #expect(ByteCount(bytes).description == expected) }
}
