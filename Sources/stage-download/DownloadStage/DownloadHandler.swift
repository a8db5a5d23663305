internal import CrashPoints
internal import Files
internal import FoundationEssentials
package import JobModel
internal import Logging
internal import Settings
package import StageRuntime
internal import Storage
internal import Synchronization
internal import TempFiles
internal import Threads

/// Brings a job's source into the job's directory.
package struct DownloadHandler: StageHandler {
    /// The name of every source; what it is, is found from its content.
    static let sourceName = "source"

    private let settings: Settings
    private let stores: Stores
    private let sources: Sources

    /// - Parameter sources: nil for those that the settings allow.
    init(_ services: StageServices, sources: Sources? = nil) throws {
        settings = services.settings
        stores = try Stores(settings.storage)
        self.sources = sources ?? Sources(settings.storage)
    }

    package var hostsAway: [HostAbsence] { HostWatch.shared.absences }

    package static func main() async -> Never {
        await StageWorker.main(.download) { try DownloadHandler($0) }
    }

    package func run(_ job: JobContext) async throws -> Ticket {
        let source = try job.ticket.source(sources, stores)
        try checkOutputKeys(job.ticket)
        let digest = try job.ticket.sourceDigest()
        let room = try await plan(source, job)
        let file = room.file
        let bytes = try await fetch(source, into: room, digest, job)
        guard bytes > 0 else {
            throw StageFailure(
                .permanent,
                code: "empty_source",
                "the source \(source) is empty (0 bytes); upload it again and submit a new job"
            )
        }
        // One that did not say how large it is has had room enough now.
        await job.telemetry.goOn()
        try await job.tracker.commitFiles([file])
        job.telemetry.note(inputs: 1, bytes: bytes)
        job.telemetry.note(outputs: 1, bytes: bytes)
        job.logger.log(
            level: job.tracker.fileLevel,
            "downloaded",
            metadata: [LogKey.filePath: "\(file.absolutePath)", LogKey.fileBytes: "\(bytes)"]
        )
        var ticket = job.ticket
        ticket.localMediaPath = ByteText(file.absolutePath)
        return ticket
    }

    /// The place of the source on the disk.
    private struct Room {
        var file: TrackedFile
        var allowance: SpaceAllowance
        /// The size of the source, by its own word or else by the job's. With it there is room enough.
        var sourceBytes: Int64?
    }

    /// Puts the source in the ledger, and reserves disk for it and for what will be made of it.
    private func plan(_ source: any Source, _ job: JobContext) async throws -> Room {
        let known: Int64?
        do {
            known = try await source.probe().sizeBytes
        } catch let error as StorageError {
            throw Self.failure(error)
        }
        let bytes = known ?? job.ticket.fileSizeBytes
        if let bytes { try checkLimit(bytes) }
        let file = NewFile(name: Self.sourceName, type: .input, description: "source \(source)")
        let answer = try await job.tracker.planFiles(
            [file],
            job: job.key,
            stage: .download,
            reserving: bytes.map { settings.reservationBytes(sourceBytes: $0) },
            within: settings.diskBudget
        )
        let factor = settings.temporaryExpansionFactor
        let words = "the source \(source) has \(bytes ?? 0) bytes, reserved \(factor) times (TEMP_EXPANSION_FACTOR)"
        switch answer {
        case .planned(let planned, let allowance):
            if bytes != nil {
                CrashPoint.spaceReserved.cross()
                await job.telemetry.goOn()
            }
            return Room(file: planned[0], allowance: allowance, sourceBytes: bytes)
        case .noRoom(let why): throw try await leave(job, "\(words): \(why)")
        case .neverFits(let why):
            throw StageFailure(.permanent, code: "too_large_for_disk", "\(words): \(why); raise the limit")
        }
    }

    /// Gives back all that the job has of the disk, so that jobs that have more can end.
    private func leave(_ job: JobContext, _ why: String) async throws -> StageFailure {
        _ = await job.tracker.releaseFiles([Self.sourceName], job: job.key, isLast: true)
        return StageFailure(.noRoom, code: "no_space", why)
    }

    private func checkLimit(_ bytes: Int64) throws(StageFailure) {
        if bytes <= settings.maximumSourceBytes { return }
        throw StageFailure(
            .permanent,
            code: "source_too_large",
            "the source has \(bytes) bytes; at most \(settings.maximumSourceBytes) are allowed, see SOURCE_MAX_BYTES"
        )
    }

    private func fetch(
        _ source: any Source,
        into room: Room,
        _ digest: [UInt8]?,
        _ job: JobContext
    ) async throws -> Int64 {
        let (file, allowance) = (room.file, room.allowance)
        let opened = try job.tracker.openForContinuing(file)
        CrashPoint.fileCreated.cross()
        let cancellation = CancellationFlag()
        let sink = Sink(
            file: opened,
            kind: job.ticket.kind,
            expectedBytes: job.ticket.fileSizeBytes,
            jobDigest: digest,
            cancellation: cancellation,
            willGrow: { try allowance.grow(file.name, to: $0) },
            didWrite: { written, fraction in
                job.telemetry.note(bytes: written, of: file)
                if let fraction { job.telemetry.note(fraction: fraction) }
            }
        )
        let progress = sink.progress
        let request = FetchRequest(
            limitBytes: settings.maximumSourceBytes,
            progress: progress,
            expectedBytes: room.sourceBytes
        )
        do {
            // A job that waits for room asks nobody for bytes that it has no room for.
            if room.sourceBytes == nil, let have = progress?.bytes {
                try await grow(allowance, file, to: have.addingClamped(Self.stepBytes))
            }
            let bytes = try await withTaskCancellationHandler {
                try await source.fetch(request, into: sink)
            } onCancel: {
                cancellation.cancel()
            }
            if bytes > 0 { try sink.finish() }
            return bytes
        } catch let error as StorageError {
            throw Self.failure(error)
        } catch let error as TempFileError where error.code == .noSpace {
            // The source grew, or did not say how large it is.
            let bytes = max(sink.writtenBytes, progress?.bytes ?? 0)
            if error.isRetriable { throw try await pause(file, bytes, job, error) }
            throw StageFailure(.permanent, code: "too_large_for_disk", error.message)
        } catch let error as FileSystemError {
            // A disk that fails or is full has no use for a part of a file, which may be what fills it.
            _ = await job.tracker.releaseFiles([Self.sourceName], job: job.key)
            throw StageFailure(
                error.isRetriable ? .transient : .permanent,
                code: "write_failed",
                "cannot write the temp file \(file.absolutePath): \(error)"
            )
        }
    }

    /// The room beyond what is there of a source before it is asked for more: a block.
    private static let stepBytes: Int64 = 4096

    private func grow(_ allowance: SpaceAllowance, _ file: TrackedFile, to bytes: Int64) async throws {
        try await OwnThread.run { () throws(TempFileError) in try allowance.grow(file.name, to: bytes) }
    }

    /// Keeps what has come of a source whose size was not known, unless another job that waits as well has more: the
    /// one with most of all waiting ones keeps it, so one of them gets on when there is room.
    private func pause(
        _ file: TrackedFile,
        _ bytes: Int64,
        _ job: JobContext,
        _ error: TempFileError
    ) async throws -> StageFailure {
        try await job.tracker.recordSizes([file: bytes])
        guard try await job.tracker.keepsFilesWhileWaiting(job.key) else { return try await leave(job, error.message) }
        return StageFailure(.noRoom, code: "no_space", error.message)
    }

    /// Why the source cannot be had.
    private static func failure(_ error: StorageError) -> StageFailure {
        StageFailure(error, advice: error.code == .invalidKey ? "; correct the job's `s3Key` or `source`" : "")
    }

    /// A media id that makes impossible keys is found before any work is done for it.
    private func checkOutputKeys(_ ticket: Ticket) throws {
        let templates =
            ticket.kind == .video
            ? [settings.videoKeyTemplate, settings.thumbnailKeyTemplate] : [settings.imageKeyTemplate]
        do {
            let store = try stores.store(of: ticket)
            for template in templates + [settings.resultKeyTemplate].compactMap(\.self) {
                try store.check(template.key(ticket: ticket, quality: "360p", fileExtension: "jpg"))
            }
            if Stores.keysArePaths(ticket.destination ?? settings.storageURL),
                let problem = try settings.directoryProblem(of: ticket)
            {
                throw StageFailure(
                    .permanent,
                    code: "invalid_media_id",
                    "the job's `mediaId` cannot be used in a directory: \(problem)"
                )
            }
            for entry in ticket.uploadURLs {
                let upload = SignedUpload(entry.url, name: entry.name.string, settings.storage)
                try upload.checkAllowed()
            }
        } catch let error as ObjectKeyError {
            throw StageFailure(.permanent, code: "invalid_media_id", "\(error); correct the job's `mediaId`")
        } catch let error as StorageError where error.code == .invalidKey {
            throw StageFailure(.permanent, code: "invalid_media_id", "\(error); correct the job's `mediaId`")
        } catch let error as StorageError {
            throw StageFailure(error)
        }
    }
}
