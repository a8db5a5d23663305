internal import JobModel
internal import WorkerProtocol

/// The state of the tree, for people.
enum StatusText {
    static func lines(
        health: HealthReport,
        info: InfoReport,
        pools: [StatusCommand.Pool],
        usesColours: Bool
    ) -> [String] {
        let status = Terminal.coloured(health.status.rawValue, colour(health.status), usesColours: usesColours)
        var lines = ["media processor \(info.version), process \(info.pid): \(status)"]
        lines += health.problems.map { "  problem: \($0)" }
        let broker = health.broker.isPrivate ? "private broker" : "broker"
        lines.append("\(broker) \(health.broker.address): \(health.broker.connected ? "connected" : "away")")
        if let away = health.hostsAway { lines += [""] + hostTable(away).lines }
        lines.append("")
        lines += poolTable(pools).lines
        lines.append("")
        var table = TextTable(columns: [
            ("WORKER", .left), ("PROCESS", .right), ("STATE", .left), ("DONE", .right), ("FAILED", .right),
            ("RETRIED", .right), ("MEMORY", .right), ("UP", .right), ("JOB", .left),
        ])
        for pool in info.stages {
            for process in pool.processes { table.rows.append(row(process)) }
        }
        lines += table.lines
        lines.append("")
        var files = TextTable(columns: [
            ("TEMP FILES", .left), ("JOBS", .right), ("FILES", .right), ("SIZE", .right), ("", .left),
        ])
        for kind in MediaKind.allCases {
            let counted = health.tempFiles[kind.rawValue] ?? HealthReport.Files()
            files.rows.append([
                kind.rawValue, "\(counted.totalJobs)", "\(counted.totalFiles)", ByteCount.text(counted.totalSize),
                remarks(counted),
            ])
        }
        return lines + files.lines
    }

    private static func hostTable(_ away: [HealthReport.HostAway]) -> TextTable {
        var table = TextTable(columns: [("HOST AWAY", .left), ("SINCE", .left), ("JOBS", .right), ("CAUSE", .left)])
        table.rows = away.map { [$0.host, $0.since, "\($0.waitingJobs)", $0.cause] }
        return table
    }

    private static func poolTable(_ pools: [StatusCommand.Pool]) -> TextTable {
        var table = TextTable(columns: [("POOL", .left), ("WANTED", .right), ("READY", .right), ("WAITING", .right)])
        table.rows = pools.map { pool in
            [pool.name, "\(pool.wanted)", "\(pool.ready)", pool.waiting.map(String.init) ?? "-"]
        }
        return table
    }

    private static func colour(_ status: HealthReport.Status) -> Terminal.Colour {
        switch status {
        case .healthy: .green
        case .degraded: .yellow
        case .unhealthy: .red
        }
    }

    private static func remarks(_ files: HealthReport.Files) -> String {
        var remarks: [String] = []
        if let count = files.compressedFiles, let size = files.uncompressedSize {
            remarks.append("\(count) compressed, \(ByteCount.text(size)) uncompressed")
        }
        if let count = files.spilledFiles, let size = files.spilledSize {
            remarks.append("\(count) spilled, \(ByteCount.text(size)) elsewhere")
        }
        return remarks.joined(separator: "; ")
    }

    private static func row(_ process: InfoReport.Process) -> [String] {
        let attempt = process.attempt.flatMap { number in
            number > 1 ? "attempt \(number)" + (process.attemptLimit.map { " of \($0)" } ?? "") : nil
        }
        let facts = [process.progress.map { "\($0) %" }, attempt].compactMap(\.self).joined(separator: ", ")
        let job = process.job.map { facts.isEmpty ? $0 : "\($0) (\(facts))" }
        return [
            process.name,
            process.pid.map(String.init) ?? "-",
            process.state,
            "\(process.counters.completed)",
            "\(process.counters.failed)",
            "\(process.counters.retried)",
            ByteCount.text(process.residentBytes),
            process.uptimeSeconds.map(uptime) ?? "-",
            job ?? "",
        ]
    }

    static func uptime(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e12))
        return switch whole {
        case ..<60: "\(whole) s"
        case ..<3600: "\(whole / 60) min"
        case ..<86_400: "\(whole / 3600) h \(whole % 3600 / 60) min"
        default: "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
        }
    }
}
