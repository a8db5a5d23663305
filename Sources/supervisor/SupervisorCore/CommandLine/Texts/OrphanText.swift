internal import JobModel
internal import JobObjects
internal import TempFiles

/// An ``OrphanReport`` for people.
enum OrphanText {
    static func lines(_ report: OrphanReport) -> [String] {
        let problem = (report.cleaned?.spillProblem ?? report.spillProblem).map { ["problem: \(plain($0))"] } ?? []
        let store = problem + (report.store.map { storeLines($0, report.cleaned?.store) } ?? [])
        guard !report.orphans.isEmpty else {
            // What follows may be orphans as well.
            let none = report.store == nil ? "no orphans in" : "no orphaned files in"
            return ["\(none) \(plain(report.workspace))"] + store
        }
        var table = TextTable(columns: [("REASON", .left), ("SIZE", .right), ("AGE", .right), ("WHERE", .left)])
        for orphan in report.orphans {
            table.rows.append([
                reason(orphan), ByteCount.text(orphan.sizeBytes), StatusText.uptime(Double(orphan.ageSeconds)),
                plain(orphan.path),
            ])
        }
        var lines = table.lines + [""]
        guard let cleaned = report.cleaned else {
            let found = "\(count(report.orphans.count, "orphan")), \(ByteCount.text(report.totalBytes))"
            return lines + [found + "; nothing was removed (--clean removes)"] + store
        }
        lines.append(
            "\(count(cleaned.filesCleaned, "file")) removed, \(ByteCount.text(cleaned.bytesFreed)) freed in "
                + "\(cleaned.durationMilliseconds) ms"
        )
        if cleaned.abandonedJobs > 0 {
            lines.append(
                cleaned.abandonedJobs == 1
                    ? "1 abandoned job was given to the clean-up stage, which ends it"
                    : "\(cleaned.abandonedJobs) abandoned jobs were given to the clean-up stage, which ends them"
            )
        }
        if cleaned.leavesAbandonedJobs {
            lines.append("abandoned jobs were left: no media processor runs here, and RABBITMQ_URL is not set")
        }
        return lines + cleaned.failures.map { "left: \(plain($0.path)): \($0.cause)" } + store
    }

    private static func storeLines(
        _ store: StoreOrphanReport,
        _ cleaned: StoreOrphanReport.Cleaned?
    ) -> [String] {
        var lines = [""]
        if let problem = store.problem { lines.append("the store could not be looked at: \(plain(problem))") }
        if !store.uploads.isEmpty {
            var table = TextTable(columns: [("OPEN UPLOAD", .left), ("AGE", .right), ("KEY", .left)])
            for upload in store.uploads {
                let age = upload.ageSeconds.map { StatusText.uptime(Double($0)) } ?? "-"
                let place = upload.destination.map { plain($0) + ": " } ?? ""
                table.rows.append([reason(upload), age, place + plain(upload.key)])
            }
            lines += table.lines
            let unlisted = store.unlisted ?? 0
            if unlisted > 0 { lines.append("and \(unlisted) more") }
            if cleaned == nil {
                let all = count(store.uploads.count.addingClamped(unlisted), "open upload")
                lines += ["", "\(all); nothing was aborted (--clean aborts)"]
            }
        }
        lines += store.leftJobs.map { "objects are left of the job \(plain($0)), which did not complete" }
        guard let cleaned else { return lines }
        lines.append(
            "\(count(cleaned.uploadsAborted, "upload")) aborted, \(count(cleaned.objectsRemoved, "object")) removed"
        )
        if let problem = cleaned.problem { lines.append("left: \(plain(problem))") }
        return lines
    }

    private static func count(_ number: Int, _ thing: String) -> String {
        "\(number) \(thing)\(number == 1 ? "" : "s")"
    }

    private static func reason(_ upload: StoreOrphanReport.Upload) -> String {
        let words =
            switch upload.reason {
            case .endedJob: "job has ended"
            case .unknownUpload: "unknown job"
            }
        return upload.removable ? words : words + " (only reported)"
    }

    private static func reason(_ orphan: OrphanReport.Orphan) -> String {
        let words =
            switch orphan.reason {
            case .unknownFile: "unknown file"
            case .finishedJob: "job is finished"
            case .unknownJobDirectory: "unknown job"
            case .missingFile: "row without a file"
            case .abandonedJob: "abandoned job"
            case .overdueCleanup: "clean-up is overdue"
            case .foreignEntry: orphan.detail ?? "foreign entry"
            case .spilledObject: "spilled object" + (orphan.detail.map { " " + $0 } ?? "")
            }
        return orphan.removable ? words : words + " (only reported)"
    }

    /// Names may hold what a terminal takes for commands.
    static func plain(_ text: String) -> String { text.shown }
}
