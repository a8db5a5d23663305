import Foundation
import JobModel
import Storage
import Synchronization
import TestSupport
import Testing

/// A kind of source, as the contract of ``Source`` knows it. Another kind is another case.
enum SourceUnderTest: CaseIterable, Sendable {
    case file
    case storedObject
    case bucketObject
    case swiftObject
    case memory
    case http

    /// Runs `body` with a source of these bytes, and a way to put others in its place.
    func run(
        _ bytes: [UInt8],
        _ body: (_ source: any Source, _ replace: @escaping @Sendable ([UInt8]) async throws -> Void) async throws ->
            Void
    ) async throws {
        try await withDirectory { directory in
            switch self {
            case .file:
                let path = directory + "/source"
                let write: @Sendable ([UInt8]) throws -> Void = { try Data($0).write(to: URL(filePath: path)) }
                try write(bytes)
                try await body(LocalFileSource(url: FileURL.text(path), roots: [directory]), write)
            case .storedObject:
                let store = try LocalDirectoryStore(creating: directory + "/store")
                let path = directory + "/store/object"
                let write: @Sendable ([UInt8]) throws -> Void = { try Data($0).write(to: URL(filePath: path)) }
                try write(bytes)
                try await body(store.source(try ObjectKey("object")), write)
            case .bucketObject, .swiftObject:
                let lab = try await S3Lab(self == .swiftObject ? .swift : .seaweed)
                let path = directory + "/object"
                let write: @Sendable ([UInt8]) async throws -> Void = {
                    try Data($0).write(to: URL(filePath: path))
                    try await lab.server.put(path, "\(lab.prefix)/object")
                }
                try await write(bytes)
                try await body(try lab.store().source(try ObjectKey("object")), write)
            case .memory:
                let content = Content(bytes)
                let source = MemorySource(content: { content.bytes.withLock { $0 } })
                try await body(source) { new in content.bytes.withLock { $0 = new } }
            case .http:
                let path = directory + "/source"
                let versions = Atomic(0)
                let write: @Sendable ([UInt8]) throws -> Void = { bytes in
                    try Data(bytes).write(to: URL(filePath: path))
                    // nginx makes the ETag of the size and the time of change, in seconds.
                    let version = versions.add(1, ordering: .relaxed).newValue
                    let date = Date(timeIntervalSince1970: 1_000_000_000 + Double(version))
                    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
                }
                try write(bytes)
                try await NginxOrigin.with(files: directory) { origin in
                    try await body(HTTPSource(url: origin.url("/source"), try webSettings()), write)
                }
            }
        }
    }
}

private final class Content: Sendable {
    let bytes: Mutex<[UInt8]>
    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }
}

private struct SinkTrouble: Error, Equatable {}

@Suite("Every kind of source")
struct SourceContractTests {
    private static let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    private static let all = FetchRequest(limitBytes: .max)

    private final class Collector: SourceSink {
        private let state = Mutex<(starts: [Int64], bytes: [UInt8])>(([], []))
        var starts: [Int64] { state.withLock { $0.starts } }
        var bytes: [UInt8] { state.withLock { $0.bytes } }

        func begin(_ facts: SourceFacts, at start: Int64) { state.withLock { $0.starts.append(start) } }
        func write(_ piece: UnsafeRawBufferPointer) { state.withLock { $0.bytes += Array(piece) } }
    }

    @Test(
        "tells its size and delivers all its bytes in order, once told where they begin",
        arguments: SourceUnderTest.allCases
    )
    func whole(_ kind: SourceUnderTest) async throws {
        try await kind.run(Self.content) { source, _ in
            try await source.checkAllowed()
            #expect(try await source.probe().sizeBytes == 5000)
            let sink = Collector()
            #expect(try await source.fetch(Self.all, into: sink) == 5000)
            #expect(sink.bytes == Self.content && sink.starts == [0])
        }
    }

    @Test("goes on where a fetch ended, while it is the same", arguments: SourceUnderTest.allCases)
    func resumption(_ kind: SourceUnderTest) async throws {
        try await kind.run(Self.content) { source, _ in
            let validator = try #require(try await source.probe().validator)
            let sink = Collector()
            let request = FetchRequest(limitBytes: 5000, progress: .init(bytes: 1234, validator: validator))
            #expect(try await source.fetch(request, into: sink) == 5000)
            #expect(sink.bytes == Array(Self.content[1234...]) && sink.starts == [1234])
        }
    }

