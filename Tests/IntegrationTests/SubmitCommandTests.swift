import AMQP
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("supervisor submit", .serialized, .timeLimit(.minutes(10)))
struct SubmitCommandTests {
    @Test("--wait, updates and jobs tell one progress of a job that fails")
    func progress() async throws {
        try await TestTree.with { tree in
            try Data("this is no film\n".utf8).write(to: URL(filePath: tree.sources + "/notmedia.mp4"))
            let run = try await tree.command("submit", tree.sources + "/notmedia.mp4", "--wait")
            #expect(run.exit == .status(1))
            let lines = run.output.split(separator: "\n").map(String.init)
            let listed = try await tree.command("jobs", "--json").document["jobs"]?.arrayValue?.first?.objectValue
            let id = try #require(listed?["id"]?.stringValue)
            let updates = try await tree.updates(.video, untilTheEndOf: [id])
            let told = try #require(updates.last?["progress"]?.clampedInteger)
            #expect(told == 10)
            let progress = lines.compactMap { line -> Int64? in
                let words = line.split(separator: " ")
                return words.firstIndex(of: "%").flatMap { $0 > 0 ? Int64(words[$0 - 1]) : nil }
            }
            #expect(lines.contains("notmedia.mp4: \(told) % failed"), "\(lines)")
            #expect(progress.allSatisfy { $0 <= told }, "\(lines)")
            #expect(listed?["progress"]?.clampedInteger == told)
        }
    }
}
