import Catalogue
import Testing

@Suite("Addresses")
struct WebAddressTests {
  @Test("parts, and no secrets in the text")
  func parts() throws {
    let address = try #require(WebAddress("HTTPS://user:p%40ss@Example.ORG:8443/a/b?sig=1#part"))
    #expect(address.scheme == "https" && address.host == "example.org" && address.port == 8443)
    #expect(address.credentials == "user:p%40ss" && address.path == "/a/b" && address.query == "sig=1")
    #expect(address.description == "https://example.org:8443/a/b")
    #expect(address.requestText == "https://example.org:8443/a/b?sig=1")
    #expect(WebAddress("http://[::1]:80")?.host == "[::1]" && WebAddress("http://[::1]:80")?.path == "/")
    #expect(WebAddress("http://a?x=http://b/c")?.host == "a")
  }

  @Test(
    "refuses the rest",
    arguments: [
      "", "http", "http:", "http://", "http:///x", "ftp://a/", "file:///etc/passwd", "http://a:0/", "http://a:99999/",
      "http://a:x/", "http://a b/", "http://a/\r\nHost: b", "http://ä/", "http://[::1/", "http://:80/", "http://a\\b/",
    ])
  func malformed(text: String) { #expect(WebAddress(text) == nil) }

  /// The examples of RFC 3986, section 5.4, that give `http` addresses.
  @Test(
    "relative references",
    arguments: [
      ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
      ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"),
      ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("..", "http://a/b/"), ("../g", "http://a/b/g"),
      ("../..", "http://a/"), ("../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"),
      ("g?y/../x", "http://a/b/c/g?y/../x"), ("http://h/x", "http://h/x"),
    ])
  func resolves(reference: String, expected: String) throws {
    let base = try #require(WebAddress("http://a/b/c/d;p?q"))
    #expect(base.resolving(reference)?.requestText == expected)
  }

  @Test("credentials follow to the same origin only")
  func credentials() throws {
    let base = try #require(WebAddress("https://u:p@a/x"))
    #expect(base.resolving("/y")?.credentials == "u:p")
    #expect(base.resolving("https://a:443/y")?.credentials == "u:p")
    #expect(base.resolving("https://b/y")?.credentials == nil)
    #expect(base.resolving("http://a/y")?.credentials == nil)
    #expect(base.resolving("file:///y") == nil)
  }
}

@Suite("Pages of a package index")
struct PackageIndexPageTests {
  let address = WebAddress("https://index.example/simple/tiny/")

  func files(_ text: String, _ type: String = "text/html") throws -> [IndexedFile]? {
    PackageIndexPage.files(Array(text.utf8), contentType: type, address: try #require(address))
  }

  @Test("HTML in all the ways it is written")
  func html() throws {
    let sum = String(repeating: "0F", count: 32)
    let page = """
      <!doctype html><meta name=x content="a>b"><!-- <a href="no.whl"> > -->
      <a href="../../f/a-1.whl#sha256=\(sum)">a</a><A class=x HREF = 'b%20c.whl?x=1&amp;y=2#md5=0'>b</A>
      <a href=https://other.example/c.whl>c</a><a name="x">none</a><a href="data:x">d</a><a href="f&#46;whl">
      <a href="&&amp;&unknown;&#xZ;.whl" <a
      """
    let found = try #require(try files(page))
    #expect(found.map(\.name) == ["a-1.whl", "b c.whl", "c.whl", "f.whl", "&&&unknown;&"])
    #expect(
      found.map(\.address.requestText).prefix(3) == [
        "https://index.example/f/a-1.whl", "https://index.example/simple/tiny/b%20c.whl?x=1&y=2",
        "https://other.example/c.whl",
      ])
    #expect(found[0].sha256 == sum.lowercased() && found[1].sha256 == nil)
    #expect(
      try files("<base href='https://x.example/y/'><a href='z.whl'>")?.first?.address.description
        == "https://x.example/y/z.whl")
  }

  @Test("pages cut off anywhere, and pages of noise")
  func fuzz() throws {
    let page = "<html><!-- c --><base href='/b/'><a q='&lt;' href=\"x.whl#sha256=00\">x</a></html>"
    for count in 0..<page.utf8.count {
      _ = try files(String(decoding: Array(page.utf8)[..<count], as: UTF8.self))
    }
    var random = SeededGenerator(seed: 3)
    let alphabet = Array("<>!-='\"& #;abhrefx/.:".utf8)
    for _ in 0..<2000 {
      let bytes = (0..<60).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
      _ = try files(String(decoding: bytes, as: UTF8.self))
      _ = try files(String(decoding: bytes, as: UTF8.self), "application/json")
    }
  }

  @Test("JSON")
  func json() throws {
    let sum = String(repeating: "ab", count: 32)
    let type = "application/vnd.pypi.simple.v1+json"
    let found = try #require(
      try files(
        #"{"files": [{"filename": "a.whl", "url": "../a.whl", "hashes": {"sha256": "\#(sum)"}, "size": 5}, {"url": 3}, 7]}"#,
        type))
    #expect(found.count == 1 && found[0].sha256 == sum && found[0].size == 5)
    #expect(found[0].address.description == "https://index.example/simple/a.whl")
    #expect(try files("{}", type) == nil)
    #expect(try files("<html>", type) == nil)
  }
}
