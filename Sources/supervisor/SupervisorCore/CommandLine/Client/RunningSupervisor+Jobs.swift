internal import JobModel
internal import NIOHTTP1
internal import Queues
internal import Text

extension RunningSupervisor {
    private static func path(_ key: JobKey) -> String {
        "/jobs/\(key.kind.rawValue)/\(PercentCoding.encode(key.id.string))"
    }

    /// nil when no stage has seen the job yet.
    func job(_ key: JobKey) async throws -> JobView? {
        let answer = try await get(Self.path(key))
        if Self.problem(answer)?.status == 404 { return nil }
        return try decode(JobView.self, answer)
    }

    /// All that happened to a job.
    ///
    /// - Throws: ``Problem`` with status 404 when no stage has seen it, 409 when jobs of both kinds have the id.
    func detail(_ job: JobArgument) async throws -> JobDetailView {
        do {
            return try decode(JobDetailView.self, try await get(job.path))
        } catch let problem as Problem where [404, 409].contains(problem.status) {
            throw problem.named(for: job)
        }
    }

    /// Asks whether the tree would refuse a job for its source or the places of its outputs, by its own settings.
    ///
    /// - Returns: why it would; nil when it would not, and when it does not say.
    func refusal(of job: EntryMessage) async throws -> Problem? {
        let answer = try await change(.POST, "/check", job.ticket.json)
        // An older supervisor has no such path, and whatever else is wrong is told when the job is submitted.
        return answer.status == 422 ? Self.problem(answer) : nil
    }

    /// The newest first.
    ///
    /// - Parameter limit: of jobs; as many pages as that takes are asked for.
    func jobs(_ query: JobListQuery, limit: Int) async throws -> JobList {
        var list = JobList(jobs: [])
        repeat {
            let count = min(limit - list.jobs.count, JobQuery.maximumLimit)
            let page = try decode(JobList.self, try await get(query.path(limit: count, cursor: list.next)))
            list.jobs += page.jobs
            list.next = page.next
        } while list.next != nil && list.jobs.count < limit
        return list
    }

    /// - Throws: ``Problem`` with status 404 when the kind is not said and no stage has seen the job, 409 when it is
    ///   too late or when jobs of both kinds have the id.
    func cancel(_ job: JobArgument) async throws -> CancelReport {
        do {
            let answer = try await change(.DELETE, job.path, timeout: Self.longTimeout)
            return try decode(CancelReport.self, answer)
        } catch let problem as Problem where [404, 409].contains(problem.status) {
            throw problem.named(for: job)
        }
    }

    /// The oldest first.
    ///
    /// - Parameter limit: of each kind.
    func deadLetters(limit: Int = JobQuery.maximumLimit) async throws -> DeadLetters.List {
        let answer = try await get("/dead?limit=\(limit)", timeout: Self.longTimeout)
        return try decode(DeadLetters.List.self, answer)
    }

    func redrive(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Redriven {
        let answer = try await change(.POST, "/dead/redrive", selection.json, timeout: Self.longTimeout)
        return try decode(DeadLetters.Redriven.self, answer)
    }

    func discard(_ selection: DeadLetters.Selection) async throws -> DeadLetters.Discarded {
        let answer = try await change(.POST, "/dead/discard", selection.json, timeout: Self.longTimeout)
        return try decode(DeadLetters.Discarded.self, answer)
    }
}

/// Which jobs `supervisor jobs` lists.
struct JobListQuery: Sendable, Equatable {
    var kind: MediaKind?
    var stage: Stage?
    /// One of ``JobQuery/states``.
    var state: String?
    var mediaID: String?
    /// As in ``JobFilter/source``.
    var source: String?

    func path(limit: Int, cursor: String?) -> String {
        let parameters: [(name: String, value: String?)] = [
            ("kind", kind?.rawValue), ("stage", stage?.rawValue), ("state", state),
            ("mediaId", mediaID), ("source", source), ("limit", "\(limit)"), ("cursor", cursor),
        ]
        let query = parameters.compactMap { name, value in value.map { "\(name)=\(PercentCoding.encode($0))" } }
        return "/jobs?" + query.joined(separator: "&")
    }
}

extension Problem {
    /// The same in the words of the command line, where it is about a job's id.
    fileprivate func named(for job: JobArgument) -> Problem {
        var problem = self
        let id = OrphanText.plain(job.id.string)
        switch (status, job.kind) {
        case (404, nil):
            problem.detail =
                "no stage has seen the job \(id) yet, or it was forgotten since (JOB_RETENTION_HOURS); "
                + "one that still waits for its download is named with its kind: video/\(id) or image/\(id)"
        case (409, nil) where title == Self.ambiguousJob:
            problem.detail = "jobs of both kinds have the id \(id); say which: video/\(id) or image/\(id)"
        default: break
        }
        return problem
    }

    static let ambiguousJob = "Ambiguous job id"
}
