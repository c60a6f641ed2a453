import Foundation
import Server
import Testing

struct PageAssetsTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources/Server/Page").standardizedFileURL

  private static func text(_ asset: PageAssets.Asset) -> String {
    String(decoding: asset.body, as: UTF8.self)
  }

  private static var page: String {
    PageAssets.all.first.map(text) ?? ""
  }

  @Test func everyFileIsEmbeddedAsItIs() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path).sorted()
    let paths = PageAssets.all.map(\.path)
    #expect(Set(paths).count == paths.count)
    #expect(names.map { $0 == "index.html" ? "/" : "/\($0)" }.sorted() == paths.sorted())
    for asset in PageAssets.all {
      let name = asset.path == "/" ? "index.html" : String(asset.path.dropFirst())
      #expect(try Data(contentsOf: Self.directory.appending(path: name)) == Data(asset.body), "\(name)")
    }
  }

  @Test func pathsFindTheirFiles() {
    for asset in PageAssets.all {
      #expect(PageAssets.asset(at: asset.path)?.entityTag == asset.entityTag)
    }
    for path in ["", "//", "/index.html", "/App.js", "/app.js/", "app.js", "/../app.js", "/v1/models"] {
      #expect(PageAssets.asset(at: path)?.path == nil, "\(path)")
    }
  }

  @Test func contentTypesFollowTheNames() {
    let types = ["js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"]
    for asset in PageAssets.all where asset.path != "/" {
      #expect(asset.contentType == types[asset.path.split(separator: ".").last.map(String.init) ?? ""], "\(asset.path)")
    }
    #expect(PageAssets.all.first?.path == "/")
    #expect(PageAssets.all.first?.contentType == "text/html; charset=utf-8")
  }

  @Test func entityTagsAreQuotedAndDiffer() {
    for asset in PageAssets.all {
      #expect(asset.entityTag.wholeMatch(of: /"[0-9a-f]{1,16}"/) != nil, "\(asset.entityTag)")
    }
    #expect(Set(PageAssets.all.map(\.entityTag)).count == PageAssets.all.count)
  }

  @Test func whatTheFilesReferToIsThere() {
    let paths = Set(PageAssets.all.map(\.path))
    for asset in PageAssets.all {
      for match in Self.text(asset).matches(of: /(?:src|href)="(\/[^"]*)"|from "\.(\/[^"]*)"/) {
        let path = String(match.1 ?? match.2 ?? "")
        #expect(paths.contains(path), "\(asset.path) refers to \(path)")
      }
    }
  }

  @Test func thePolicyOfThePageIsThatOfTheHeaders() throws {
    let header = try #require(PageAssets.headers.first { $0.name == "Content-Security-Policy" }).value
    let match = try #require(Self.page.firstMatch(of: /Content-Security-Policy" content="([^"]*)"/))
    #expect(header == "\(match.1); frame-ancestors 'none'")
  }

  @Test func nothingNeedsWhatThePolicyForbids() {
    #expect(Self.page.firstMatch(of: /<[^>]* (?:on[a-z]+|style)=/) == nil)
    #expect(Self.page.firstMatch(of: /<script(?![^>]*src="\/)/) == nil)
    for asset in PageAssets.all where asset.path != "/icon.svg" {
      let text = Self.text(asset)
      #expect(text.firstMatch(of: /(?:src|href)="https?:|url\(|@import|\bfetch\("http/) == nil, "\(asset.path)")
      let interpreting = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/
      #expect(text.firstMatch(of: interpreting) == nil, "\(asset.path)")
    }
  }
}
