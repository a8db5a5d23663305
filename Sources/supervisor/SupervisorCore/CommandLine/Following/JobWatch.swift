internal import JobModel

/// Shows jobs as they change, until they end or nobody looks any more.
struct JobWatch: Sendable {
    enum Style: Sendable, Equatable {
        /// Drawn anew in place.
        case screen
        /// A line for each change.
        case lines
        /// A JSON document on a line of its own for each change.
        case documents
        case nothing
    }

    var supervisor: RunningSupervisor
    var style: Style
    /// Between two looks. The jobs' states have no event that reaches this process.
    var interval = Duration.milliseconds(250)
    /// So long may the supervisor be away, as in a restart.
    var patience = Duration.seconds(20)

    /// Until the process is ended.
    ///
    /// - Throws: the error of ``RunningSupervisor`` when the supervisor is gone for longer than ``patience``.
    func list(_ query: JobListQuery, limit: Int) async throws {
        var shown: [JobKey: JobView] = [:]
        var plain = PlainProgress()
        var last: [String] = []
        while true {
            let list = try await patiently { try await supervisor.jobs(query, limit: limit) }
            switch style {
            case .screen:
                let size = Terminal.size
                let lines = JobTable.lines(list, usesColours: false).prefix(max(size.rows - 1, 2))
                    .map { String($0.prefix(size.columns)) }
                if lines != last { CommandOutput.write("\u{1B}[H\u{1B}[2J" + lines.map { $0 + "\n" }.joined()) }
                last = lines
            case .lines:
                // The oldest first, as things happen.
                for job in list.jobs.reversed() {
                    let name = JobTable.name(job)
                    if let line = plain.line(id: name, name: name, job: job) { CommandOutput.write(line + "\n") }
                }
            case .documents:
                for job in list.jobs.reversed() where shown[job.key] != job {
                    try CommandOutput.write(json: job, isLine: true)
                    shown[job.key] = job
                }
            case .nothing: break
            }
            try await Task.sleep(for: interval)
        }
    }

    /// Waits for a job that no stage has seen yet when its kind is said: it may be on its way.
    ///
    /// - Returns: the job when it is over, with all that happened.
    /// - Throws: ``Problem`` with status 404 when there is no such job of any kind; the error of ``RunningSupervisor``
    ///   when the supervisor is gone for longer than ``patience``.
    func end(of job: JobArgument) async throws -> JobDetailView {
        var plain = PlainProgress()
        var last: JobDetailView?
        var isWaiting = false
        while true {
            let seen: JobDetailView?
            do {
                seen = try await patiently { try await supervisor.detail(job) }
            } catch let problem as Problem where problem.status == 404 && job.kind != nil && last == nil {
                seen = nil
            }
            guard let detail = seen else {
                if !isWaiting { StandardStreams.writeError("\(job.text): no stage has seen it yet; waiting") }
                isWaiting = true
                try await Task.sleep(for: interval)
                continue
            }
            if detail != last { try show(detail, isFirst: last == nil, &plain) }
            last = detail
            if detail.job.isOver { return detail }
            try await Task.sleep(for: interval)
        }
    }

    private func show(_ detail: JobDetailView, isFirst: Bool, _ plain: inout PlainProgress) throws {
        let name = JobTable.name(detail.job)
        switch style {
        case .screen:
            let line = ProgressLine.bar(
                name: name,
                job: detail.job,
                nameWidth: min(name.count, Terminal.width / 3),
                width: Terminal.width,
                usesColours: Terminal.usesColours
            )
            CommandOutput.write((isFirst ? "" : "\u{1B}[1A") + "\r\u{1B}[2K\(line)\n")
        case .lines:
            if let line = plain.line(id: name, name: name, job: detail.job) { CommandOutput.write(line + "\n") }
        case .documents: try CommandOutput.write(json: detail, isLine: true)
        case .nothing: break
        }
    }

    /// Asks again while the supervisor is away.
    private func patiently<T>(_ body: () async throws -> T) async throws -> T {
        let deadline = ContinuousClock.now + patience
        while true {
            do {
                return try await body()
            } catch let error where ContinuousClock.now < deadline && Self.isPassing(error) {
                try await Task.sleep(for: interval)
            }
        }
    }

    /// Whether it may be over soon.
    static func isPassing(_ error: any Error) -> Bool {
        error is SupervisorHTTP.Failure || (error as? Problem)?.status == 503
    }
}

extension JobView {
    var key: JobKey { JobKey(kind: kind, id: id) }
}
