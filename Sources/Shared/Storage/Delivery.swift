internal import Synchronization
internal import Threads

/// The way of a source's bytes to its sink: keeps the limit, counts, and ends when the task is cancelled. Every kind of
/// source uses one for each fetch.
package final class Delivery: Sendable {
    private let request: FetchRequest
    private let sink: any SourceSink
    private let cancellation: CancellationFlag
    private let total = Atomic<Int64>(0)
    /// Whether the bytes came with the word of how many they are.
    private let hasSize = Atomic(false)

    /// An error of the sink on its way through whoever reads the source, so that it is not taken for one of the source.
    private struct SinkFailure: Error {
        let error: any Error
    }

    /// Runs a fetch.
    ///
    /// - Throws: what `body` throws, and what the sink threw as it is.
    package static func run(
        _ request: FetchRequest,
        to sink: any SourceSink,
        _ body: @Sendable (Delivery) async throws -> Int64
    ) async throws -> Int64 {
        do {
            return try await CancellationFlag.run { flag in
                let delivery = Delivery(request, to: sink, flag)
                let bytes = try await body(delivery)
                try delivery.checkEnd(bytes)
                return bytes
            }
        } catch let failure as SinkFailure {
            throw failure.error
        }
    }

    private init(_ request: FetchRequest, to sink: any SourceSink, _ cancellation: CancellationFlag) {
        self.request = request
        self.sink = sink
        self.cancellation = cancellation
    }

    /// The bytes of the source up to here, those of earlier tries included.
    package var totalBytes: Int64 { total.load(ordering: .relaxed) }

    /// Tells the sink where the bytes begin.
    ///
    /// - Returns: where that is: after what is there already when the source is still the same and can be read from
    ///   there, else 0.
    package func begin(_ facts: SourceFacts) throws -> Int64 {
        try cancellation.check()
        if let size = facts.sizeBytes, size > request.limitBytes { throw tooLarge }
        var start: Int64 = 0
        if let progress = request.progress, facts.hasRanges, progress.validator == facts.validator, progress.bytes > 0,
            progress.bytes <= facts.sizeBytes ?? .max
        {
            start = progress.bytes
        }
        hasSize.store(facts.sizeBytes != nil, ordering: .relaxed)
        do { try sink.begin(facts, at: start) } catch { throw SinkFailure(error: error) }
        total.store(start, ordering: .relaxed)
        return start
    }

    package func write(_ piece: UnsafeRawBufferPointer) throws {
        try cancellation.check()
        let (_, total) = total.add(Int64(piece.count), ordering: .relaxed)
        guard total <= request.limitBytes else { throw tooLarge }
        do { try sink.write(piece) } catch { throw SinkFailure(error: error) }
    }

    private func checkEnd(_ bytes: Int64) throws(StorageError) {
        guard let expected = request.expectedBytes, bytes < expected, !hasSize.load(ordering: .relaxed) else { return }
        throw StorageError(
            code: .interrupted,
            message: "the source ended after \(bytes) bytes, and \(expected) were told before; see its host, and the "
                + "job's `fileSize`",
            verdict: .transient
        )
    }

    private var tooLarge: StorageError {
        StorageError(
            code: .tooLarge,
            message: "the source has more than \(request.limitBytes) bytes; see SOURCE_MAX_BYTES"
        )
    }
}
