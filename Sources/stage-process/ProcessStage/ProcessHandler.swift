internal import Glibc
internal import Images
package import JobModel
internal import Logging
internal import Media
internal import Settings
package import StageRuntime
internal import TempFiles
internal import WorkerProtocol

/// Makes all outputs of a job from its downloaded source.
package struct ProcessHandler: StageHandler {
    private let work: any MediaWork

    init(_ services: StageServices) throws {
        switch services.kind {
        case .video: work = VideoWork(services.settings)
        case .image: work = try ImageWork(services.settings, services.logger)
        }
    }

    /// - Parameter work: on one kind of media.
    init(work: any MediaWork) { self.work = work }

    package static func main() async -> Never {
        if CommandLine.arguments.dropFirst() == [MediaLibraries.option] { exit(LibraryProbe.run()) }
        await StageWorker.main(.process) { try ProcessHandler($0) }
    }

    package func run(_ job: JobContext) async throws -> Ticket {
        let source = try await job.requireFile(job.ticket.localMediaPath, "source")
        do {
            let ticket = try await work.run(source: source, job)
            job.telemetry.note(inputs: 1, bytes: ticket.metadata?["fileSize"]?.clampedInteger ?? 0)
            job.telemetry.note(
                outputs: ticket.outputs.count,
                bytes: ticket.outputs.reduce(0) { $0 &+ ($1.sizeBytes ?? 0) }
            )
            return ticket
        } catch let error as MediaError {
            if error.code == .cancelled { throw CancellationError() }
            try await makeRoom(after: error.underlying, error.isRetriable, job)
            throw failure(error.code.rawValue, error.message, isRetriable: error.isRetriable, error.underlying)
        } catch let error as ImageError {
            if error.code == .cancelled { throw CancellationError() }
            try await makeRoom(after: error.underlying, error.isRetriable, job)
            throw failure(error.code.rawValue, error.message, isRetriable: error.isRetriable, error.underlying)
        } catch let error as ObjectKeyError {
            throw StageFailure(.permanent, code: "invalid_media_id", "\(error); correct the job's `mediaId`")
        }
    }

    /// Jobs that wait for each other's space while they hold on to theirs would wait for ever. The next try makes all
    /// outputs anew, so those of this one only take room until then.
    private func makeRoom(after cause: (any Error)?, _ isRetriable: Bool, _ job: JobContext) async throws {
        let isForSpace = (cause as? StageFailure)?.code == PlannedFiles.noSpace
        if isForSpace || isRetriable { try await PlannedFiles.removeOutputs(of: job) }
        if isForSpace { try await job.tracker.trimReservation(job.key) }
    }

    private func failure(
        _ code: String,
        _ message: String,
        isRetriable: Bool,
        _ underlying: (any Error)?
    ) -> any Error {
        // This stage's own refusal has a better reason than the engine's error.
        if let underlying = underlying as? StageFailure { return underlying }
        return StageFailure(isRetriable ? .transient : .permanent, code: code, message)
    }
}

/// The work on one kind of media.
protocol MediaWork: Sendable {
    /// Probes, plans, tracks every file of the plan, makes them, and returns the ticket with metadata and outputs.
    func run(source: String, _ job: JobContext) async throws -> Ticket
}
