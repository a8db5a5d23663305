internal import FoundationEssentials
internal import JobModel
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// A job as `GET /jobs/{kind}/{id}` shows it: the fields of lists, and all that happened.
struct JobDetailView: Sendable, Equatable {
    struct Event: Sendable, Codable, Equatable {
        /// ISO 8601.
        var at: String
        var what: JobEvent.What
        var stage: Stage?
        var hop: Int64
        /// The step, the outcome, or the worker that died and the cause.
        var detail: String?
    }

    /// The work of one stage on the job, all its starts together.
    struct StageSummary: Sendable, Codable, Equatable {
        var stage: Stage
        var starts: Int
        /// ISO 8601, of the first start.
        var startedAt: String
        /// When the job left the stage; absent while it is there.
        var endedAt: String?
        /// From the first start to the end, waits included.
        var seconds: Double?
    }

    /// A job that no worker has because it waits for something that is not there now.
    struct Waiting: Sendable, Codable, Equatable {
        enum What: String, Sendable, Codable {
            /// A host that is away.
            case host
            /// Room for its temp files.
            case space
            /// Another job that puts objects under the same keys.
            case job
        }

        var what: What
        /// Name or address with the port.
        var host: String?
        /// ISO 8601.
        var since: String
        /// How the host was found away at the last try.
        var message: String?
    }

    var job: JobView
    /// Absent while it does not wait, or for its turn alone.
    var waiting: Waiting?
    var stages: [StageSummary]
    /// The oldest first.
    var timeline: [Event]
    /// The reasons why stages were tried again, including deaths of workers, the oldest first: `stage`, `code`,
    /// `message`, `at`, `host`.
    var history: [JSONValue]
    /// As in the manifest of a job message, at most ``maximumFiles``.
    var files: [JSONValue]
    /// The number of times that the job was sent back from the dead letters.
    var redrives: Int64 = 0

    static let maximumFiles = 500
}

extension JobDetailView {
    init(_ detail: JobDetail, workers: [PoolSnapshot], limits: AttemptLimits) {
        job = JobView(detail.record, workers: workers, limits: limits, ticket: detail.ticket)
        let ticket = (detail.record.record ?? detail.ticket).flatMap {
            try? Ticket(parsing: $0, expecting: detail.record.kind)
        }
        // The message that a stage began with does not know the workers that have died since.
        let told = ticket.map { ticket in
            var ticket = ticket
            ticket.note(deaths: detail.events.filter { $0.what == .workerDied }, host: HostName.current)
            return ticket
        }
        waiting = Waiting(detail, ticket, workers)
        history = told?.history.map(\.json.value) ?? []
        redrives = ticket?.redrives ?? 0
        job.tempFiles = JobView.Files(detail.totals)
        stages = Self.stages(detail.events)
        timeline = detail.events.map { event in
            Event(
                at: Timestamp.string(event.at),
                what: event.what,
                stage: event.stage,
                hop: event.hop,
                detail: event.detail
            )
        }
        files = detail.files.map(\.json.value)
    }

    /// A stage begins with its first start, and ends when the job is handed to another or is over.
    static func stages(_ events: [JobEvent]) -> [StageSummary] {
        var summaries: [(summary: StageSummary, began: JobEvent)] = []
        func close(_ event: JobEvent) {
            guard let last = summaries.indices.last, summaries[last].summary.endedAt == nil else { return }
            summaries[last].summary.endedAt = Timestamp.string(event.at)
            let seconds = event.at.timeIntervalSince(summaries[last].began.at)
            summaries[last].summary.seconds = (max(seconds, 0) * 1000).rounded() / 1000
        }
        for event in events {
            switch event.what {
            case .started:
                guard let stage = event.stage else { continue }
                let last = summaries.indices.last
                if let last, summaries[last].summary.stage == stage, summaries[last].summary.endedAt == nil {
                    summaries[last].summary.starts += 1
                } else {
                    close(event)
                    let began = Timestamp.string(event.at)
                    summaries.append((StageSummary(stage: stage, starts: 1, startedAt: began), event))
                }
            case .handedOver where event.stage != summaries.last?.summary.stage, .finished: close(event)
            case .handedOver, .handedBack, .step, .cancelRequested, .workerDied, .finishing: break
            }
        }
        return summaries.map(\.summary)
    }
}

extension JobDetailView.Waiting {
    /// - Parameter ticket: of the next try.
    init?(_ detail: JobDetail, _ ticket: Ticket?, _ workers: [PoolSnapshot]) {
        let record = detail.record
        let isWorkedOn = workers.contains { pool in
            pool.name.kind == record.kind
                && pool.workers.contains { $0.report?.job.map { ByteText($0) } == record.id && $0.processID != nil }
        }
        guard record.state == .active, !isWorkedOn else { return nil }
        if let reason = JobWait(rawValue: record.step) {
            let began = detail.events.last { $0.what == .step && $0.detail == reason.rawValue }
            let what: What =
                switch reason {
                case .space: .space
                case .otherJob: .job
                }
            self.init(what: what, since: Timestamp.string(began?.at ?? record.updatedAt))
            return
        }
        guard let wait = ticket?.waitingFor, wait.stage == record.stage else { return nil }
        self.init(what: .host, host: wait.host, since: wait.since, message: wait.message)
    }

    /// For people.
    var text: String {
        switch what {
        case .space: "room for its temp files since \(JobTable.time(since)) (TEMP_MAX_BYTES, TEMP_MIN_FREE_BYTES)"
        case .job: "another job that puts objects under the same keys since \(JobTable.time(since))"
        case .host: "\(host ?? "a host") since \(JobTable.time(since))" + (message.map { ": " + $0 } ?? "")
        }
    }
}

extension JobDetailView: Codable {
    /// The job's own fields stand beside the others.
    init(from decoder: any Decoder) throws {
        job = try JobView(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        waiting = try container.decodeIfPresent(Waiting.self, forKey: .waiting)
        stages = try container.decode([StageSummary].self, forKey: .stages)
        timeline = try container.decode([Event].self, forKey: .timeline)
        history = try container.decode([JSONValue].self, forKey: .history)
        files = try container.decode([JSONValue].self, forKey: .files)
        redrives = try container.decode(Int64.self, forKey: .redrives)
    }

    func encode(to encoder: any Encoder) throws {
        try job.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(waiting, forKey: .waiting)
        try container.encode(stages, forKey: .stages)
        try container.encode(timeline, forKey: .timeline)
        try container.encode(history, forKey: .history)
        try container.encode(files, forKey: .files)
        try container.encode(redrives, forKey: .redrives)
    }

    private enum CodingKeys: String, CodingKey {
        case waiting
        case stages
        case timeline
        case history
        case files
        case redrives
    }
}
