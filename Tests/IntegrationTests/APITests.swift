import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// The HTTP interface as others see it.
@Suite("The HTTP interface")
struct APITests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("answers as its OpenAPI document says, whatever it is asked")
    func document() async throws {
        try await TestTree.with { tree in
            let (url, token) = try tree.httpAccess()
            try await ChildProcess.run(Self.root.appending(path: "scripts/check-api").path, [url, token])
            try await tree.waitUntilHealthy()
        }
    }

    @Test("Alert rules are read by Prometheus and fire when they should")
    func alerts() async throws {
        let packaging = Self.root.appending(path: "packaging").path
        try await ChildProcess.run("promtool", ["check", "rules", packaging + "/prometheus-alerts.yml"])
        try await ChildProcess.run("promtool", ["test", "rules", packaging + "/prometheus-alerts-test.yml"])
    }

    @Test("shows metrics of jobs that were done, by which the Grafana dashboard and the alerts go")
    func metrics() async throws {
        try await TestTree.with { tree in
            try await Samples.photo(tree.sources + "/photo.jpg")
            try await tree.submit(.image, id: "one", source: "photo.jpg")
            _ = try await tree.updates(.image, untilTheEndOf: ["one"])
            let done = #"media_processor_jobs_ended_total{kind="image",outcome="completed"} 1"#
            var text = ""
            try await eventually("the end is counted") {
                text = try await tree.text("/metrics")
                return text.contains(done + "\n")
            }
            #expect(text.contains(#"media_processor_stage_duration_seconds_count{kind="image",stage="process"} 1"#))
            #expect(text.contains(#"media_processor_process_cpu_seconds_total{process="cleanup.image.1"}"#))
            #expect(text.contains(#"media_processor_queue_messages{kind="video",queue="download"} 0"#))
            let file = tree.directory + "/metrics"
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            try await ChildProcess.run("sh", ["-c", "promtool check metrics < \(file)"])
            // Every metric that is drawn or watched must exist.
            let named = try ["grafana-dashboard.json", "prometheus-alerts.yml"].flatMap { name in
                let page = try String(contentsOf: Self.root.appending(path: "packaging/" + name), encoding: .utf8)
                return page.matches(of: /media_processor_[a-z_]+/).map { String($0.output) }
            }
            #expect(named.count > 30)
            for name in Set(named) { #expect(text.contains("\n" + name)) }
        }
    }
}
