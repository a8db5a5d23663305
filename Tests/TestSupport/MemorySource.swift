package import Storage
internal import Synchronization

/// A source in memory, in pieces, which fails on order.
package struct MemorySource: Source {
    private let name: String
    private let content: @Sendable () -> [UInt8]?
    private let fault: @Sendable (_ isFetch: Bool) -> StorageFault?
    /// Whether it tells its size before it is read.
    package var tellsSize = true
    package var hasRanges = true
    package var pieceBytes = 1024
    /// Another one says that the source has changed.
    package var version = "1"

    /// - Parameters:
    ///   - content: nil when there is no such source.
    ///   - fault: asked once for each call, probe or fetch.
    package init(
        name: String = "memory source",
        content: @escaping @Sendable () -> [UInt8]?,
        fault: @escaping @Sendable (_ isFetch: Bool) -> StorageFault? = { _ in nil }
    ) {
        self.name = name
        self.content = content
        self.fault = fault
    }

    package var description: String { name }

    package func checkAllowed() async throws(StorageError) {}

    package func probe() async throws -> SourceFacts {
        if let fault = fault(false) { throw fault.error }
        return facts(try found())
    }

    package func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        let fault = fault(true)
        let bytes = try found()
        return try await Delivery.run(request, to: sink) { [pieceBytes, facts = facts(bytes)] delivery in
            var position = Int(try delivery.begin(facts))
            while position < bytes.count {
                var end = min(position + pieceBytes, bytes.count)
                if let fault { end = min(end, Int(fault.afterBytes)) }
                if end <= position { break }
                try bytes[position..<end].withUnsafeBytes { try delivery.write($0) }
                position = end
                await Task.yield()
            }
            if let fault { throw fault.error }
            return delivery.totalBytes
        }
    }

    private func found() throws(StorageError) -> [UInt8] {
        guard let bytes = content() else {
            throw StorageError(code: .notFound, message: "there is no \(name)", verdict: .sourceGone)
        }
        return bytes
    }

    private func facts(_ bytes: [UInt8]) -> SourceFacts {
        SourceFacts(
            sizeBytes: tellsSize ? Int64(bytes.count) : nil,
            validator: SourceValidator("\(version)-\(bytes.count)"),
            hasRanges: hasRanges
        )
    }
}
