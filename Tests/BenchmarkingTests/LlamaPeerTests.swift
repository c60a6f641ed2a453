import Benchmarking
import Foundation
import Testing

@Suite struct LlamaPeerTests {
  @Test func theWorkerInsideIsTheCommittedOne() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let committed = try String(contentsOf: root.appendingPathComponent("scripts/llama_cpp_worker.py"), encoding: .utf8)
    #expect(LlamaWorker.source == committed)
  }

  @Test func theInterpreterIsTheNamedOneOrThatOfTheVariableOrTheInstalledOne() {
    #expect(LlamaPeer.interpreter(option: "a", variable: "b", cacheDirectory: "c") == "a")
    #expect(LlamaPeer.interpreter(option: nil, variable: "b", cacheDirectory: "c") == "b")
    #expect(LlamaPeer.interpreter(option: nil, variable: nil, cacheDirectory: "c") == "c/llama-cpp/bin/python")
  }

  @Test func aMissingInterpreterIsSaidToBeMissing() {
    #expect(throws: PeerError.noInterpreter(path: "/no/such/python")) { try LlamaPeer(interpreter: "/no/such/python") }
    #expect("\(PeerError.noInterpreter(path: "x"))".contains("scripts/install-llama-cpp.sh"))
  }

  @Test func aProgramThatEndsAtOnceIsAnError() {
    #expect(throws: PeerError.ended(path: "/bin/false")) { try LlamaPeer(interpreter: "/bin/false") }
  }

  /// A stand-in that answers every line as the worker would.
  private func peer(answering body: String) throws -> LlamaPeer { try LlamaPeer(command: ["/bin/sh", "-c", body]) }

  @Test func answersAreRead() throws {
    let peer = try peer(
      answering: """
        echo '{"ok": true, "version": "1.2"}'
        while read line; do echo '{"ok": true, "seconds": 0.5, "tokens": 7}'; done
        """)
    #expect(peer.version == "1.2")
    try peer.load("m", threads: 1, context: 8, batch: 8)
    #expect(try peer.prefill([1, 2]) == 0.5)
    #expect(try peer.decode([1]) == 0.5)
    let loop = try peer.loop([[1], [2]], output: 2, concurrency: 2)
    #expect(loop.seconds == 0.5 && loop.tokens == 7)
  }

  @Test func failuresAndNonsenseAreErrors() throws {
    #expect(throws: PeerError.failed(reason: "no module")) {
      try peer(answering: "echo '{\"ok\": false, \"error\": \"no module\"}'")
    }
    #expect(throws: PeerError.badAnswer("hello")) { try peer(answering: "echo hello") }
    let silent = try peer(answering: "echo '{\"ok\": true}'; read line; echo '{\"ok\": true}'; read line; exit 3")
    #expect(throws: PeerError.badAnswer("{\"ok\":true}")) { try silent.prefill([1]) }
    #expect(throws: PeerError.self) { try silent.prefill([1]) }
  }
}
