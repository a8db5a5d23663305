internal import JobModel

/// A job's progress as one line. Pure text.
enum ProgressLine {
    static let barCells = 24

    /// For a terminal: redrawn in place, never wider than the terminal.
    static func bar(name: String, job: JobView?, nameWidth: Int, width: Int, usesColours: Bool) -> String {
        let percent = job?.progress ?? 0
        let filled = min(max(percent, 0), 100) * barCells / 100
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: barCells - filled)
        let shownName = shortened(name, nameWidth)
        let padding = String(repeating: " ", count: max(0, nameWidth - shownName.count))
        let line = "\(shownName)\(padding)  \(bar) \(padded(percent)) %  \(step(job))"
        let fitting = String(line.prefix(max(width, 20)))
        guard usesColours, let outcome = job?.outcome, job?.isOver == true else { return fitting }
        return (outcome == .completed ? "\u{1B}[32m" : "\u{1B}[31m") + fitting + "\u{1B}[0m"
    }

    /// The job's present step.
    static func step(_ job: JobView?) -> String {
        guard let job else { return "queued" }
        if job.isOver { return job.outcome?.rawValue ?? "finished" }
        let step = job.step.isEmpty ? "started" : job.step
        return job.stageProgress.map { "\(step) (\($0) %)" } ?? step
    }

    private static func padded(_ percent: Int) -> String {
        let text = "\(percent)"
        return String(repeating: " ", count: max(0, 3 - text.count)) + text
    }

    private static func shortened(_ name: String, _ width: Int) -> String {
        name.count <= width ? name : "…" + name.suffix(max(0, width - 1))
    }
}

/// Progress where lines cannot be redrawn: a line when the step changes or ten per cent more are done.
struct PlainProgress: Sendable {
    private var last: [String: (step: String, percent: Int)] = [:]

    /// - Parameter id: the job's.
    /// - Returns: nil when there is nothing worth a line.
    mutating func line(id: String, name: String, job: JobView?) -> String? {
        let percent = job?.progress ?? 0
        // The stage's own progress would make every line a new one.
        var quiet = job
        quiet?.stageProgress = nil
        let step = ProgressLine.step(quiet)
        if let last = last[id], last.step == step, percent < last.percent + 10 { return nil }
        last[id] = (step, percent)
        return "\(name): \(percent) % \(step)"
    }
}
