/// The files of the page at `/`, which the build embeds into the binary from `Sources/Server/Page`.
package enum PageAssets {
  /// A file of the page as it is served.
  package struct Asset: Sendable {
    /// The path of its address: `/` for the page itself, `/NAME` for every other file.
    package let path: String
    /// The value of the `Content-Type` field.
    package let contentType: String
    /// The file's bytes.
    package let body: [UInt8]
    /// The value of the `ETag` field: a strong tag, quotes included, that is a function of the bytes.
    package let entityTag: String
  }

  /// Every file, the page itself first.
  package static let all: [Asset] = [
    asset("/", .html, PackageResources.index_html),
    asset("/icon.svg", .svg, PackageResources.icon_svg),
    asset("/style.css", .css, PackageResources.style_css),
    asset("/theme.js", .javaScript, PackageResources.theme_js),
    asset("/app.js", .javaScript, PackageResources.app_js),
    asset("/api.js", .javaScript, PackageResources.api_js),
    asset("/blocks.js", .javaScript, PackageResources.blocks_js),
    asset("/canvas.js", .javaScript, PackageResources.canvas_js),
    asset("/chat.js", .javaScript, PackageResources.chat_js),
    asset("/conversations.js", .javaScript, PackageResources.conversations_js),
    asset("/curves.js", .javaScript, PackageResources.curves_js),
    asset("/demo.js", .javaScript, PackageResources.demo_js),
    asset("/dom.js", .javaScript, PackageResources.dom_js),
    asset("/engine.js", .javaScript, PackageResources.engine_js),
    asset("/flight.js", .javaScript, PackageResources.flight_js),
    asset("/highlight.js", .javaScript, PackageResources.highlight_js),
    asset("/inline.js", .javaScript, PackageResources.inline_js),
    asset("/markdown.js", .javaScript, PackageResources.markdown_js),
    asset("/settings.js", .javaScript, PackageResources.settings_js),
    asset("/state.js", .javaScript, PackageResources.state_js),
    asset("/store.js", .javaScript, PackageResources.store_js),
    asset("/waiting.js", .javaScript, PackageResources.waiting_js),
  ]

  /// The file that is served at this path, without the query; nil if there is none.
  package static func asset(at path: String) -> Asset? {
    all.first { $0.path.utf8.elementsEqual(path.utf8) }
  }

  /// The fields that every answer with an asset carries besides `Content-Type`, `Content-Length` and `ETag`.
  ///
  /// The policy lets the page load and call nothing but its own server, run no script that is written into the page, and be
  /// framed by nobody. The page repeats it in a `meta` element, all but the framing, which only works as a header.
  package static let headers: [(name: String, value: String)] = [
    (
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
  ]

  private enum ContentType: String {
    case html = "text/html; charset=utf-8"
    case css = "text/css; charset=utf-8"
    case javaScript = "text/javascript; charset=utf-8"
    case svg = "image/svg+xml"
  }

  private static func asset(_ path: String, _ type: ContentType, _ body: [UInt8]) -> Asset {
    Asset(path: path, contentType: type.rawValue, body: body, entityTag: "\"\(String(fingerprint(body), radix: 16))\"")
  }

  /// FNV-1a with 64 bits: two versions of a file only have to differ, nobody chooses them to collide.
  private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
