internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Answers with the files of the page, which everybody may read: the page asks for the key.
enum PageRoute {
  /// The file that a request asks for, 304 if the client has it already; nil if there is none at its path.
  ///
  /// - Throws: ``APIError`` for a method that does not read.
  static func answer(_ request: Request) throws(APIError) -> Response? {
    guard let asset = PageAssets.asset(at: request.uri.path) else { return nil }
    guard request.method == .get || request.method == .head else {
      throw APIError(405, "this path takes GET only", code: "method_not_allowed", allow: "GET, HEAD")
    }
    var headers = HTTPFields()
    for (name, value) in PageAssets.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    headers[.eTag] = asset.entityTag
    if isCurrent(asset.entityTag, request.headers[values: .ifNoneMatch]) {
      return Response(status: .notModified, headers: headers)
    }
    headers[.contentType] = asset.contentType
    return Response(
      status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: asset.body)))
  }

  /// Whether one of the tags that a client has is `tag`, weakly compared as RFC 9110, 13.1.2 has it.
  private static func isCurrent(_ tag: String, _ fields: [String]) -> Bool {
    fields.flatMap { $0.split(separator: ",") }.contains { given in
      var bytes = given.utf8.drop { $0 == 0x20 || $0 == 0x09 }
      while bytes.last == 0x20 || bytes.last == 0x09 { bytes.removeLast() }
      if bytes.elementsEqual("*".utf8) { return true }
      if bytes.starts(with: "W/".utf8) { bytes = bytes.dropFirst(2) }
      return bytes.elementsEqual(tag.utf8)
    }
  }
}
