internal import CrashPoints
internal import JobModel
internal import StageRuntime
internal import TempFiles

/// The files of a plan, tracked before the first is made.
struct PlannedFiles: Sendable {
    /// Where outputs go within the job's directory.
    static let directory = "outputs/"

    private let files: [String: TrackedFile]

    /// Commits a row for each file name of the plan.
    static func track(
        _ fileNames: [(name: String, description: String)],
        _ job: JobContext
    ) async throws -> PlannedFiles {
        let tracked = try await job.tracker.trackFiles(
            fileNames.map { NewFile(name: directory + $0.name, type: .output, description: $0.description) },
            job: job.key,
            stage: .process
        )
        var files: [String: TrackedFile] = [:]
        for (planned, file) in zip(fileNames, tracked) { files[planned.name] = file }
        return PlannedFiles(files: files)
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
        return try path(fileName)
    }

    func file(_ fileName: String) -> TrackedFile? { files[fileName] }

    /// Makes the written files durable and their rows `present`.
    func commit(_ written: [String], _ job: JobContext) async throws {
        try await job.tracker.commitFiles(written.compactMap { files[$0] })
    }
}
