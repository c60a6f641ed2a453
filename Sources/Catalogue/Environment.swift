/// Where settings come from: the variables of the process, or those of a test.
package struct Environment: Sendable {
  private let lookUp: @Sendable (String) -> String?

  /// The environment of this process.
  package static let process = Environment { System.environment($0) }

  /// An environment with exactly these variables.
  package init(_ variables: [String: String]) { self.init { variables[$0] } }

  private init(_ lookUp: @escaping @Sendable (String) -> String?) { self.lookUp = lookUp }

  /// The value of the first of `names` that is set and not empty.
  func first(_ names: String...) -> String? {
    for name in names {
      if let value = lookUp(name), !value.isEmpty { return value }
    }
    return nil
  }
}

/// Which proxy a request goes through: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
struct ProxySettings: Sendable {
  private let forHTTPS: String?
  private let forHTTP: String?
  private let exceptions: [String]

  init(_ environment: Environment) {
    forHTTPS = environment.first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    forHTTP = environment.first("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
    exceptions = (environment.first("no_proxy", "NO_PROXY") ?? "").lowercased().split(separator: ",").map {
      String($0.filter { $0 != " " }.drop { $0 == "." })
    }
  }

  /// The proxy for `address` as it was written; nil for none.
  func proxy(for address: WebAddress) -> String? {
    let host = address.host.filter { $0 != "[" && $0 != "]" }
    let isException = exceptions.contains { entry in
      entry == "*" || host == entry || host.hasSuffix("." + entry)
        || "\(address.host):\(address.effectivePort)" == entry
    }
    return isException ? nil : address.scheme == "https" ? forHTTPS : forHTTP
  }
}
