import Foundation
import HTTPClient
import JobModel
import Settings
import TestSupport
import Testing

@testable import Storage

/// Uploads of 4 MiB whose way to the store breaks at every 64 KiB. Bytes are counted in the middle of the way.
@Suite("An upload that is cut at every 64 KiB", .timeLimit(.minutes(10)))
struct S3CutTests {
    enum Way: String, CaseIterable, Sendable {
        /// Nothing of a PUT can be used again: at worst the whole goes twice.
        case whole
        /// A part is what can be lost.
        case parts

        /// The only one of both that takes parts of less than 5 MiB.
        var store: TestObjectStore.Kind { self == .whole ? .seaweed : .swift }
        var partBytes: Int64 { self == .whole ? 5 << 20 : 160 << 10 }

        /// The most that may have gone to the store, with all headers, when the way broke at a place.
        func mostBytes(_ cut: Int) -> Int {
            let size = Double(S3CutTests.size)
            return self == .whole ? Int(size) + cut + 8000 : Int(size * 1.05)
        }
    }

    private static let size = 4 << 20
    private static let cuts = Array(stride(from: 0, through: size, by: 64 << 10))

    /// Runs `put` with a proxy for each cut, and then looks at all objects with another client.
    private func atEveryCut(
        _ way: Way,
        isStall: Bool,
        _ put: (_ lab: S3Lab, _ proxy: RelayProxy, _ file: String, _ key: String) async throws -> Void
    ) async throws {
        let lab = try await S3Lab(way.store)
        try await withDirectory { directory in
            let content = Data(S3Lab.bytes(Self.size))
            try content.write(to: URL(filePath: directory + "/file"))
            for cut in Self.cuts {
                let proxy = try RelayProxy(
                    to: lab.server.port,
                    once: isStall ? .stall(afterBytes: cut) : .cut(afterBytes: cut)
                )
                defer { proxy.close() }
                try await put(lab, proxy, directory + "/file", "\(cut)")
                let sent = proxy.sentBytes
                #expect(sent >= Self.size && sent <= way.mostBytes(cut), "cut at \(cut): \(sent) bytes")
                #expect(proxy.harmed == 1, "cut at \(cut)")
            }
            try FileManager.default.createDirectory(atPath: directory + "/found", withIntermediateDirectories: false)
            try await lab.server.python(
                """
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=arguments[0]):
                    for object in page.get("Contents", []):
                        s3.download_file(bucket, object["Key"], arguments[1] + object["Key"][len(arguments[0]):])
                """,
                lab.prefix + "/",
                directory + "/found/"
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/found").count == Self.cuts.count)
            for cut in Self.cuts {
                let isSame = try Data(contentsOf: URL(filePath: directory + "/found/\(cut)")) == content
                #expect(isSame, "cut at \(cut)")
            }
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    @Test("becomes the file, and moves few bytes twice", arguments: Way.allCases)
    func cut(_ way: Way) async throws {
        try await atEveryCut(way, isStall: false) { lab, proxy, file, key in
            let connections = WebConnections()
            defer { connections.closeIdle() }
            let store = try lab.store(port: proxy.port, connections: connections) { settings in
                settings.multipartThresholdBytes = way.partBytes
                settings.partBytes = way.partBytes
                settings.parallelParts = 1
            }
            _ = try await store.put(NewObject(path: file, key: try ObjectKey(key))) { _ in }
        }
    }

    @Test("becomes the file when its process is killed there, and another goes on", arguments: Way.allCases)
    func kill(_ way: Way) async throws {
        let executable = try BuiltExecutable.path("transfers")
        try await atEveryCut(way, isStall: true) { lab, proxy, file, key in
            let output = file + ".output"
            let environment = TestObjectStore.environment.merging([
                "STORAGE_URL": lab.server.url(lab.prefix, port: Int(proxy.port)), "PATH": "/usr/bin:/bin",
            ]) { $1 }
            for isFirst in [true, false] {
                let process = try ChildProcess(
                    executable,
                    ["upload", file, key] + (way == .parts ? ["\(way.partBytes)"] : []),
                    environment: environment,
                    output: output
                )
                if isFirst {
                    try await eventually("the way breaks") { proxy.harmed == 1 }
                    process.send(SIGKILL)
                    #expect(await process.wait() == .signal(SIGKILL))
                } else {
                    let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
                    #expect(await process.wait() == .status(0), "\(said)")
                }
            }
        }
    }
}
