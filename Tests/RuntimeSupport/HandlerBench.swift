package import AMQP
import Foundation
package import JobModel
import JobStore
import Logging
package import Settings
package import StageRuntime
package import TempFiles
import WorkerProtocol

/// A host for one handler: a temp directory and a store of its own on the real disk, and a broker that takes
/// everything.
package final class HandlerBench: Sendable {
    /// Contains all the others, and goes with this.
    package let directory: String
    package let settings: Settings
    package let tracker: TempFileTracker
    private let stage: Stage
    private let kind: MediaKind

    package init(_ stage: Stage, _ kind: MediaKind, _ variables: [String: String] = [:]) throws {
        directory = "/tmp/handler-test-\(UUID().uuidString.lowercased())"
        for name in ["temp", "store", "sources"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(name)",
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        }
        let own = [
            "TEMP_DIR": "\(directory)/temp", "STORAGE_URL": "file://\(directory)/store",
            "FILE_SOURCE_ROOTS": "\(directory)/sources",
        ]
        settings = try Settings.from(own.merging(variables) { $1 })
        tracker = try TempFileTracker.open(temporaryDirectory: settings.temporaryDirectory, logger: Self.logger)
        (self.stage, self.kind) = (stage, kind)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private static let logger = Logger(label: "handler") { _ in SwiftLogNoOpLogHandler() }

    package var services: StageServices {
        StageServices(kind: kind, settings: settings, tracker: tracker, logger: Self.logger)
    }

    package func ticket(_ id: ByteText = "job") -> Ticket {
        var ticket = Ticket(id: id, mediaID: "media", kind: kind)
        ticket.hop = 1
        return ticket
    }

    /// Enters the job as a worker does, and has the handler do its work under the lease.
    package func run(_ handler: any StageHandler, _ ticket: Ticket) async throws -> Ticket {
        try await entering(ticket) { context in try await handler.run(context) }
    }

    /// Does something under a job's lease.
    package func entering<T: Sendable>(
        _ ticket: Ticket,
        _ body: @Sendable (JobContext) async throws -> T
    ) async throws -> T {
        let message = StageMessage(stage: stage, hop: ticket.hop, mediaID: ticket.mediaID, manifest: ticket.tempFiles)
        guard case .entered(let entered) = try await tracker.jobs.enter(ticket.key, message, patience: .zero) else {
            throw HandlerBenchError(description: "the job is not free")
        }
        defer { entered.lease.release() }
        let place = Workplace(
            stage,
            kind,
            settings: settings,
            transport: DeafTransport(),
            books: tracker,
            files: tracker,
            tracker: tracker,
            status: StatusChannel(stage: stage, descriptor: nil),
            worker: WorkerLife(name: "test", processID: 1),
            clock: SystemClock(),
            process: .current,
            logger: Self.logger
        )
        return try await body(place.context(of: ticket, files: entered.files))
    }

    /// Makes a file of the job, as an earlier stage leaves it, and returns its path.
    package func makeFile(
        _ name: String,
        _ bytes: [UInt8],
        _ type: TempFileType,
        of job: JobContext
    ) async throws -> String {
        let new = NewFile(name: name, type: type, description: "made by a test")
        let file = try await tracker.trackFile(new, job: job.key, stage: .process)
        let opened = try tracker.openForWriting(file)
        try bytes.withUnsafeBytes { try opened.write($0) }
        try opened.close()
        try await tracker.commitFiles([file])
        return file.absolutePath
    }

    package func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Bytes of an object in the store; nil when it is not there.
    package func object(_ key: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(directory)/store/\(key)").map { Array($0) }
    }

    package func writeSource(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(directory)/sources/\(name)"))
    }
}

package struct HandlerBenchError: Error, CustomStringConvertible {
    package var description: String
}

/// Takes every message, and has none.
private struct DeafTransport: MessageTransport {
    var state: ConnectionState { .connected }
    var states: AsyncStream<ConnectionState> { AsyncStream { $0.yield(.connected) } }
    func start() throws(AMQPError) {}
    func close() async {}
    func waitUntilConnected() async throws {}
    func publish(_ message: AMQPMessage, to queue: String) async throws(AMQPError) {}
    func publish(firstFitting copies: [AMQPMessage], to queue: String) async throws(AMQPError) {}
    func publish(
        _ message: AMQPMessage,
        to queue: String,
        completion: @escaping @Sendable (Result<Void, AMQPError>) -> Void
    ) throws(AMQPError) { completion(.success(())) }
    func declare(_ queue: AMQPQueue) async throws(AMQPError) {}
    func differences(
        of queue: AMQPQueue,
        otherwise other: AMQPQueue?
    ) async throws(AMQPError) -> [QueueDifference] { [] }
    func messageCount(queue: String) async throws(AMQPError) -> Int? { 0 }
    func subscribe(to queue: AMQPQueue, transactional: Bool) throws(AMQPError) -> any MessageSubscription {
        throw AMQPError(.closed, "nothing comes from here", isRetriable: false, queue: queue.name)
    }
}
