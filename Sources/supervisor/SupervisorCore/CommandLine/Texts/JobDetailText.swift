internal import JobModel
internal import TempFiles

/// A job with all that happened to it, for people.
enum JobDetailText {
    static func lines(_ detail: JobDetailView, workingDirectory: String, usesColours: Bool) -> [String] {
        let job = detail.job
        let head = "\(JobTable.name(job)): \(JobTable.state(job))"
        var lines = [Terminal.coloured(head, JobTable.colour(job), usesColours: usesColours)]
        lines += facts(detail).map { name, value in
            "  \(name)\(String(repeating: " ", count: max(1, 11 - name.count)))\(OrphanText.plain(value))"
        }
        if let error = job.error {
            lines.append("  error      in the \(error.stage) stage (\(error.code)): \(OrphanText.plain(error.message))")
        }
        func add(_ table: TextTable) {
            if !table.rows.isEmpty { lines += [""] + table.lines }
        }
        add(stages(detail))
        add(timeline(detail))
        add(history(detail))
        add(OutputTable.table([job], workingDirectory: workingDirectory))
        add(files(detail))
        return lines
    }

    private static func facts(_ detail: JobDetailView) -> [(name: String, value: String)] {
        let job = detail.job
        var facts = [("media id", job.mediaId.string)]
        if let source = job.source { facts.append(("source", source.string)) }
        if !job.isOver {
            facts.append(("stage", job.stage?.rawValue ?? "-"))
            facts.append(("step", ProgressLine.step(job)))
            if let waiting = detail.waiting { facts.append(("waits for", waiting.text)) }
            facts.append(("done", "\(job.progress) %"))
        }
        if let attempts = job.attempts, attempts.number > 1 {
            facts.append(("attempt", "\(attempts.number) of \(attempts.limit) of the present stage"))
        }
        if detail.redrives > 0 {
            facts.append(("redriven", detail.redrives == 1 ? "once" : "\(detail.redrives) times"))
        }
        facts.append(("created", JobTable.time(job.createdAt)))
        facts.append(("updated", JobTable.time(job.updatedAt)))
        if let finished = job.finishedAt { facts.append(("finished", JobTable.time(finished))) }
        if let files = job.tempFiles {
            facts.append(("temp files", "\(files.files), \(ByteCount.text(files.sizeBytes))"))
        }
        return facts
    }

    private static func stages(_ detail: JobDetailView) -> TextTable {
        TextTable(
            columns: [("STAGE", .left), ("STARTS", .right), ("BEGAN", .left), ("TOOK", .right)],
            rows: detail.stages.map { stage in
                [
                    stage.stage.rawValue, "\(stage.starts)", JobTable.time(stage.startedAt),
                    stage.seconds.map { "\($0) s" } ?? "-",
                ]
            }
        )
    }

    private static func timeline(_ detail: JobDetailView) -> TextTable {
        TextTable(
            columns: [("AT", .left), ("EVENT", .left), ("STAGE", .left), ("DETAIL", .left)],
            rows: detail.timeline.map { event in
                [event.at, words(event.what), event.stage?.rawValue ?? "-", OrphanText.plain(event.detail ?? "")]
            }
        )
    }

    private static func words(_ what: JobEvent.What) -> String {
        switch what {
        case .started: "started"
        case .handedBack: "handed back"
        case .handedOver: "handed over"
        case .step: "step"
        case .cancelRequested: "cancel requested"
        case .workerDied: "worker died"
        case .finishing: "finishing"
        case .finished: "finished"
        }
    }

    private static func history(_ detail: JobDetailView) -> TextTable {
        TextTable(
            columns: [("TRIED AGAIN", .left), ("STAGE", .left), ("HOST", .left), ("CODE", .left), ("CAUSE", .left)],
            rows: detail.history.compactMap(\.objectValue).map { entry in
                ["at", "stage", "host", "code", "message"].map { key in
                    OrphanText.plain(entry[key]?.stringValue ?? "-")
                }
            }
        )
    }

    private static func files(_ detail: JobDetailView) -> TextTable {
        TextTable(
            columns: [("TEMP FILE", .left), ("STAGE", .left), ("TYPE", .left), ("SIZE", .right), ("", .left)],
            rows: detail.files.compactMap(\.objectValue).map { file in
                [
                    OrphanText.plain(file["path"]?.stringValue ?? "-"), file["stage"]?.stringValue ?? "-",
                    file["type"]?.stringValue ?? "-", ByteCount.text(file["size"]?.clampedInteger ?? 0),
                    file["markedForCleanup"]?.boolValue == true
                        ? "to be removed" : file["spill"]?.objectValue == nil ? "" : "spilled",
                ]
            }
        )
    }
}
