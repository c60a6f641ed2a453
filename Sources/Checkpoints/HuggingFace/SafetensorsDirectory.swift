internal import JSON
internal import Tensors

/// The weights of a Hugging Face directory: one safetensors file, or an index and its shards.
enum SafetensorsDirectory {
  /// Every tensor of every shard.
  static func tensors(in directory: String) throws(CheckpointError) -> [TensorDescriptor] {
    if let file = try MappedFile.checkpointFile(ifPresent: "\(directory)/model.safetensors") {
      return try SafetensorsFile.tensors(in: file)
    }
    guard let index = try ConfigurationFile(ifPresent: "\(directory)/model.safetensors.index.json") else {
      throw .unreadable(
        path: directory, reason: "has neither model.safetensors nor model.safetensors.index.json")
    }
    return try tensors(index: index, directory: directory)
  }

  private static func tensors(
    index: ConfigurationFile, directory: String
  ) throws(CheckpointError) -> [TensorDescriptor] {
    let map = try index.required("weight_map", try index.child("weight_map"))
    var placements: [(name: String, shard: String)] = []
    for member in map.object.members {
      guard let shard = member.value.stringValue, isFileName(shard) else {
        throw map.refuse(member.key, "must be the name of a file in the same directory")
      }
      placements.append((member.key, shard))
    }
    placements.sort { $0.shard.utf8.lexicographicallyPrecedes($1.shard.utf8) }

    var tensors: [TensorDescriptor] = []
    var rest = placements[...]
    while let shard = rest.first?.shard {
      let path = "\(directory)/\(shard)"
      let stored = try SafetensorsFile.tensors(in: try MappedFile.checkpointFile(path: path))
      let sorted = try Checkpoint.sorted(stored, file: path)
      let listed = rest.prefix { $0.shard.utf8.elementsEqual(shard.utf8) }
      try check(listed.map(\.name), against: sorted, shard: path)
      tensors += sorted
      rest = rest.dropFirst(listed.count)
    }
    return tensors
  }

  /// Checks that a shard holds exactly the tensors that the index places there.
  private static func check(
    _ names: [String], against tensors: [TensorDescriptor], shard: String
  ) throws(CheckpointError) {
    let names = names.filter { !SafetensorsFile.isRotaryFrequencies($0) }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for (name, tensor) in zip(names, tensors) where !name.utf8.elementsEqual(tensor.name.utf8) {
      if name.utf8.lexicographicallyPrecedes(tensor.name.utf8) { throw .missingTensor(name: name, file: shard) }
      throw .invalidTensor(name: tensor.name, file: shard, problem: "is not listed in the index")
    }
    if names.count > tensors.count { throw .missingTensor(name: names[tensors.count], file: shard) }
    if tensors.count > names.count {
      throw .invalidTensor(name: tensors[names.count].name, file: shard, problem: "is not listed in the index")
    }
  }

  /// Whether `name` stays in its directory whatever the directory is.
  private static func isFileName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
  }
}
