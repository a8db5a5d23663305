internal import JobModel

/// Dead letters for people.
enum DeadLetterText {
    static func lines(_ list: DeadLetters.List) -> [String] {
        guard !list.letters.isEmpty else { return ["no dead letters"] }
        var table = TextTable(columns: [
            ("JOB", .left), ("STAGE", .left), ("REASON", .left), ("FAILED", .left), ("RUNS", .right), ("CAUSE", .left),
        ])
        table.rows = list.letters.map { letter in
            [
                OrphanText.plain("\(letter.kind.rawValue)/\(letter.id ?? "?")"),
                letter.stage.map(OrphanText.plain) ?? "-",
                OrphanText.plain(letter.reasonCode), letter.failedAt.map { OrphanText.plain(JobTable.time($0)) } ?? "-",
                letter.isRedrivable ? "\(letter.redrives.addingReportingOverflow(1).partialValue)" : "-",
                OrphanText.plain(letter.reason)
                    + (letter.beginning.map { "; it begins: \(OrphanText.plain($0))" } ?? ""),
            ]
        }
        var lines = table.lines + [""]
        let count = list.total == 1 ? "1 dead letter" : "\(list.total) dead letters"
        let unreadable = list.letters.count { !$0.isRedrivable }
        lines.append(
            "\(count); nothing was sent back. Remove the cause, then: supervisor redrive ID…, --reason CODE or --all"
        )
        if unreadable > 0 {
            lines.append(
                (unreadable == 1
                    ? "1 of them is no job (RUNS is -) and stays"
                    : "\(unreadable) of them are no jobs (RUNS is -) and stay")
                    + "; delete such with: supervisor redrive --discard --not-jobs, or --reason CODE"
            )
        }
        if list.total > list.letters.count { lines.append("\(list.total - list.letters.count) are not listed") }
        return lines
    }
}
