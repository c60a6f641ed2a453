package import Tensors

extension Checkpoint {
  /// Opens a GGUF file.
  ///
  /// - Throws: a ``CheckpointError`` that names the file and the key or tensor.
  package static func open(gguf file: MappedFile) throws(CheckpointError) -> Checkpoint {
    let contents = try GGUFContents(file: file)
    let reader = try GGUFConfigurationReader(contents)
    let factors = contents.tensors.first { $0.name.utf8.elementsEqual(GGUFTensorNames.rotaryFrequencyFactors.utf8) }
    let configuration = try reader.configuration(
      frequencyFactors: try factors.map { (info) throws(CheckpointError) in
        try contents.descriptor(info, name: info.name, rowOrder: .natural).floats()
      })

    var tensors: [TensorDescriptor] = []
    tensors.reserveCapacity(contents.tensors.count)
    for info in contents.tensors where !info.name.utf8.elementsEqual(GGUFTensorNames.rotaryFrequencyFactors.utf8) {
      let order = GGUFTensorNames.rowOrder(info.name, configuration: configuration)
      tensors.append(
        try contents.descriptor(info, name: GGUFTensorNames.canonical(info.name), rowOrder: order))
    }
    try contents.checkFit(tensors)
    let metadata = contents.metadata
    let checkpoint = Checkpoint(
      path: file.path, format: .gguf(version: metadata.version), configuration: configuration,
      tensors: try sorted(tensors, file: file.path), tokenizer: .gguf(metadata),
      chatTemplate: try metadata.string("tokenizer.chat_template"), generation: try metadata.generationDefaults())
    try configuration.validate(
      embedding: checkpoint.tensor(named: "model.embed_tokens.weight"), file: file.path, keys: reader.keys)
    return checkpoint
  }
}

extension GGUFContents {
  /// Finds the bytes of a tensor and checks that they lie within the file.
  func descriptor(
    _ info: GGUFTensorInfo, name: String, rowOrder: RowOrder
  ) throws(CheckpointError) -> TensorDescriptor {
    let file = metadata.file
    func refuse(_ problem: String) -> CheckpointError {
      .invalidTensor(name: info.name, file: file.path, problem: problem)
    }
    guard let type = GGUFTensorType.supported(info.typeNumber) else {
      throw refuse("has type \(GGUFTensorType.name(info.typeNumber)), which is not supported")
    }
    guard let byteCount = TensorDescriptor.byteCount(type: type, shape: info.shape) else {
      throw refuse("of type \(type.rawValue) cannot have shape \(info.shape)")
    }
    guard info.dataOffset % UInt64(alignment) == 0 else {
      throw refuse("begins at offset \(info.dataOffset), which is not aligned to \(alignment)")
    }
    guard dataStart <= file.count, info.dataOffset <= UInt64(file.count - dataStart),
      byteCount <= file.count - dataStart - Int(info.dataOffset)
    else { throw refuse("of \(byteCount) bytes runs beyond the end of the file") }
    let tensor = TensorDescriptor(
      name: name, storedName: info.name, type: type, shape: info.shape, file: file,
      offset: dataStart + Int(info.dataOffset), byteCount: byteCount, rowOrder: rowOrder)
    try tensor.checkExtents()
    return tensor
  }
}

extension GGUFContents {
  /// Refuses tensors that together have more bytes than the file: they would overlap, and their sums be larger than any number.
  fileprivate func checkFit(_ tensors: [TensorDescriptor]) throws(CheckpointError) {
    var left = metadata.file.count - dataStart
    for tensor in tensors {
      guard tensor.byteCount <= left else {
        throw .invalidTensor(
          name: tensor.storedName, file: metadata.file.path, problem: "overlaps others: all together exceed the file")
      }
      left -= tensor.byteCount
    }
  }
}

extension GGUFMetadata {
  /// The tokens that begin and end a text, and the recommended sampling.
  func generationDefaults() throws(CheckpointError) -> GenerationDefaults {
    var ends: [Int32] = []
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
      if let token = try token(key), !ends.contains(token) { ends.append(token) }
    }
    return GenerationDefaults(
      eosTokenIDs: ends, bosTokenID: try token("tokenizer.ggml.bos_token_id"),
      temperature: try number("general.sampling.temp"), topK: try integer("general.sampling.top_k"),
      topP: try number("general.sampling.top_p"))
  }

  private func token(_ key: String) throws(CheckpointError) -> Int32? {
    guard let value = try integer(key) else { return nil }
    guard let token = Int32(exactly: value), token >= 0 else {
      throw .invalidConfiguration(file: file.path, key: key, problem: "is \(value), not a token")
    }
    return token
  }
}
