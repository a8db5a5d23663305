internal import JobModel

/// Waits for the end of jobs and watches the temp files meanwhile.
struct JobFollower: Sendable {
    struct Result: Sendable {
        /// In the order of the submissions.
        var jobs: [JobView]
        var tempFiles: TempFileSamples
    }

    var supervisor: RunningSupervisor
    /// Between two looks. The jobs' states have no event that reaches this process.
    var interval = Duration.milliseconds(100)
    /// So long may the supervisor be away, as in a restart.
    var patience = Duration.seconds(20)
    /// Told of each job's end, once.
    var didEnd: @Sendable (JobKey) -> Void = { _ in }

    /// - Parameter before: the temp files before the jobs were submitted.
    /// - Throws: the error of ``RunningSupervisor`` when the supervisor is gone for longer than ``patience``.
    func follow(
        _ submissions: [Submission],
        before: TempFileSample,
        display: ProgressDisplay
    ) async throws -> Result {
        var display = display
        var samples = TempFileSamples(before: before)
        var views: [JobKey: JobView] = [:]
        var lastAnswer = ContinuousClock.now
        while true {
            do {
                for submission in submissions where views[submission.ticket.key]?.isOver != true {
                    if let view = try await supervisor.job(submission.ticket.key) {
                        views[submission.ticket.key] = view
                        if view.isOver { didEnd(submission.ticket.key) }
                    }
                }
                samples.add(TempFileSample(try await supervisor.health()))
                lastAnswer = .now
            } catch let error where JobWatch.isPassing(error) {
                guard lastAnswer + patience > .now else { throw error }
            }
            display.show(submissions.map { ($0, views[$0.ticket.key]) })
            let ended = submissions.compactMap { views[$0.ticket.key] }.filter(\.isOver)
            if ended.count == submissions.count { return Result(jobs: ended, tempFiles: samples) }
            try await Task.sleep(for: interval)
        }
    }
}
