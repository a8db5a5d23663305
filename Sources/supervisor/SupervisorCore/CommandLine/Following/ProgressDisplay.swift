internal import JobModel

/// Shows how jobs go on: bars that are redrawn on a terminal, lines elsewhere, or nothing.
struct ProgressDisplay: Sendable {
    enum Style: Sendable, Equatable {
        case bars
        case lines
        case nothing
    }

    var style: Style
    private var drawnLines = 0
    private var plain = PlainProgress()

    init(style: Style) { self.style = style }

    mutating func show(_ jobs: [(submission: Submission, view: JobView?)]) {
        switch style {
        case .nothing: break
        case .lines:
            for job in jobs {
                let id = job.submission.ticket.id.string
                if let line = plain.line(id: id, name: Self.name(job.submission), job: job.view) {
                    CommandOutput.write(line + "\n")
                }
            }
        case .bars:
            let width = Terminal.width
            let nameWidth = min(jobs.reduce(0) { max($0, Self.name($1.submission).count) }, width / 3)
            // Up to the first line drawn before, then each line cleared and drawn anew.
            var text = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
            for job in jobs {
                let line = ProgressLine.bar(
                    name: Self.name(job.submission),
                    job: job.view,
                    nameWidth: nameWidth,
                    width: width,
                    usesColours: Terminal.usesColours
                )
                text += "\r\u{1B}[2K\(line)\n"
            }
            drawnLines = jobs.count
            CommandOutput.write(text)
        }
    }

    private static func name(_ submission: Submission) -> String {
        // A file's name must not move the cursor.
        (submission.ticket.originalFilename ?? submission.source).shown
    }
}
