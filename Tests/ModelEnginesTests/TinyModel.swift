import Checkpoints
import Foundation
import JSON
import ModelEngines
import Requests
import Tensors
import TestKit

/// A tiny model whose logits transformers has computed; see scripts/goldens/tiny_models.py.
struct TinyModel: CustomStringConvertible {
  let name: String
  let checkpoint: TinyCheckpoint
  let type: DType
  let layerCount: Int
  let tokens: [TokenID]
  let rows: [Int]
  let logits: [[Float]]
  /// The hidden state of the last token after the final norm, and the mean of all.
  let hidden: (last: [Float], mean: [Float])

  var description: String { name }

  static let all: [TinyModel] = {
    guard let url = Bundle.module.url(forResource: "tiny-models", withExtension: "json", subdirectory: "Goldens"),
      let data = try? Data(contentsOf: url), let json = try? JSONValue(parsing: [UInt8](data)),
      let models = json.arrayValue
    else { return [] }
    return models.compactMap { try? TinyModel($0) }
  }()

  private init(_ json: JSONValue) throws {
    name = json["name"]?.stringValue ?? ""
    checkpoint = try TinyCheckpoint(
      configJSON: json["config"]?.serialized() ?? "", weightScale: Float(json["scale"]?.doubleValue ?? 0))
    type = json["dtype"]?.stringValue == "bf16" ? .bf16 : .f32
    layerCount = json["config"]?["num_hidden_layers"]?.intValue ?? 0
    tokens = json["tokens"]?.arrayValue?.compactMap { $0.intValue.map(TokenID.init) } ?? []
    rows = json["rows"]?.arrayValue?.compactMap(\.intValue) ?? []
    logits = json["logits"]?.arrayValue?.map(Self.floats) ?? []
    hidden = (Self.floats(json["hidden_last"] ?? .null), Self.floats(json["hidden_mean"] ?? .null))
  }

  private static func floats(_ json: JSONValue) -> [Float] {
    json.arrayValue?.compactMap { $0.doubleValue.map(Float.init) } ?? []
  }

  /// How far from those of transformers an engine's values may be, if their root mean square is about `size`.
  ///
  /// The CPU engine keeps keys and values in float16, and rounds what it multiplies with weights in bfloat16 to bfloat16;
  /// everything else is float32 in both engines. Rounding to bfloat16 is off by up to half of a step of 2^-7 of numbers
  /// between 1 and 2: by a 650th of them, as a root mean square, and so is a product with many such inputs. Four of these
  /// follow each other in a layer, and then comes the head. Were nothing amplified, errors of `4 * layers + 1` roundings
  /// would add up as independent ones do. Scores and gates amplify them, but not by more than 2; and the largest of some
  /// thousand errors is within five standard deviations.
  func tolerance(_ kind: EngineKind, size: Float) -> Float {
    guard kind == .cpu else { return 1e-4 }
    guard type == .bf16 else { return 2e-2 }
    return 5 * 2 * size * Float(4 * layerCount + 1).squareRoot() / 650
  }

  /// The root mean square of `values`.
  static func size(_ values: [Float]) -> Float {
    (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
  }

  /// The model as an engine of each kind, from a directory that is gone afterwards.
  func engine(_ kind: EngineKind, options: EngineOptions = .small) throws -> any ModelEngine {
    let directory = try TemporaryDirectory()
    try checkpoint.writeHuggingFace(to: directory, type: type)
    return try kind.engine(try Checkpoint.open(path: directory.path), options: options)
  }
}

/// The engines that run every model.
enum EngineKind: String, CaseIterable, Sendable {
  case cpu, reference

  func engine(_ checkpoint: Checkpoint, options: EngineOptions) throws -> any ModelEngine {
    switch self {
    case .cpu:
      try CPUModelEngine(
        checkpoint: checkpoint, options: options,
        backend: try CPUBackend(configuration: checkpoint.configuration, options: options))
    case .reference:
      try ReferenceModelEngine(
        checkpoint: checkpoint, options: options,
        backend: try ReferenceBackend(configuration: checkpoint.configuration, options: options))
    }
  }
}

extension EngineOptions {
  static let small = EngineOptions(threadCount: 2, cacheTokens: 2048)
}

extension ModelEngine {
  /// Logits of every token of `sequences`, each computed in chunks of `chunk` tokens, all of them in the same batches.
  func logits(of sequences: [[TokenID]], chunk: Int, firstBlock: Int = 0) throws -> [[[Float]]] {
    let blockSize = cacheGeometry.blockSize
    var block = Int32(firstBlock)
    let tables = sequences.map { sequence in
      (0..<(sequence.count + blockSize - 1) / blockSize).map { _ in
        block += 1
        return block - 1
      }
    }
    var results = sequences.map { _ in [[Float]]() }
    let longest = sequences.map(\.count).max() ?? 0
    for start in stride(from: 0, to: longest, by: chunk) {
      var batch = ForwardBatch()
      var members: [(sequence: Int, count: Int)] = []
      for (index, sequence) in sequences.enumerated() where start < sequence.count {
        let part = sequence[start..<min(start + chunk, sequence.count)]
        batch.append(tokens: part, firstPosition: start, blocks: tables[index], logits: .all)
        members.append((index, part.count))
      }
      let logits = try forward(batch)
      var row = 0
      for member in members {
        for _ in 0..<member.count {
          results[member.sequence].append(logits.withRow(row) { row in (0..<row.count).map { row[$0] } })
          row += 1
        }
      }
    }
    return results
  }
}
