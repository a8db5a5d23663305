internal import CrashPoints
internal import Files
internal import JobModel
internal import Settings
internal import StageRuntime
internal import Storage
internal import TempFiles
internal import Threads

/// The file of the result index: see docs/decisions/0029-results-and-removal.md.
extension UploadHandler {
    /// The name of the index in the job's directory. Outputs are in a directory of their own.
    static let indexName = "result.json"

    /// The key of a job's index; nil when none is wanted.
    ///
    /// - Throws: ``StageFailure``, permanent, when an output has the same key: one would replace the other.
    func indexKey(of ticket: Ticket) throws -> ObjectKey? {
        guard let template = settings.resultKeyTemplate else { return nil }
        let key: ObjectKey
        do throws(ObjectKeyError) { key = try template.key(ticket: ticket) } catch {
            throw StageFailure(.permanent, code: "invalid_media_id", "\(error); correct the job's `mediaId`")
        }
        if let output = ticket.outputs.first(where: { $0.key == ByteText(key.rawValue) }) {
            throw StageFailure(
                .permanent,
                code: "key_collision",
                "the result index would have the key of the \(output.kind.rawValue) output "
                    + "\(output.quality ?? ""): `\(key)`; correct RESULT_KEY or the template of the output's key"
            )
        }
        return key
    }

    /// Writes the index of a job whose outputs are published, as one of its temp files.
    ///
    /// - Returns: the index as an output of the job.
    func makeIndex(of ticket: Ticket, under key: ObjectKey, _ job: JobContext) async throws -> JobOutput {
        let bytes = ResultIndex(ticket).json.serialized()
        let answer = try await job.tracker.planFiles(
            [NewFile(name: Self.indexName, type: .output, description: "result index")],
            job: job.key,
            stage: .upload,
            within: settings.diskBudget
        )
        guard case .planned(let files, let allowance) = answer, let file = files.first else {
            // Nothing is reserved, so nothing is refused.
            throw StageFailure(.noRoom, code: "no_space", "there is no room for the result index")
        }
        let tracker = job.tracker
        do {
            try await OwnThread.run {
                try allowance.grow(file.name, to: Int64(bytes.count))
                let opened = try tracker.openForWriting(file)
                CrashPoint.fileCreated.cross()
                try opened.write(bytes)
                try opened.close()
            }
        } catch let error as FileSystemError {
            throw StageFailure(
                error.isRetriable ? .transient : .permanent,
                code: "write_failed",
                "cannot write the temp file \(file.absolutePath): \(error)"
            )
        }
        try await tracker.commitFiles([file])
        var output = JobOutput(kind: .resultIndex, key: ByteText(key.rawValue))
        output.localPath = ByteText(file.absolutePath)
        output.sizeBytes = Int64(bytes.count)
        output.mimeType = "application/json"
        return output
    }
}

extension JobOutput.Kind {
    fileprivate static let resultIndex = Self(rawValue: "result_index")
}
