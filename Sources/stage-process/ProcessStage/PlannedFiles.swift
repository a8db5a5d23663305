internal import CrashPoints
internal import JobModel
internal import StageRuntime
internal import TempFiles

/// The files of a plan, tracked before the first is made.
struct PlannedFiles: Sendable {
    /// Where outputs go within the job's directory.
    static let directory = "outputs/"
    /// The code of a failure that another job's end puts right.
    static let noSpace = "no_space"

    private let tracker: TempFileTracker
    private let files: [String: TrackedFile]
    private let allowance: SpaceAllowance

    /// Removes what an earlier run of the stage left, and commits a row for each file name of the plan.
    static func track(
        _ fileNames: [(name: String, description: String)],
        within budget: DiskBudget,
        _ job: JobContext
    ) async throws -> PlannedFiles {
        await remove(outputs: job.files, of: job)
        let answer = try await job.tracker.planFiles(
            fileNames.map { NewFile(name: directory + $0.name, type: .output, description: $0.description) },
            job: job.key,
            stage: .process,
            within: budget
        )
        switch answer {
        case .planned(let tracked, let allowance):
            await job.telemetry.goOn()
            var files: [String: TrackedFile] = [:]
            for (planned, file) in zip(fileNames, tracked) { files[planned.name] = file }
            return PlannedFiles(tracker: job.tracker, files: files, allowance: allowance)
        // Only asked for when something is reserved.
        case .noRoom(let why), .neverFits(let why): throw StageFailure(.noRoom, code: noSpace, why)
        }
    }

    static func removeOutputs(of job: JobContext) async throws {
        await remove(outputs: try await job.tracker.jobTempFiles(job.key), of: job)
    }

    private static func remove(outputs files: [TempFileEntry], of job: JobContext) async {
        let outputs = files.filter { $0.type == .output }
        if !outputs.isEmpty { _ = await job.tracker.releaseFiles(outputs.map(\.path.string), job: job.key) }
    }

    /// - Throws: ``StageFailure`` for a name that is not in the plan: a file without a row must not come to be.
    func path(_ fileName: String) throws -> String {
        guard let file = files[fileName] else {
            throw StageFailure(.permanent, code: "unplanned_file", "the file \(fileName) is not in the plan")
        }
        return file.absolutePath
    }

    /// The path for the engine, which makes the file next; the ones before it are written.
    func pathToWrite(_ fileName: String) throws -> String {
        CrashPoint.outputBegun.cross()
        let path = try path(fileName)
        // Never written over: what an earlier run left may be an object of the store by now.
        if let file = files[fileName] { try tracker.removeLeftover(file) }
        return path
    }

    /// Asked by the engine before a write makes a file larger.
    ///
    /// - Throws: ``StageFailure`` when the disk budget leaves no room.
    func grow(_ fileName: String, to sizeBytes: Int64) throws {
        do { try allowance.grow(fileName, to: sizeBytes) } catch {
            throw StageFailure(
                error.isRetriable ? .transient : .permanent,
                code: error.code == .noSpace ? (error.isRetriable ? Self.noSpace : "too_large_for_disk") : "temp_files",
                error.message
            )
        }
    }

    func file(_ fileName: String) -> TrackedFile? { files[fileName] }

    /// Makes the written files durable and their rows `present`.
    func commit(_ written: [String], _ job: JobContext) async throws {
        try await job.tracker.commitFiles(written.compactMap { files[$0] }, isFirst: false, isLast: true)
        CrashPoint.reservationTrimmed.cross()
    }
}
