package import JSON
package import Tensors

/// Writes safetensors files for tests.
package struct SafetensorsWriter {
  /// A tensor and its bytes.
  package struct Tensor {
    package var name: String
    /// The name of the type in the header, "BF16" for example.
    package var type: String
    /// Outermost first.
    package var shape: [Int]
    package var bytes: [UInt8]

    package init(name: String, type: DType, shape: [Int], bytes: [UInt8]) {
      self.name = name
      self.type = type.rawValue
      self.shape = shape
      self.bytes = bytes
    }
  }

  /// The tensors, in order.
  package var tensors: [Tensor]

  package init(tensors: [Tensor] = []) { self.tensors = tensors }

  /// The members of the header.
  package func header() -> JSONObject {
    var members = [
      JSONObject.Member(key: "__metadata__", value: .object(JSONObject([.init(key: "format", value: .string("pt"))])))
    ]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.bytes.count
      members.append(
        .init(
          key: tensor.name,
          value: .object(
            JSONObject([
              .init(key: "dtype", value: .string(tensor.type)),
              .init(key: "shape", value: .array(tensor.shape.map { .integer(Int64($0)) })),
              .init(key: "data_offsets", value: .array([.integer(Int64(offset)), .integer(Int64(end))])),
            ]))))
      offset = end
    }
    return JSONObject(members)
  }

  /// The whole file.
  package func bytes() -> [UInt8] {
    Self.file(header: JSONValue.object(header()).serialized(), data: tensors.flatMap(\.bytes))
  }

  /// A file with any header, padded with spaces to a multiple of 8 bytes.
  package static func file(header: String, data: [UInt8]) -> [UInt8] {
    var text = Array(header.utf8)
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(UInt64(text.count))
    return bytes + text + data
  }
}
