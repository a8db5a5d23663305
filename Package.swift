// swift-tools-version: 6.2
import PackageDescription

// Every target of ours is held to the same rules. Dependencies are not: SwiftPM applies these per target.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let nio = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { Target.Dependency.product(name: $0, package: "swift-nio") }
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = [
    Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types"),
    Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
]

/// A library that several processes share, in `Sources/Shared/<name>`.
func shared(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Shared/\(name)", swiftSettings: strict)
}

/// A process: its entry point in `Sources/<name>`, and its library in a folder of the same place.
func process(
    _ name: String,
    core: String,
    _ dependencies: [Target.Dependency],
    embedding resources: [String] = []
) -> [Target] {
    [
        .executableTarget(
            name: name,
            dependencies: [.target(name: core)],
            path: "Sources/\(name)",
            exclude: [core],
            swiftSettings: strict
        ),
        .target(
            name: core,
            dependencies: dependencies,
            path: "Sources/\(name)/\(core)",
            resources: resources.map { .embedInCode($0) },
            swiftSettings: strict
        ),
    ]
}

/// A program that measures one module. `make build` leaves it out, as it builds the products by name.
func benchmark(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: "Benchmarks/Sources/\(name)",
        swiftSettings: strict
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
    name: "media-processor",
    products: [
        .executable(name: "supervisor", targets: ["supervisor"]),
        .executable(name: "stage-download", targets: ["stage-download"]),
        .executable(name: "stage-process", targets: ["stage-process"]),
        .executable(name: "stage-upload", targets: ["stage-upload"]),
        .executable(name: "stage-cleanup", targets: ["stage-cleanup"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without the trait for settings, which would bring swift-configuration.
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            from: "2.28.1",
            traits: ["FullFoundation"]
        ),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C libraries, each imported by one module.
        .systemLibrary(name: "CRabbitMQ", path: "Sources/Shared/CRabbitMQ", pkgConfig: "librabbitmq"),
        .systemLibrary(name: "CFFmpeg", path: "Sources/Shared/CFFmpeg", pkgConfig: "libavformat"),
        .systemLibrary(name: "CVips", path: "Sources/Shared/CVips", pkgConfig: "vips"),
        .systemLibrary(name: "CHEIF", path: "Sources/Shared/CHEIF", pkgConfig: "libheif"),
        .systemLibrary(name: "CZstandard", path: "Sources/Shared/CZstandard", pkgConfig: "libzstd"),
        .systemLibrary(name: "CCrypto", path: "Sources/Shared/CCrypto", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CCurl", path: "Sources/Shared/CCurl", pkgConfig: "libcurl"),
        .target(name: "CLinux", path: "Sources/Shared/CLinux"),
        .target(
            name: "CSandbox",
            path: "Sources/Shared/CSandbox",
            linkerSettings: [.linkedLibrary("seccomp")]
        ),

        shared("JobModel", ["Text"]),
        shared("CrashPoints", []),
        shared("Threads", ["CLinux"]),
        shared("Text", []),
        shared("Sandbox", ["CSandbox", "Text"]),
        shared("Files", ["Text", "CLinux"]),
        shared("AMQP", ["Text", "Threads", "CRabbitMQ", logging]),
        shared("Media", ["CFFmpeg", "Text", "Files", "Threads", logging]),
        shared("Images", ["CVips", "CHEIF", "Text", "Files", "Threads", logging]),
        shared("Zstandard", ["CZstandard"]),
        shared("Digests", ["CCrypto"]),
        shared("HTTPClient", ["CCurl", "Threads"]),
        shared("Ledger", ["JobModel", "Text", "Files", "Threads", "Digests", "CLinux", logging, grdb]),
        shared(
            "TempFiles",
            ["JobModel", "Ledger", "Files", "Threads", "Zstandard", "Digests", "CrashPoints", "CLinux", logging]
        ),
        shared("JobStore", ["JobModel", "Ledger", "TempFiles", "CrashPoints", logging]),
        shared(
            "Storage",
            [
                "JobModel", "Text", "Files", "Settings", "Threads", "Digests", "HTTPClient", "CrashPoints", logging,
            ]
        ),
        shared(
            "JobObjects",
            ["JobModel", "Settings", "Storage", "TempFiles", "Digests", "CrashPoints", logging]
        ),
        shared("Spill", ["JobModel", "TempFiles", "Storage", "Settings"]),
        shared("Claims", ["JobModel", "AMQP", "Queues", "Settings", "TempFiles", "JobStore", "CrashPoints", logging]),
        shared("Settings", ["JobModel", "Text", logging]),
        shared("Queues", ["JobModel", "Settings", "AMQP"]),
        shared("Logs", ["JobModel", "Text", "Files", "Settings", "Threads", logging, unixSignals]),
        shared("WorkerProtocol", ["JobModel", "CLinux"]),
        shared(
            "StageRuntime",
            [
                "JobModel", "AMQP", "Queues", "Claims", "TempFiles", "Spill", "JobStore", "Threads", "Settings", "Logs",
                "Storage", "WorkerProtocol",
                "CrashPoints", "CLinux", logging, argumentParser, unixSignals,
            ]
        ),
    ]
        + process(
            "supervisor",
            core: "SupervisorCore",
            [
                "JobModel", "Text", "AMQP", "Queues", "Claims", "TempFiles", "JobStore", "Files", "Settings", "Logs",
                "WorkerProtocol",
                "Storage", "JobObjects", "Spill",
                "Digests", "CrashPoints", "HTTPClient", "Threads", "CLinux", logging, argumentParser, hummingbird,
                serviceLifecycle, unixSignals,
            ] + nio + httpTypes,
            embedding: [
                "ControlAPI/Documents/openapi.json", "ControlAPI/Dashboard/index.html",
                "ControlAPI/Dashboard/dashboard.css", "ControlAPI/Dashboard/dashboard.js",
            ]
        )
        + process(
            "stage-download",
            core: "DownloadStage",
            [
                "StageRuntime", "TempFiles", "Files", "JobModel", "Settings", "Storage", "Digests", "Threads",
                "CrashPoints", logging,
            ]
        )
        + process(
            "stage-process",
            core: "ProcessStage",
            [
                "StageRuntime", "TempFiles", "Threads", "JobModel", "Settings", "WorkerProtocol", "Media", "Images",
                "CrashPoints", logging,
            ]
        )
        + process(
            "stage-upload",
            core: "UploadStage",
            [
                "StageRuntime", "TempFiles", "Files", "JobModel", "JobObjects", "Settings", "Storage", "Threads",
                "CrashPoints", logging,
            ]
        )
        + process(
            "stage-cleanup",
            core: "CleanupStage",
            [
                "StageRuntime", "AMQP", "Queues", "TempFiles", "JobModel", "JobObjects", "Storage", "CrashPoints",
                logging,
            ]
        )
        + [
            .target(
                name: "TestSupport",
                dependencies: ["AMQP", "Queues", "Storage", "JobModel", "CLinux", logging],
                path: "Tests/TestSupport",
                swiftSettings: strict
            ),
            tests("JobModelTests", ["JobModel"]),
            tests("ThreadsTests", ["Threads"]),
            tests("FilesTests", ["Files"]),
            tests("TextTests", ["Text"]),
            tests("DigestsTests", ["Digests"]),
            // Tries to leave the sandbox; built for the tests only.
            .target(name: "CHostile", path: "Tests/Hostile/CHostile"),
            .executableTarget(
                name: "hostile-child",
                dependencies: ["CHostile", "Sandbox"],
                path: "Tests/Hostile/hostile-child",
                swiftSettings: strict
            ),
            tests("SandboxTests", ["Sandbox", "TestSupport", "hostile-child"]),
            tests("HTTPClientTests", ["HTTPClient", "CLinux", "TestSupport"]),
            tests("AMQPTests", ["AMQP", "Threads", "TestSupport", logging]),
            tests("QueuesTests", ["Queues", "AMQP", "Settings", "JobModel", "TestSupport", logging]),
            tests("MediaTests", ["Media", "Settings", "TestSupport", logging]),
            tests("ImagesTests", ["Images", logging]),
            .target(
                name: "TempFilesSupport",
                dependencies: ["TempFiles", "JobStore", "Ledger", "JobModel", "Files", "TestSupport", logging],
                path: "Tests/TempFilesSupport",
                swiftSettings: strict
            ),
            tests(
                "LedgerTests",
                [
                    "Ledger", "TempFiles", "JobStore", "JobModel", "Files", "TempFilesSupport", "TestSupport", logging,
                    grdb,
                ]
            ),
            tests(
                "TempFilesTests",
                [
                    "TempFiles", "Ledger", "JobStore", "JobModel", "Files", "Threads", "CrashPoints",
                    "TempFilesSupport",
                    "TestSupport", logging,
                ]
            ),
            tests(
                "SpillTests",
                [
                    "Spill", "Storage", "TempFiles", "Ledger", "JobStore", "JobModel", "Settings", "Files",
                    "TempFilesSupport", "TestSupport", logging,
                ]
            ),
            tests(
                "JobStoreTests",
                [
                    "JobStore", "TempFiles", "Ledger", "JobModel", "Files", "TempFilesSupport", "TestSupport", logging,
                    grdb,
                ]
            ),
            tests(
                "StorageTests",
                ["Storage", "Files", "JobModel", "Settings", "HTTPClient", "Digests", "TestSupport", logging]
            ),
            tests(
                "JobObjectsTests",
                [
                    "JobObjects", "JobModel", "JobStore", "Settings", "Storage", "TempFiles", "TempFilesSupport",
                    "TestSupport", logging,
                ]
            ),
            tests("SettingsTests", ["Settings", "Queues", "JobModel", logging]),
            tests("LogsTests", ["Logs", "Files", "Settings", "JobModel", logging]),
            tests("WorkerProtocolTests", ["WorkerProtocol", "JobModel"]),
            .target(
                name: "RuntimeSupport",
                dependencies: [
                    "StageRuntime", "CleanupStage", "JobModel", "JobStore", "AMQP", "Queues", "TempFiles", "Files",
                    "Settings", "Threads", "WorkerProtocol", logging,
                ],
                path: "Tests/RuntimeSupport",
                swiftSettings: strict
            ),
            tests(
                "StageRuntimeTests",
                [
                    "StageRuntime", "RuntimeSupport", "CrashPoints", "JobModel", "JobStore", "AMQP", "Queues",
                    "TempFiles", "Files", "Settings", "WorkerProtocol", logging,
                ]
            ),
            tests(
                "DownloadStageTests",
                [
                    "DownloadStage", "StageRuntime", "RuntimeSupport", "Storage", "JobModel", "TempFiles", "Files",
                    "Digests", "TestSupport",
                ]
            ),
            tests(
                "ProcessStageTests",
                ["ProcessStage", "StageRuntime", "RuntimeSupport", "TestSupport", "JobModel", "TempFiles", "Media"]
            ),
            tests(
                "UploadStageTests",
                ["UploadStage", "StageRuntime", "RuntimeSupport", "TestSupport", "JobModel", "JobStore", "TempFiles"]
            ),
            tests(
                "CleanupStageTests",
                [
                    "CleanupStage", "JobObjects", "StageRuntime", "RuntimeSupport", "TestSupport", "Storage", "AMQP",
                    "Queues", "JobModel", "TempFiles", "Settings", logging,
                ]
            ),
            tests(
                "ClaimsTests",
                ["Claims", "JobModel", "AMQP", "Queues", "TempFiles", "JobStore", "TestSupport", logging]
            ),
            tests(
                "SupervisorCoreTests",
                [
                    "SupervisorCore", "JobModel", "AMQP", "Queues", "TempFiles", "JobStore", "Files", "Settings",
                    "WorkerProtocol", "JobObjects",
                    "Threads", "CLinux",
                    "TestSupport", logging, hummingbird,
                ] + nio
            ),
            tests(
                "CrashTests",
                ["CrashPoints", "JobModel", "AMQP", "Queues", "TempFiles", "JobStore", "Files", "TestSupport", logging]
            ),
            tests(
                "IntegrationTests",
                [
                    "SupervisorCore", "JobModel", "AMQP", "Queues", "TempFiles", "JobStore", "Settings", "TestSupport",
                    "TempFilesSupport", logging,
                ]
            ),
            .target(
                name: "AllLibraries",
                dependencies: ["SupervisorCore", "DownloadStage", "ProcessStage", "UploadStage", "CleanupStage"],
                path: "Sources/Build",
                swiftSettings: strict
            ),
            benchmark("video-ladder", ["Media", logging]),
            benchmark("image-variants", ["Images", "CLinux"]),
            benchmark("temp-files", ["TempFiles", "JobModel", logging]),
            benchmark(
                "transfers",
                ["Storage", "TempFiles", "Settings", "JobModel", "Files", "Digests", "Threads", logging]
            ),
        ]
)
