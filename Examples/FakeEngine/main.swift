// An engine of one's own: it has no weights and repeats the last token for ever. Everything around it is real, so it
// shows what the rest of the system costs.
//
// Run: swift run -c release FakeEngineExample
import Inflight
import InflightTestKit

final class Parrot: ModelEngine {
  let limits: ModelEngineLimits
  let cacheGeometry = KVCacheGeometry(blockSize: 32, blockCount: 4096, bytesPerBlock: 1)
  private let logits: Logits

  init(vocabularySize: Int) {
    limits = ModelEngineLimits(
      vocabularySize: vocabularySize, maximumSequenceLength: 2048, maximumBatchTokens: 1024, maximumLogitsRows: 256)
    logits = Logits(vocabularySize: vocabularySize)
  }

  func forward(_ batch: ForwardBatch) throws -> Logits {
    logits.resize(rowCount: batch.logitsRowCount)
    var row = 0
    for run in batch.runs {
      for token in batch.tokens[run.tokenStart..<run.tokenStart + run.tokenCount].suffix(run.logitsRowCount) {
        logits.withMutableRow(row) { values in
          for other in values.indices { values[other] = Int(token) == other ? 1 : 0 }
        }
        row += 1
      }
    }
    return logits
  }
}

// The same logits alone and among others, in one run and in many.
var suite = ModelEngineConformance(Parrot(vocabularySize: 1000))
try suite.check()

let llm = try await LLM(engine: Parrot(vocabularySize: 49_152))
let prompts = (0..<64).map { "Request number \($0) says yes" }
let clock = ContinuousClock()
let start = clock.now
let completions = try await llm.generate(prompts, SamplingParams(maxTokens: 50, ignoreEndOfSequence: true))
print("\(prompts[0]) ...\(completions[0].text)")
print("64 requests of 50 tokens in \(clock.now - start), without a model")
await llm.shutdown()
