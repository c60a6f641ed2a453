public import ArgumentParser
public import Inflight

extension CapacityPolicy: ExpressibleByArgument {}
extension ChunkingPolicy: ExpressibleByArgument {}

/// Who runs when, and what is kept for later, for the commands that run a model.
struct SchedulingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Who may hold memory: guaranteed-no-evict, max-utilization, static-batch or max-requests.", valueName: "policy"))
  var capacityPolicy: CapacityPolicy = .guaranteedNoEvict

  @Option(help: ArgumentHelp("How prompts share a pass: first-come or equal-progress.", valueName: "policy"))
  var chunking: ChunkingPolicy = .firstCome

  @Flag(help: "Compute every prompt from its beginning, also what another request has computed.")
  var noPrefixReuse = false

  @Option(
    name: .customLong("kv-host-cache"),
    help: ArgumentHelp(
      "Memory for keys and values that the cache has no room for: 2GiB. They come back instead of being computed again.",
      valueName: "bytes"))
  var hostCache: ByteSize?

  @Option(
    name: .customLong("kv-disk-cache"),
    help: ArgumentHelp(
      "The same in a file in a directory, deleted at the end: /var/tmp:20GiB. With both, it takes what the memory has no "
        + "room for.", valueName: "dir:bytes"))
  var diskCache: DiskTierArgument?

  @Option(
    help: ArgumentHelp(
      "Keep the cache of prefixes in this file from one run to the next. The model is read once more for its hash.",
      valueName: "file"))
  var prefixCacheFile: String?

  func validate() throws {
    if noPrefixReuse, prefixCacheFile != nil {
      throw ValidationError("--prefix-cache-file keeps what --no-prefix-reuse does not have")
    }
  }

  /// Sets what the options say.
  func apply(to configuration: inout ExecutorConfiguration) {
    configuration.capacityPolicy = capacityPolicy
    configuration.chunkingPolicy = chunking
    configuration.isReusingPrefixes = !noPrefixReuse
    configuration.secondTier = secondTier
  }

  private var secondTier: SecondTier {
    switch (hostCache, diskCache) {
    case (nil, nil): .none
    case (let host?, nil): .memory(byteCount: host.count)
    case (nil, let disk?): .file(directory: disk.directory, byteCount: disk.size.count)
    case (let host?, let disk?):
      .memoryThenFile(byteCount: host.count, directory: disk.directory, fileByteCount: disk.size.count)
    }
  }
}
