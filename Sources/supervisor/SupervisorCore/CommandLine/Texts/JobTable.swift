internal import JobModel

/// Jobs for people.
enum JobTable {
    static func lines(_ list: JobList, usesColours: Bool) -> [String] {
        guard !list.jobs.isEmpty else { return ["no jobs"] }
        var table = TextTable(columns: [
            ("JOB", .left), ("STATE", .left), ("STAGE", .left), ("STEP", .left), ("DONE", .right),
            ("UPDATED", .left), ("ERROR", .left), ("MEDIA ID", .left), ("SOURCE", .left),
        ])
        table.rows = list.jobs.map(row)
        var lines = table.lines
        for (index, job) in list.jobs.enumerated() {
            lines[index + 1] = Terminal.coloured(lines[index + 1], colour(job), usesColours: usesColours)
        }
        if list.next != nil { lines.append("there are more; --limit shows them") }
        return lines
    }

    private static func row(_ job: JobView) -> [String] {
        [
            name(job), state(job), job.stage?.rawValue ?? "-", job.isOver ? "-" : OrphanText.plain(step(job)),
            "\(job.progress) %", time(job.updatedAt), OrphanText.plain(job.error?.code ?? "-"), clipped(job.mediaId),
            job.source.map(clippedAtStart) ?? "-",
        ]
    }

    /// The longest media id or source in the list. `jobs ID` and --json show all of it.
    private static let maximumWidth = 40

    private static func clipped(_ text: ByteText) -> String {
        let plain = OrphanText.plain(text.string)
        return plain.count <= maximumWidth ? plain : plain.prefix(maximumWidth - 1) + "…"
    }

    /// The end of a path or a URL tells more of it than the start.
    private static func clippedAtStart(_ text: ByteText) -> String {
        let plain = OrphanText.plain(text.string)
        return plain.count <= maximumWidth ? plain : "…" + plain.suffix(maximumWidth - 1)
    }

    private static func step(_ job: JobView) -> String { job.step.isEmpty ? "-" : ProgressLine.step(job) }

    static func name(_ job: JobView) -> String { OrphanText.plain("\(JobKey(kind: job.kind, id: job.id))") }

    /// The job's outcome, or its stage.
    static func state(_ job: JobView) -> String {
        if let outcome = job.outcome, job.isOver { return outcome.rawValue }
        return job.cancelRequested == true ? "cancelling" : job.state
    }

    static func colour(_ job: JobView) -> Terminal.Colour? {
        guard job.isOver else { return nil }
        return switch job.outcome {
        case .completed: .green
        case .failed: .red
        case .cancelled: .yellow
        case nil: nil
        }
    }

    /// An ISO 8601 time to the second.
    static func time(_ text: String) -> String {
        guard let dot = text.firstIndex(of: ".") else { return text }
        return String(text[..<dot] + text[dot...].drop { $0 == "." || $0.isNumber })
    }
}
