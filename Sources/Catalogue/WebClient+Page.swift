extension WebClient {
  /// What a small document is, and where it came from.
  struct Page: Sendable {
    let bytes: [UInt8]
    let contentType: String
    let address: WebAddress
  }

  /// Fetches a document of at most `limit` bytes, with further attempts where that makes sense.
  func page(
    _ address: WebAddress, accept: String, authorization: String? = nil, limit: Int = 1 << 25, policy: TransferPolicy
  ) async throws(CatalogueError) -> Page {
    var schedule = RetrySchedule(policy)
    while true {
      do {
        return try await onePage(address, accept: accept, authorization: authorization, limit: limit)
      } catch {
        if await schedule.wait(after: error, madeProgress: false) { continue }
        throw CatalogueError(error, address: address)
      }
    }
  }

  private func onePage(
    _ address: WebAddress, accept: String, authorization: String?, limit: Int
  ) async throws(TransferFailure) -> Page {
    let response = try await get(address, headers: [("Accept", accept)], authorization: authorization)
    var bytes: [UInt8] = []
    var reader = response.reader()
    while let piece = try await reader.next() {
      bytes += piece
      guard bytes.count <= limit else {
        throw TransferFailure(reason: "the answer is longer than \(ByteCount(limit))", kind: .permanent)
      }
    }
    return Page(bytes: bytes, contentType: response.header("Content-Type") ?? "", address: response.address)
  }
}

extension CatalogueError {
  /// The error after the last attempt; `resumable` bytes of a file are kept.
  init(_ failure: TransferFailure, address: WebAddress, resumable: Int? = nil) {
    if Task.isCancelled {
      self = .cancelled
      return
    }
    switch failure.kind {
    case .cancelled: self = .cancelled
    case .transient, .permanent:
      if let status = failure.status {
        self = .http(address: address.description, status: status, advice: Self.advice(status))
      } else {
        self = .network(address: address.description, reason: failure.reason, resumable: resumable)
      }
    }
  }

  private static func advice(_ status: Int) -> String? {
    switch status {
    case 401, 403: "it wants other credentials"
    case 404: "there is nothing of that name"
    case 407: "the proxy wants credentials: put them into HTTPS_PROXY"
    case 429: "it receives too many requests: try again later"
    case 500...599: "it has a problem of its own: try again later"
    default: nil
    }
  }
}
