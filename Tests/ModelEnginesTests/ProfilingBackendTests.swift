import Checkpoints
import ModelEngines
import Requests
import TestKit
import Testing

@Suite struct ProfilingBackendTests {
  @Test(arguments: TinyModel.all.prefix(3)) func timingChangesNoBitAndCountsEveryOperation(_ model: TinyModel) throws {
    let directory = try TemporaryDirectory()
    try model.checkpoint.writeHuggingFace(to: directory, type: model.type)
    let checkpoint = try Checkpoint.open(path: directory.path)
    let profile = OperationProfile()
    let backend = try CPUBackend(configuration: checkpoint.configuration, options: .small)
    let engine = try BackendModelEngine(
      checkpoint: checkpoint, options: .small, backend: ProfilingBackend(backend, profile: profile))
    let bare = try EngineKind.cpu.engine(checkpoint, options: .small)
    let tokens = Array(model.tokens.prefix(9))
    let (ours, theirs) = (try engine.logits(of: [tokens], chunk: 8), try bare.logits(of: [tokens], chunk: 8))
    #expect(ours == theirs)

    // A pass of eight tokens, then one of a single one.
    let (prefill, decode) = (profile.snapshot.prefill, profile.snapshot.decode)
    #expect(prefill.passCount == 1 && prefill.tokenCount == 8 && decode.passCount == 1 && decode.tokenCount == 1)
    let layers = checkpoint.configuration.layerCount
    for passes in [prefill, decode] {
      for operation in [OperationProfile.Operation.queryKeyValue, .attentionOutput, .gateAndUp, .down, .attention] {
        #expect(passes[operation].calls == layers && passes[operation].nanoseconds > 0)
        #expect(passes[operation].arithmetic > 0 && passes[operation].bytes > 0)
      }
      #expect(passes[.normalization].calls == 2 * layers + 1 && passes[.head].calls == 1)
      #expect(passes[.otherProduct].calls == 0)
    }
    // Eight times the work on the same weights.
    #expect(prefill[.down].arithmetic == 8 * decode[.down].arithmetic && prefill[.down].bytes == decode[.down].bytes)
    profile.reset()

    // The last layer leaves out tokens without an output once their keys and values are stored.
    var batch = ForwardBatch()
    batch.append(tokens: tokens.prefix(8), firstPosition: 0, blocks: [0], logits: .last)
    _ = try engine.forward(batch)
    let prompt = profile.snapshot.prefill
    #expect(prompt[.queryKeyValue].arithmetic == prefill[.queryKeyValue].arithmetic)
    #expect(prompt[.down].arithmetic * Double(8 * layers) == prefill[.down].arithmetic * Double(8 * (layers - 1) + 1))
    #expect(prompt[.attention].arithmetic < prefill[.attention].arithmetic)
    profile.reset()
    #expect(profile.snapshot == OperationProfile.Snapshot())
  }
}
