internal import JobModel

/// The outputs of jobs, for people.
enum OutputTable {
    /// - Parameter workingDirectory: paths beneath it are shown relative to it.
    static func table(_ jobs: [JobView], workingDirectory: String) -> TextTable {
        var table = TextTable(columns: [
            ("KIND", .left), ("QUALITY", .left), ("DIMENSIONS", .right), ("CODEC", .left), ("SIZE", .right),
            ("PATH", .left),
        ])
        for job in jobs {
            for value in job.outputs {
                // An output that a newer version wrote in another form is left out.
                guard let object = RawJSON(value).objectValue, let output = try? JobOutput(object) else { continue }
                table.rows.append(row(output, workingDirectory))
            }
        }
        return table
    }

    private static func row(_ output: JobOutput, _ workingDirectory: String) -> [String] {
        let dimensions = output.width.flatMap { width in output.height.map { "\(width)×\($0)" } }
        return [
            output.kind.rawValue.string,
            output.quality ?? output.timestampSeconds.map { "at \(seconds($0)) s" } ?? "-",
            dimensions ?? "-",
            output.codec ?? output.mimeType?.split(separator: "/").last.map(String.init) ?? "-",
            output.sizeBytes.map(ByteCount.text) ?? "-",
            path(output, workingDirectory),
        ]
    }

    static func path(_ output: JobOutput, _ workingDirectory: String) -> String {
        guard let location = output.location else { return output.key.string }
        guard let path = FileURL.path(location) else { return location }
        return Paths.relative(path, to: workingDirectory)
    }

    private static func seconds(_ value: Double) -> String {
        let tenths = (min(max(value, 0), 1e9) * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)"
    }
}
