package import Checkpoints

/// One of the layers that a ``Backend`` computes as a single product.
package struct ProjectionPart: Sendable {
  /// `[outputs, inputs]`.
  package var weight: TensorDescriptor
  /// `[outputs]`, or nil.
  package var bias: TensorDescriptor?

  package init(weight: TensorDescriptor, bias: TensorDescriptor? = nil) {
    self.weight = weight
    self.bias = bias
  }
}

/// The shape of attention in a model: what the cache must hold and how the columns of a fused q/k/v product are laid out.
///
/// A row of q/k/v is `headCount` queries, then `keyValueHeadCount` keys, then as many values, each `headDimension` wide.
package struct AttentionShape: Sendable, Equatable {
  package var layerCount: Int
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var headDimension: Int
  /// Number of positions that a token sees, its own included; nil for all.
  package var slidingWindow: Int?
  /// Scores s become `scoreCap * tanh(s / scoreCap)`; nil for no cap.
  package var scoreCap: Float?

  package init(
    layerCount: Int, headCount: Int, keyValueHeadCount: Int, headDimension: Int, slidingWindow: Int? = nil,
    scoreCap: Float? = nil
  ) {
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.slidingWindow = slidingWindow
    self.scoreCap = scoreCap
  }

  /// The sliding window, unless sequences of at most `length` positions never reach beyond it.
  package func windowShorter(than length: Int) -> Int? { slidingWindow.flatMap { $0 < length ? $0 : nil } }

  /// Columns of a fused q/k/v product.
  package var fusedColumns: Int { (headCount + 2 * keyValueHeadCount) * headDimension }
}

/// What a model is written against: a small set of fused operations over ragged batches.
///
/// A backend knows no model, and a model knows no backend. The batch itself (tokens, positions, block tables, which rows
/// need logits) is set before a model's `forward` and is not seen by the model: every operation is over all of its tokens, and
/// after ``keepOutputs(_:_:)`` over those with outputs.
///
/// Buffers are made once, when the model is built, with room for the largest batch; an operation sets the number of
/// valid rows of what it writes. Shapes are checked by `precondition`: a model with wrong shapes is a bug, since what
/// comes from files was checked when the weights were read.
package protocol Backend: AnyObject {
  /// Activations `[rows, columns]` in float32.
  associatedtype Matrix
  /// Activations prepared as the left side of a product, in the form that the weights need.
  associatedtype Operand
  /// The weights of one product.
  associatedtype Projection
  /// A vector of parameters, such as the weight of a norm.
  associatedtype Vector
  /// A table of embeddings.
  associatedtype Embedding
  /// A set of rotary frequencies.
  associatedtype Rotary

  // Building.

  /// A table `[vocabulary, hidden]`.
  func embedding(_ table: TensorDescriptor) throws -> Embedding
  /// Layers that share their input, computed as one product whose columns are the parts' side by side.
  func projection(_ parts: [ProjectionPart]) throws -> Projection
  /// A vector of parameters.
  func vector(_ tensor: TensorDescriptor) throws -> Vector
  /// Frequencies in radians per position, one for each rotated pair of a head.
  func rotary(inverseFrequencies: [Double]) throws -> Rotary
  /// A buffer for the tokens of a batch.
  func matrix(columns: Int) throws -> Matrix
  /// A buffer for the left side of `consumers`.
  func operand(columns: Int, feeding consumers: [Projection]) throws -> Operand
  /// Allocates the cache; called once, before the first `forward`.
  func allocateCache(_ shape: AttentionShape) throws

  // Computing.

  /// `out[i] = table[token i]`.
  func embed(_ table: Embedding, into out: Matrix)
  /// `out[row] = x[row] / sqrt(mean(x[row]^2) + epsilon) * weight`.
  func normalize(_ x: Matrix, _ weight: Vector, epsilon: Float, into out: Operand)
  /// `out = x * weights' + bias`.
  func multiply(_ x: Operand, _ weights: Projection, into out: Matrix)
  /// `sum += x * weights' + bias`.
  func multiply(_ x: Operand, _ weights: Projection, addingTo sum: Matrix)
  /// Rotates queries and keys of `qkv` in place (pairs `i`, `i + rotated/2`), writes keys and values to the cache.
  func rotateAndStore(_ qkv: Matrix, _ rotary: Rotary, layer: Int)
  /// Causal attention of `qkv`'s queries over the cache, scaled by `1 / sqrt(headDimension)`.
  func attend(_ qkv: Matrix, layer: Int, into out: Operand)
  /// ``rotateAndStore(_:_:layer:)`` and ``attend(_:layer:into:)``, for a backend that can do them together.
  func rotateAndAttend(_ qkv: Matrix, _ rotary: Rotary, layer: Int, into out: Operand)
  /// Goes on without the tokens of whose outputs nobody asks: takes their rows out of `hidden` and `qkv`, and everything
  /// up to the end of the pass is over the others. For the last layer, once its keys and values are stored: no other
  /// token sees anything of what the layer still makes of them.
  func keepOutputs(_ hidden: Matrix, _ qkv: Matrix)
  /// `out[row][i] = silu(product[row][i]) * product[row][n + i]` of `product = x * weights' + bias`, where `weights` was made of
  /// two parts of `n` outputs each.
  func multiplyGated(_ x: Operand, _ weights: Projection, into out: Operand)
  /// Keeps the rows of `x` whose hidden states were asked for, normalized as `normalize` does.
  func keepHidden(_ x: Matrix, _ weight: Vector, epsilon: Float)
  /// The rows of `x` whose logits were asked for.
  func selectLogitsRows(_ x: Matrix, into out: Matrix)
  /// The logits of the pass: `x * head'`.
  func computeLogits(_ x: Operand, _ head: Projection)
}

extension Backend {
  /// One after the other.
  package func rotateAndAttend(_ qkv: Matrix, _ rotary: Rotary, layer: Int, into out: Operand) {
    rotateAndStore(qkv, rotary, layer: layer)
    attend(qkv, layer: layer, into: out)
  }
}

/// A model built on a backend.
package protocol Model<B> {
  associatedtype B: Backend
  /// Computes the batch that was set on the backend, up to its logits.
  func forward()
}
