internal import ArgumentParser
internal import JobModel

extension RedriveCommand {
    /// The JSON document of a redrive.
    struct Document: Codable, Equatable {
        /// `kind/id` of each job that runs again.
        var jobs: [String]
        /// Chosen messages that are no jobs; they stay.
        var unreadable: Int
        /// Chosen jobs that have become too long; they stay.
        var tooLong: Int?
        /// Messages that were not looked at, as too many wait; ask again.
        var unseen: Int
        /// Chosen IDs that could not be sent back, and why.
        var errors: [Refusal]
    }

    func redriveJobs(_ supervisor: RunningSupervisor) async throws {
        let (total, errors) = try await orderEach(supervisor, supervisor.redrive) { result in
            if result.tooLong != nil { return "its message has become too long and stays" }
            return result.unreadable > 0 ? "its message is no job and stays" : "no dead letter has this id"
        }
        try conclude(total, errors: errors)
    }

    /// - Parameters:
    ///   - staysAreFailures: whether messages that are no jobs were meant as well.
    ///   - mustFind: the choice for which it is an error that nothing was found.
    func conclude(
        _ result: DeadLetters.Redriven,
        errors: [Refusal] = [],
        staysAreFailures: Bool = true,
        mustFind: String? = nil
    ) throws {
        tell(errors)
        if json {
            try CommandOutput.write(
                json: Document(
                    jobs: result.jobs,
                    unreadable: result.unreadable,
                    tooLong: result.tooLong,
                    unseen: result.unseen,
                    errors: errors
                )
            )
        } else {
            var lines = result.jobs.map { "\(OrphanText.plain($0)): runs again" }
            if lines.isEmpty, errors.isEmpty { lines.append("no job was sent back") }
            if errors.isEmpty {
                if result.unreadable > 0 {
                    let messages = Self.messages(result.unreadable, "is no job and stays", "are no jobs and stay")
                    lines.append("\(messages); `supervisor redrive` lists them, --discard deletes them")
                }
                if let tooLong = result.tooLong {
                    lines.append(
                        Self.messages(tooLong, "has become too long and stays", "have become too long and stay")
                    )
                }
            }
            if result.unseen > 0 { lines.append("\(Self.notSeen(result.unseen)); redrive again") }
            CommandOutput.write(lines: lines)
        }
        if let mustFind, result.jobs.isEmpty, result.unreadable == 0, result.tooLong == nil {
            throw Self.nothing(mustFind)
        }
        let stays = errors.isEmpty ? (staysAreFailures ? result.unreadable : 0) + (result.tooLong ?? 0) : 0
        try Self.end(done: result.jobs.count, failed: errors.count + stays + result.unseen)
    }
}

extension DeadLetters.Redriven: DeadLetterResult {
    mutating func add(_ other: Self) {
        jobs += other.jobs
        unreadable += other.unreadable
        tooLong = other.tooLong.map { $0 + (tooLong ?? 0) } ?? tooLong
        unseen = max(unseen, other.unseen)
    }
}
