/// What the system calls this machine's processor; "unknown processor" if it does not say.
package func processorName() -> String {
  var fields: [Substring: Substring] = [:]
  for line in lines(of: "/proc/cpuinfo") {
    let parts = line.split(separator: ":", maxSplits: 1)
    guard parts.count == 2 else { continue }
    let name = parts[0].prefix { $0 != "\t" }
    if fields[name] == nil { fields[name] = parts[1].drop { $0 == " " } }
  }
  guard let name = fields["model name"] else { return "unknown processor" }
  guard let family = fields["cpu family"], let model = fields["model"] else { return String(name) }
  return "\(name) (family \(family), model \(model))"
}

/// Bytes of the largest cache of the first processor; 0 if the system does not say.
func lastLevelCacheByteCount() -> Int {
  (0..<8).reduce(0) { largest, index in
    guard let text = lines(of: "/sys/devices/system/cpu/cpu0/cache/index\(index)/size").first,
      let count = Int(text.prefix { $0.isNumber }), count <= 1 << 20
    else { return largest }
    return max(largest, count << (text.hasSuffix("M") ? 20 : 10))
  }
}
