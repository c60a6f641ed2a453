// swift-tools-version: 6.2
import PackageDescription

/// Language features that every target of the package is compiled with.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// The same for rooms that hold no unsafe memory: every unsafe construct is a warning there, and a warning fails CI.
let safeHouse: [SwiftSetting] = house + [.strictMemorySafety()]

/// The rooms of the house in the order in which they may depend on each other: a room imports only rooms above it.
let package = Package(
  name: "Inflight",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Inflight", targets: ["Inflight"]),
    .library(name: "InflightTestKit", targets: ["InflightTestKit"]),
    .library(name: "InflightSimulation", targets: ["Simulation"]),
    .executable(name: "inflight", targets: ["InflightCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.24.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.29.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .target(
      name: "CKernels",
      cSettings: [.define("_GNU_SOURCE", .when(platforms: [.linux]))]),
    .target(name: "JSON", swiftSettings: safeHouse),
    .target(name: "Tensors", dependencies: ["CKernels"], swiftSettings: house),
    .target(name: "Checkpoints", dependencies: ["JSON", "Tensors"], swiftSettings: safeHouse),
    .target(name: "Tokenization", dependencies: ["JSON", "Tensors", "Checkpoints"], swiftSettings: safeHouse),
    .target(name: "Requests", swiftSettings: safeHouse),
    .target(name: "Scheduling", dependencies: ["Requests"], swiftSettings: safeHouse),
    .target(
      name: "Resources",
      dependencies: ["Tensors", "Requests", "Scheduling", .product(name: "Collections", package: "swift-collections")],
      swiftSettings: safeHouse),
    .target(name: "Models", dependencies: ["Tensors", "Checkpoints"], swiftSettings: safeHouse),
    .target(
      name: "ModelEngines", dependencies: ["Tensors", "Checkpoints", "Models", "Requests", "Resources"],
      swiftSettings: safeHouse),
    .target(name: "Guided", dependencies: ["JSON", "Requests"], swiftSettings: safeHouse),
    .target(name: "Decoding", dependencies: ["Requests", "Tensors", "Guided"], swiftSettings: safeHouse),
    .target(
      name: "Executor",
      dependencies: ["Requests", "Scheduling", "Resources", "Tensors", "ModelEngines", "Decoding"],
      swiftSettings: safeHouse),
    .target(
      name: "Recording",
      dependencies: [
        "JSON", "Tensors", "Requests", "Scheduling", "Resources", "ModelEngines", "Decoding", "Executor",
      ],
      swiftSettings: safeHouse),
    .target(name: "Benchmarking", dependencies: ["JSON", "Tensors", "ModelEngines"], swiftSettings: safeHouse),
    .target(
      name: "Catalogue",
      dependencies: [
        "JSON",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: safeHouse),
    .target(
      name: "Inflight",
      dependencies: [
        "JSON", "Tensors", "Checkpoints", "Tokenization", "Requests", "Scheduling", "Resources", "Models",
        "ModelEngines", "Guided", "Decoding", "Executor", "Recording", "Catalogue",
      ],
      swiftSettings: safeHouse),
    .target(
      name: "Server",
      dependencies: [
        "JSON", "Requests", "Scheduling", "Resources", "Executor", "Tokenization", "Catalogue", "Inflight",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      resources: [.embedInCode("Page")], swiftSettings: safeHouse),
    .executableTarget(
      name: "InflightCLI",
      dependencies: [
        "CKernels", "JSON", "Tensors", "Checkpoints", "Tokenization", "Models", "ModelEngines", "Benchmarking",
        "Recording", "Simulation", "Catalogue", "Server",
        "Inflight", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: safeHouse),
    .target(
      name: "TestKit",
      dependencies: ["JSON", "Tensors", "Requests", "Scheduling", "Resources", "ModelEngines", "Executor"],
      swiftSettings: house),
    .target(
      name: "InflightTestKit",
      dependencies: [
        "Requests", "Scheduling", "Resources", "Tensors", "ModelEngines", "Decoding", "Executor", "TestKit",
      ],
      swiftSettings: safeHouse),
    .target(name: "Simulation", dependencies: ["JSON", "Requests", "Scheduling"], swiftSettings: safeHouse),
    .target(name: "AllocationCounter"),
    .executableTarget(
      name: "GenerateExample", dependencies: ["Inflight"], path: "Examples/Generate", swiftSettings: house),
    .executableTarget(
      name: "GuidedExample", dependencies: ["Inflight"], path: "Examples/Guided", swiftSettings: house),
    .executableTarget(
      name: "ShortestFirstExample", dependencies: ["Inflight", "InflightTestKit"], path: "Examples/ShortestFirst",
      swiftSettings: house),
    .executableTarget(
      name: "TenantShareExample", dependencies: ["Inflight", "InflightTestKit"], path: "Examples/TenantShare",
      swiftSettings: house),
    .executableTarget(
      name: "ShortestPromptExample", dependencies: ["Inflight", "InflightTestKit"], path: "Examples/ShortestPrompt",
      swiftSettings: house),
    .executableTarget(
      name: "TokenRateExample", dependencies: ["Inflight", "InflightTestKit"], path: "Examples/TokenRate",
      swiftSettings: house),
    .executableTarget(
      name: "PlainCacheExample", dependencies: ["Inflight", "InflightTestKit"], path: "Examples/PlainCache",
      swiftSettings: house),
    .executableTarget(
      name: "FakeEngineExample", dependencies: ["Inflight", "InflightTestKit"], path: "Examples/FakeEngine",
      swiftSettings: house),
    .testTarget(name: "JSONTests", dependencies: ["JSON", "TestKit"], swiftSettings: house),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "CKernels", "TestKit"], swiftSettings: house),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "TestKit"], resources: [.copy("Goldens")],
      swiftSettings: house),
    .testTarget(
      name: "TokenizationTests",
      dependencies: ["JSON", "Tensors", "Checkpoints", "Tokenization", "Catalogue", "TestKit"],
      resources: [.copy("Goldens")], swiftSettings: house),
    .testTarget(
      name: "RecordingTests", dependencies: ["Recording", "Executor", "Resources", "TestKit"], swiftSettings: house),
    .testTarget(name: "SimulationTests", dependencies: ["JSON", "Scheduling", "Simulation"], swiftSettings: house),
    .testTarget(name: "SchedulingTests", dependencies: ["Scheduling", "TestKit"], swiftSettings: house),
    .testTarget(
      name: "ResourcesTests", dependencies: ["Resources", "TestKit", "InflightTestKit"], swiftSettings: house),
    .testTarget(
      name: "InflightTestKitTests", dependencies: ["InflightTestKit", "Executor", "TestKit"], swiftSettings: house),
    .testTarget(
      name: "ModelEnginesTests",
      dependencies: ["ModelEngines", "Models", "Checkpoints", "Resources", "Tensors", "TestKit", "InflightTestKit"],
      resources: [.copy("Goldens")], swiftSettings: house),
    .testTarget(
      name: "BenchmarkingTests", dependencies: ["Benchmarking", "JSON", "ModelEngines", "Tensors"],
      swiftSettings: house),
    .testTarget(
      name: "DecodingTests", dependencies: ["Decoding", "TestKit"], resources: [.copy("Goldens")],
      swiftSettings: house),
    .testTarget(
      name: "GuidedTests", dependencies: ["Guided", "JSON", "TestKit"], resources: [.copy("Goldens")],
      swiftSettings: house),
    .testTarget(
      name: "ExecutorTests",
      dependencies: [
        "Executor", "Checkpoints", "ModelEngines", "Guided", "Decoding", "JSON", "TestKit", "AllocationCounter",
      ],
      swiftSettings: house),
    .testTarget(
      name: "CatalogueTests",
      dependencies: [
        "Catalogue", "TestKit",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "Server", "Inflight", "JSON", "Requests", "TestKit",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "InflightTests", dependencies: ["Inflight", "TestKit"], resources: [.copy("Goldens")],
      swiftSettings: house),
  ]
)
