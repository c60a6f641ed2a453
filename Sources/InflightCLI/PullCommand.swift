internal import ArgumentParser
internal import Catalogue
internal import JSON

/// `inflight pull`
struct PullCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetch and verify a model.",
    discussion: """
      What was fetched is kept when the command is interrupted, and the same command continues there.

      EXAMPLES:
        inflight pull
        inflight pull hf:OWNER/REPO
        inflight pull --verify smollm2-135m-instruct
        inflight pull --list
      """)

  @Argument(help: "A catalogue name, hf:OWNER/REPO[@REVISION][/FILE.gguf], or a path. Default: the demo model.")
  var model: String?

  @Flag(help: "Read a fetched model that is already here again and check that it is undamaged.")
  var verify = false

  @Flag(help: "List the models that have a name.")
  var list = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let catalogue = ModelCatalogue()
    if list {
      printList(catalogue)
      return
    }
    if verify, let model, case .path = try ModelReference(model) {
      throw CommandFailure("\(model) was not fetched, so there is nothing to compare it with; see inflight inspect")
    }
    let bar = ProgressBar()
    defer { bar.finish() }
    let path =
      verify
      ? try await catalogue.verify(model, progress: bar) : try await catalogue.resolve(model, progress: bar)
    bar.finish()
    StandardOutput.write(json ? JSONValue.object([("path", .string(path))]).serialized() + "\n" : path + "\n")
  }

  private func printList(_ catalogue: ModelCatalogue) {
    for entry in catalogue.entries {
      if json {
        StandardOutput.write(
          .object([
            ("name", .string(entry.name)), ("description", .string(entry.description)),
            ("bytes", .integer(Int64(entry.size))), ("licence", .string(entry.licence)),
          ]))
      } else {
        StandardOutput.write("\(entry.name)\t\(entry.size >> 20) MiB\t\(entry.licence)\t\(entry.description)\n")
      }
    }
  }
}