    @Test(
        "begins anew when it is another one by now, or shorter than what was had of it",
        arguments: SourceUnderTest.allCases
    )
    func changed(_ kind: SourceUnderTest) async throws {
        try await kind.run(Self.content) { source, replace in
            let validator = try #require(try await source.probe().validator)
            try await replace(Array(Self.content[..<4000]))
            for bytes in [Int64(1234), 4999] {
                let sink = Collector()
                let request = FetchRequest(limitBytes: .max, progress: .init(bytes: bytes, validator: validator))
                #expect(try await source.fetch(request, into: sink) == 4000)
                #expect(sink.bytes == Array(Self.content[..<4000]) && sink.starts == [0])
            }
            let now = try #require(try await source.probe().validator)
            let sink = Collector()
            _ = try await source.fetch(
                .init(limitBytes: .max, progress: .init(bytes: 4001, validator: now)),
                into: sink
            )
            #expect(sink.starts == [0])
        }
    }

    @Test("delivers nothing beyond the limit, which counts what was there before", arguments: SourceUnderTest.allCases)
    func limit(_ kind: SourceUnderTest) async throws {
        try await kind.run(Self.content) { source, _ in
            let validator = try #require(try await source.probe().validator)
            for progress in [nil, FetchRequest.Progress(bytes: 4000, validator: validator)] {
                let sink = Collector()
                await #expect {
                    try await source.fetch(FetchRequest(limitBytes: 4999, progress: progress), into: sink)
                } throws: { error in
                    let error = error as? StorageError
                    return error?.code == .tooLarge && error?.verdict == .permanent
                }
                #expect(sink.bytes.count <= 4999)
            }
        }
    }

    @Test("ends with the very error of its sink", arguments: SourceUnderTest.allCases)
    func sinkError(_ kind: SourceUnderTest) async throws {
        try await kind.run(Self.content) { source, _ in
            let sink = PieceSink { _ in throw SinkTrouble() }
            await #expect(throws: SinkTrouble()) { try await source.fetch(Self.all, into: sink) }
        }
    }

    @Test("ends when its task is cancelled", arguments: SourceUnderTest.allCases)
    func cancellation(_ kind: SourceUnderTest) async throws {
        try await kind.run(Self.content) { source, _ in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                let sink = Collector()
                do {
                    try await source.fetch(Self.all, into: sink)
                    return false
                } catch {
                    return error is CancellationError && sink.bytes.isEmpty
                }
            }
            #expect(await task.value)
        }
    }
}

@Suite("Sources and stores by scheme")
struct SchemeTests {
    private struct Named: Equatable { var url: String }

    @Test("a URL leads to the source of its scheme")
    func sources() throws {
        let sources = Sources([
            "memory": { url in MemorySource(name: "memory \(url)", content: { nil }) },
            "other": { url in MemorySource(name: "other \(url)", content: { nil }) },
        ])
        #expect(try sources.source("MEMORY:x").description == "memory MEMORY:x")
        #expect(try sources.source("other:x").description == "other other:x")
        for (url, code) in [
            ("file:///x", StorageError.Code.invalidURL), ("https://me:secret@h/x", .invalidURL),
            ("nonsense", .invalidURL),
        ] {
            #expect {
                try sources.source(url)
            } throws: { error in
                (error as? StorageError)?.code == code && !"\(error)".contains("secret")
            }
        }
    }

    @Test("what no kind reads is refused before anything is looked up")
    func check() throws {
        for url in ["file:///x", "https://host/x", "HTTP://host/x"] { try Sources.check(url) }
        for url in ["gopher://host/x", "/x", "https://", "https://u:p@host/x", "https://127.1/x"] {
            #expect(throws: StorageError.self) { try Sources.check(url) }
        }
        for url in ["https://host/x", "gopher://host/x", "/x"] {
            #expect(throws: StorageError.self) { try Stores.check(url) }
        }
        try Sources.check("s3://bucket/x")
        try Stores.check("s3://bucket/x")
        try Stores.check("file:///x")
    }
}
