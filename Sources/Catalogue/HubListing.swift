internal import JSON

/// What a repository of the hub has, at one commit.
package struct HubListing: Sendable {
  /// One file.
  package struct File: Sendable {
    /// The path inside the repository.
    package let name: String
    /// Its bytes, if the hub says it.
    package let size: Int?
    /// What it hashes to, if the hub says it.
    package let digest: ExpectedDigest?
  }

  /// The commit, by which files are fetched, so that all of them belong together.
  package let commit: String
  /// The files that may be of use; safe as paths.
  package let files: [File]

  /// Reads the hub's answer to `/api/models/OWNER/REPO/revision/REVISION?blobs=true`.
  package init(parsing bytes: [UInt8], reference: HubReference) throws(CatalogueError) {
    func invalid(_ reason: String) -> CatalogueError { .invalidListing(repository: reference.name, reason: reason) }
    let document: JSONValue
    do { document = try JSONValue(parsing: bytes) } catch { throw invalid(error.description) }
    guard let siblings = document["siblings"]?.arrayValue else { throw invalid("it has no list 'siblings'") }
    guard let commit = document["sha"]?.stringValue, Self.isCommit(commit) else {
      throw invalid("it names no commit in 'sha'")
    }
    self.commit = commit
    var files: [File] = []
    for sibling in siblings {
      guard let name = sibling["rfilename"]?.stringValue else { throw invalid("a file has no 'rfilename'") }
      guard isSafeRelativePath(name) else { throw invalid("the file name \(quoted(name)) leads out of the directory") }
      let large = sibling["lfs"]
      let size = large?["size"]?.intValue ?? sibling["size"]?.intValue
      guard size ?? 0 >= 0 else { throw invalid("the size of \(quoted(name)) is negative") }
      let sha256 = large?["sha256"]?.stringValue.flatMap(SHA256Text.normalized)
      let blob = large == nil || large?.isNull == true ? sibling["blobId"]?.stringValue : nil
      let digest =
        sha256.map { ExpectedDigest.sha256($0) } ?? blob.flatMap { Self.isCommit($0) ? .gitBlob($0) : nil }
      files.append(File(name: name, size: size, digest: digest))
    }
    self.files = files
  }

  private static func isCommit(_ text: String) -> Bool {
    text.utf8.count == 40 && text.utf8.allSatisfy { SHA256Text.isHexDigit($0) }
  }

  /// The files to fetch for `reference`: the chosen GGUF file; or everything that a model in safetensors needs; or the
  /// only GGUF file. Throws `noModelFiles` with what there is instead.
  package func selection(for reference: HubReference) throws(CatalogueError) -> [File] {
    func none(_ reason: String) -> CatalogueError { .noModelFiles(repository: reference.name, reason: reason) }
    let archives = files.filter { $0.name.utf8.suffix(5).elementsEqual(".gguf".utf8) }
    let choices = archives.prefix(20).map(\.name).joined(separator: ", ")
    if let chosen = reference.file {
      guard let file = files.first(where: { $0.name.utf8.elementsEqual(chosen.utf8) }) else {
        throw none("there is no file \(quoted(chosen))" + (archives.isEmpty ? "" : "; it has \(choices)"))
      }
      return [file]
    }
    let weights = Self.weights(files)
    if !weights.isEmpty, files.contains(where: { $0.name.utf8.elementsEqual("config.json".utf8) }) {
      return files.filter { Self.isDescription($0.name) } + weights
    }
    switch archives.count {
    case 0: throw none("it has neither config.json with .safetensors files nor a .gguf file")
    case 1: return archives
    default:
      throw none("it has several .gguf files; name one, as in hf:\(reference.name)/\(archives[0].name): \(choices)")
    }
  }

  /// The safetensors files at the top level. Repositories that carry the same weights twice call one set `model...`.
  private static func weights(_ files: [File]) -> [File] {
    let all = files.filter { file in
      !file.name.utf8.contains(UInt8(ascii: "/")) && file.name.utf8.suffix(12).elementsEqual(".safetensors".utf8)
    }
    let standard = all.filter { $0.name.utf8.starts(with: "model".utf8) }
    return standard.isEmpty ? all : standard
  }

  /// Whether a file describes the model, its tokenizer or its chat template.
  private static func isDescription(_ name: String) -> Bool {
    let exact = [
      "config.json", "generation_config.json", "model.safetensors.index.json", "vocab.json", "merges.txt",
      "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    ]
    if exact.contains(where: { $0.utf8.elementsEqual(name.utf8) }) { return true }
    guard !name.utf8.contains(UInt8(ascii: "/")) else {
      return name.utf8.starts(with: "additional_chat_templates/".utf8)
        && name.utf8.suffix(6).elementsEqual(".jinja".utf8)
    }
    return name.utf8.starts(with: "tokenizer".utf8) || name.utf8.starts(with: "chat_template".utf8)
  }
}
