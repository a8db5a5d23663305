internal import JobModel

/// The JSON document of `submit --json`.
struct SubmitReport: Sendable, Codable, Equatable {
    struct Job: Sendable, Codable, Equatable {
        var id: ByteText
        var kind: MediaKind
        var mediaId: String
        var source: String
        /// The job's end; absent without `--wait`.
        var result: JobView?
    }

    var jobs: [Job]
    /// Absent without `--wait`.
    var tempFiles: TempFileSamples?

    init(_ submissions: [Submission], _ result: JobFollower.Result?) {
        jobs = submissions.map { submission in
            Job(
                id: submission.ticket.id,
                kind: submission.ticket.kind,
                mediaId: submission.ticket.mediaID.string,
                source: submission.source,
                result: result?.jobs.first { $0.id == submission.ticket.id }
            )
        }
        tempFiles = result?.tempFiles
    }
}
