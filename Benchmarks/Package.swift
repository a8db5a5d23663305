// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what only benchmarks need stays out of the product.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "media-processor", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "video-ladder",
            dependencies: [
                .product(name: "Media", package: "media-processor"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .executableTarget(
            name: "image-variants",
            dependencies: [.product(name: "Images", package: "media-processor")]
        ),
        .executableTarget(
            name: "temp-files",
            dependencies: [
                .product(name: "TempFiles", package: "media-processor"),
                .product(name: "JobModel", package: "media-processor"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
    ]
)
