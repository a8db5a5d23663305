internal import CrashPoints
internal import FoundationEssentials
public import JobModel
internal import Logging
internal import ServiceKit
public import StageRuntime
internal import Storage
internal import Synchronization
internal import TempFiles

/// Publishes a job's outputs in the object store.
public struct UploadHandler: StageHandler {
    private let stores: ObjectStores

    init(_ services: StageServices) throws {
        stores = try ObjectStores(storageURL: services.settings.storageURL)
    }

    public static func main() async -> Never {
        await StageWorker.main(.upload) { try UploadHandler($0) }
    }

    public func run(_ job: JobContext) async throws -> Ticket {
        var ticket = job.ticket
        // All are checked before the first is published: a job that must go back to download publishes nothing half. What an
        // earlier run has published may be gone.
        for output in ticket.outputs where try await publishedBefore(output, job) == nil {
            _ = try await job.requireFile(output.localPath, name(of: output))
        }
        let totalBytes = ticket.outputs.reduce(Int64(0)) { $0 &+ max($1.sizeBytes ?? 0, 0) }
        var doneBytes: Int64 = 0
        for index in ticket.outputs.indices {
            try Task.checkCancellation()
            let output = ticket.outputs[index]
            let before = doneBytes
            let published: PublishedObject
            if let known = try await publishedBefore(output, job) {
                published = known
            } else {
                published = try await publish(output, job) { written in
                    if totalBytes > 0 { job.telemetry.note(fraction: Double(before + written) / Double(totalBytes)) }
                }
            }
            doneBytes += published.sizeBytes
            ticket.outputs[index].location = published.location
            ticket.outputs[index].sizeBytes = published.sizeBytes
            try await release(output, published, job)
            CrashPoint.outputReleased.cross()
        }
        for index in ticket.outputs.indices { ticket.outputs[index].localPath = nil }
        try await job.tracker.trimReservation(job.key)
        return ticket
    }

    /// What an earlier run of this message has published; see docs/decisions/0007-outputs-are-released-at-once.md.
    private func publishedBefore(_ output: JobOutput, _ job: JobContext) async throws -> PublishedObject? {
        guard let path = output.localPath, let known = try await job.tracker.published(path, job: job.key),
            known.key == output.key
        else { return nil }
        return PublishedObject(sizeBytes: known.sizeBytes, location: known.location)
    }

    /// Gives back an output's space. First the books, then the file: were it the other way round, a run cut off in between
    /// would miss the file and send the job back to download.
    private func release(_ output: JobOutput, _ published: PublishedObject, _ job: JobContext) async throws {
        guard let path = output.localPath else { return }
        let record = PublishedFile(key: output.key, location: published.location, sizeBytes: published.sizeBytes)
        try await job.tracker.notePublished(record, path: path, job: job.key)
        CrashPoint.outputNoted.cross()
        // What cannot be removed now stays on the books, and the clean-up tries again.
        _ = await job.tracker.releaseFiles([path], job: job.key)
    }

    private func publish(
        _ output: JobOutput,
        _ job: JobContext,
        didWrite: @escaping @Sendable (Int64) -> Void
    ) async throws -> PublishedObject {
        let path = try await job.requireFile(output.localPath, name(of: output))
        let cancelled = Atomic(false)
        do {
            let key = try ObjectKey(output.key)
            let published = try await withTaskCancellationHandler {
                try await stores.standard.publish(fileAt: path, as: key, mimeType: output.mimeType) { written in
                    if cancelled.load(ordering: .relaxed) { throw CancellationError() }
                    didWrite(written)
                }
            } onCancel: {
                cancelled.store(true, ordering: .relaxed)
            }
            job.logger.info(
                "uploaded",
                metadata: [
                    LogKey.filePath: "\(path)", LogKey.fileBytes: "\(published.sizeBytes)",
                    "object.location": "\(published.location)",
                ]
            )
            return published
        } catch let error as ObjectKeyError {
            throw StageFailure(.permanent, code: "invalid_key", "\(error)")
        } catch let error as StorageError {
            throw StageFailure(error.isRetriable ? .transient : .permanent, code: error.code.rawValue, error.message)
        }
    }

    private func name(of output: JobOutput) -> String {
        "\(output.kind.rawValue) output \(output.quality ?? output.key)"
    }
}
