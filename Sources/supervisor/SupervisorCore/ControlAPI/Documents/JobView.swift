internal import JobModel
internal import Settings
internal import Storage
internal import TempFiles
internal import WorkerProtocol

/// A job as lists show it.
struct JobView: Sendable, Codable, Equatable {
    struct Failure: Sendable, Codable, Equatable {
        var stage: String
        var code: String
        var message: String
    }

    struct Warning: Sendable, Codable, Equatable {
        var code: String
        var message: String
    }

    /// The retry budget of the present stage.
    struct Attempts: Sendable, Codable, Equatable {
        /// Counted from 1; while the job waits for a retry, the next one.
        var number: Int64
        var limit: Int64
    }

    struct Files: Sendable, Codable, Equatable {
        var files: Int
        var sizeBytes: Int64
    }

    var id: ByteText
    var kind: MediaKind
    var mediaId: ByteText
    /// A URL without its parts that may be secret, or `key:` and the key of an object. Absent for a job without a
    /// source.
    var source: ByteText?
    /// `active`, `finishing` or `finished`.
    var state: String
    var stage: Stage?
    /// As in the updates that clients get, such as `processing_video`.
    var step: String
    /// Progress of the whole job, in per cent: as in the updates that clients get, or as its worker has told since the
    /// last one.
    var progress: Int
    /// Progress of the present stage, in per cent, while a worker is at it.
    var stageProgress: Int?
    /// While the job has not ended.
    var attempts: Attempts?
    var outcome: JobOutcome?
    var error: Failure?
    /// The outputs as in the job message, each with `location` once it is published. A job that did not complete has
    /// none.
    var outputs: [JSONValue]
    /// Troubles with the source that are no failure; absent when there are none.
    var warnings: [Warning]?
    /// The job's temp files, in views that count them.
    var tempFiles: Files?
    /// Only while it waits to be given up.
    var cancelRequested: Bool?
    var createdAt: String
    var updatedAt: String
    var finishedAt: String?

    var isOver: Bool { state == JobRecord.State.finished.rawValue }
}

extension JobView {
    /// A longer message is shown without its content: a list has up to a thousand jobs.
    static let maximumReadBytes = 256 << 10

    /// - Parameters:
    ///   - workers: whose reports tell the progress of the present stage.
    ///   - limits: of attempts, as in effect now.
    ///   - lastTicket: the message of the last start, for a job that has not ended.
    init(
        _ record: JobRecord,
        workers: [PoolSnapshot],
        limits: AttemptLimits,
        ticket lastTicket: [UInt8]? = nil
    ) {
        id = record.id
        kind = record.kind
        mediaId = record.mediaID
        source = record.source.map(Self.shown)
        state = record.state.rawValue
        stage = record.stage
        step = record.step
        outcome = record.outcome
        let reported =
            workers.first { $0.name.kind == record.kind && $0.name.stage == record.stage }?
            .workers.first { $0.report?.job.map { ByteText($0) } == record.id }?.report?.progress
        stageProgress = reported
        // The ledger has the update that was sent last; the worker's report is fresher. Clean-up is no progress of a
        // job that came there because it failed, and a job that has ended keeps what clients were told.
        let stage = record.state == .active && record.stage != .cleanup ? record.stage : nil
        let live = stage.flatMap { stage in reported.map { stage.jobPercent(fraction: Double($0) / 100) } } ?? 0
        progress = record.state == .finished && record.outcome == .completed ? 100 : max(record.progress, live)
        if record.state == .active, let stage = record.stage {
            attempts = Attempts(number: record.attempt + 1, limit: limits[stage])
        }
        createdAt = Timestamp.string(record.createdAt)
        updatedAt = Timestamp.string(record.updatedAt)
        finishedAt = record.finishedAt.map(Timestamp.string)
        cancelRequested = record.isCancelRequested && record.state != .finished ? true : nil
        // A record that does not parse is shown without its content; the ledger's own columns still tell the outcome.
        let message = (record.record ?? lastTicket).flatMap { $0.count <= Self.maximumReadBytes ? $0 : nil }
        let ticket = message.flatMap { try? Ticket(parsing: $0, expecting: record.kind) }
        error = ticket?.failure.map { Failure(stage: $0.stage.rawValue, code: $0.code, message: $0.message) }
        let troubles = ticket?.warnings ?? []
        warnings = troubles.isEmpty ? nil : troubles.map { Warning(code: $0.code, message: $0.message) }
        let isGivenUp = record.state != .active && record.outcome != .completed
        outputs = (isGivenUp ? ticket?.publishedOutputs : ticket?.outputs)?.map(Self.shown) ?? []
    }
}

extension JobView {
    private static func shown(_ source: ByteText) -> ByteText {
        let isKey = source.utf8.starts(with: Ticket.keyPrefix.utf8)
        let limit = JobRecord.maximumSourceBytes
        return isKey ? source : ByteText(SourceURL.redacted(source.string, atMost: limit))
    }

    /// Fields that this version does not know, which others may have nested deeply, are left out of this view.
    private static func shown(_ output: JobOutput) -> JSONValue {
        var shown = output
        shown.unknown = output.unknown.filter { !$0.value.isNested }
        return shown.json.value
    }
}

extension JobView.Files {
    init(_ totals: FileTotals) { self.init(files: totals.files, sizeBytes: totals.sizeBytes) }
}

/// The answer of `GET /jobs`.
struct JobList: Sendable, Codable, Equatable {
    /// The newest first.
    var jobs: [JobView]
    /// The `cursor` of the next page; absent on the last one.
    var next: String?
}
