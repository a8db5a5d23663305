import JobModel
import Storage
import Synchronization

/// Takes a source's bytes as they come.
final class PieceSink: SourceSink {
    private let take: @Sendable (UnsafeRawBufferPointer) throws -> Void
    private let begun = Mutex<[Int64]>([])
    /// Where each fetch began.
    var starts: [Int64] { begun.withLock { $0 } }

    init(_ take: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) { self.take = take }

    func begin(_ facts: SourceFacts, at start: Int64) { begun.withLock { $0.append(start) } }
    func write(_ piece: UnsafeRawBufferPointer) throws { try take(piece) }
}

extension Source {
    @discardableResult
    func read(_ take: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) async throws -> Int64 {
        try await fetch(FetchRequest(limitBytes: .max), into: PieceSink(take))
    }
}

extension Store {
    func publish(
        fileAt path: String,
        as key: ObjectKey,
        mimeType: String?,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        try await put(NewObject(path: path, key: key, contentType: mimeType), didWrite: didWrite)
    }

    @discardableResult
    func read(
        _ key: ObjectKey,
        consume: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Int64 {
        try await source(key).read(consume)
    }

    func size(_ key: ObjectKey) async throws -> Int64? { try await source(key).probe().sizeBytes }
}

/// File sources of the same directories.
struct LocalFileSources {
    let roots: [String]

    func read(
        _ url: String,
        consume: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Int64 {
        try await LocalFileSource(url: url, roots: roots).read(consume)
    }

    func checkAllowed(_ url: String) async throws(StorageError) {
        try await LocalFileSource(url: url, roots: roots).checkAllowed()
    }
}

extension NewObject {
    /// Of the file that it is made of.
    var path: String {
        get { if case .file(let path) = content { path } else { "" } }
        set { content = .file(newValue) }
    }
}
