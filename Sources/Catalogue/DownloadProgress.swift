/// How far a download is.
package struct DownloadStatus: Sendable {
  /// What is being done.
  package enum Phase: Sendable {
    /// Another process is fetching the same model, and this one waits for it.
    case waiting
    /// Bytes arrive.
    case downloading
    /// A checksum is being computed.
    case verifying
    /// The model is being taken out of its archive.
    case unpacking
    /// Another program does the work, and says on standard error how far it is: nothing should be drawn meanwhile.
    case delegated
  }

  /// What is being fetched.
  package var label: String
  /// What is being done.
  package var phase: Phase
  /// Bytes done in this phase, those of an earlier run included.
  package var bytes: Int
  /// Bytes of the whole phase, if that is known.
  package var totalBytes: Int?

  package init(label: String, phase: Phase, bytes: Int = 0, totalBytes: Int? = nil) {
    self.label = label
    self.phase = phase
    self.bytes = bytes
    self.totalBytes = totalBytes
  }
}

/// Someone who wants to know how far a download is.
package protocol DownloadProgress: Sendable {
  /// Takes note of `status`. Called often, in order, by one task at a time; must not block.
  func update(_ status: DownloadStatus)
}

/// One file of a download that has a name of its own, and may be one of several.
struct ProgressScope: Sendable {
  let label: String
  let receiver: (any DownloadProgress)?
  /// Bytes of the files before this one.
  var baseBytes = 0
  /// Bytes of all files; nil if there is only this one.
  var overallBytes: Int?

  /// Reports `bytes` of `total` of this file.
  func report(_ phase: DownloadStatus.Phase, _ bytes: Int = 0, of total: Int? = nil) {
    receiver?.update(
      DownloadStatus(label: label, phase: phase, bytes: baseBytes + bytes, totalBytes: overallBytes ?? total))
  }
}
