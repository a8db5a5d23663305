internal import ArgumentParser
internal import JobModel

extension RedriveCommand {
    /// The JSON document of `--discard`.
    struct DiscardDocument: Codable, Equatable {
        /// `kind/id` of each job whose dead letter was deleted.
        var jobs: [String]
        /// Deleted messages that were no jobs.
        var notJobs: Int
        /// Messages that were not looked at, as too many wait; ask again.
        var unseen: Int
        /// Chosen IDs of which nothing was deleted, and why.
        var errors: [Refusal]
    }

    func discard(_ supervisor: RunningSupervisor) async throws {
        if all {
            try conclude(try await supervisor.discard(.all))
        } else if notJobs {
            try conclude(try await supervisor.discard(.notJobs))
        } else if let reason {
            try conclude(try await supervisor.discard(.reason(reason)), mustFind: "the reason \(reason)")
        } else {
            try await discardJobs(supervisor)
        }
    }

    private func discardJobs(_ supervisor: RunningSupervisor) async throws {
        let (total, errors) = try await orderEach(supervisor, supervisor.discard) { result in
            result.kept > 0
                ? "its message is no job, so the id may be another's; choose it by --reason or --not-jobs"
                : "no dead letter has this id"
        }
        try conclude(total, errors: errors)
    }

    /// - Parameter mustFind: the choice for which it is an error that nothing was found.
    private func conclude(
        _ result: DeadLetters.Discarded,
        errors: [Refusal] = [],
        mustFind: String? = nil
    ) throws {
        tell(errors)
        let done = result.jobs.count + result.notJobs
        if json {
            try CommandOutput.write(
                json: DiscardDocument(
                    jobs: result.jobs,
                    notJobs: result.notJobs,
                    unseen: result.unseen,
                    errors: errors
                )
            )
        } else {
            var lines = result.jobs.map { "\(OrphanText.plain($0)): discarded" }
            if result.notJobs > 0 {
                lines.append(
                    Self.messages(result.notJobs, "that was no job: discarded", "that were no jobs: discarded")
                )
            }
            if lines.isEmpty, errors.isEmpty { lines.append("nothing was discarded") }
            if result.unseen > 0 { lines.append("\(Self.notSeen(result.unseen)); discard again") }
            CommandOutput.write(lines: lines)
        }
        if let mustFind, done == 0 { throw Self.nothing(mustFind) }
        try Self.end(done: done, failed: errors.count + result.unseen)
    }
}

extension DeadLetters.Discarded: DeadLetterResult {
    mutating func add(_ other: Self) {
        jobs += other.jobs
        notJobs += other.notJobs
        kept += other.kept
        unseen = max(unseen, other.unseen)
    }
}
