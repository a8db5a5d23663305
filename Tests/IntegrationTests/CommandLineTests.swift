import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// The command line against real trees.
@Suite("The command line", .serialized, .timeLimit(.minutes(10)))
struct CommandLineTests {
    private func slowJob(_ id: String, _ tree: TestTree) async throws {
        // The video is long because it has many pictures, not large ones: at this preset x264 looks at 60 of them
        // within one call, which takes seconds at 1080p and cannot be interrupted; the worker would end instead.
        try await Samples.longVideo(tree.sources + "/slow.mp4", size: "320x180", seconds: 10, times: 60)
        try await tree.submit(.video, id: id, source: "slow.mp4")
        try await eventually("the encoder is at it", within: .seconds(180)) {
            let job = try await tree.get("/jobs/video/\(id)")?.body.objectValue
            return job?["stage"] == "process" && job?["stageProgress"]?.clampedInteger ?? 0 > 0
        }
    }

    @Test("lists, shows, follows and cancels a job")
    func cancel() async throws {
        try await TestTree.with(["VIDEO_PRESET": "veryslow"]) { tree in
            try await slowJob("slow", tree)
            let list = try await tree.command("jobs", "--kind", "video", "--stage", "process", "--json")
            #expect(list.exit == .status(0))
            let jobs = try list.document["jobs"]?.arrayValue ?? []
            #expect(jobs.map { $0.objectValue?["id"] } == ["slow"])
            #expect(jobs.first?.objectValue?["state"] == "active")
            #expect(try await tree.command("jobs").output.contains("video/slow  active"))
            #expect(try await tree.command("jobs", "--kind", "image").output == "no jobs\n")
            #expect(try await tree.command("jobs", "--outcome", "failed", "--json").document["jobs"] == [])

            let shown = try await tree.command("jobs", "slow")
            #expect(shown.exit == .status(0))
            for text in [
                "video/slow: active", "media id   media-slow", "\nSTAGE ", "\nAT ", "\nTEMP FILE ", tree.workspace,
            ] {
                #expect(shown.output.contains(text), "\(text) in \(shown.output)")
            }
            let detail = try await tree.command("jobs", "video/slow", "--json").document
            for key in ["id", "kind", "stages", "timeline", "files", "history", "attempts", "redrives", "outputs"] {
                #expect(detail[ByteText(key)] != nil, "\(key)")
            }

            async let plain = tree.command("jobs", "slow", "--watch")
            async let documents = tree.command("jobs", "video/slow", "--watch", "--json")
            try await eventually("both have begun to watch") {
                let files = try FileManager.default.contentsOfDirectory(atPath: tree.directory)
                return files.count { name in
                    name.hasPrefix("command-")
                        && (try? Data(contentsOf: URL(filePath: tree.directory + "/" + name)).isEmpty) == false
                } >= 6 + 2
            }
            let cancelled = try await tree.command("cancel", "slow", "--wait", "--json")
            #expect(cancelled.exit == .status(0))
            let result = try cancelled.document["jobs"]?.arrayValue?.first?.objectValue ?? [:]
            #expect(result["id"] == "slow" && result["kind"] == "video" && result["requested"] == true)
            #expect(result["known"] == true && result["outcome"] == "cancelled" && result["error"] == nil)
            let lines = try await plain
            #expect(lines.exit == .status(1))
            #expect(lines.output.contains("video/slow: ") && lines.output.contains("% cancelled\n"))
            #expect(!lines.output.contains("\u{1B}"))
            let last = try await documents.documents.last
            #expect(last?["outcome"] == "cancelled")

            let late = try await tree.command("cancel", "slow", "nobody")
            #expect(late.exit == .status(1))
            #expect(late.errors.contains("slow: too late: the job video/slow has ended: cancelled"))
            #expect(late.errors.contains("nobody: unknown job: no stage has seen the job nobody yet"))
            let odd = try await tree.command("jobs", "video/no\u{1B}[31m\u{9B}\u{202E}body")
            #expect(odd.exit == .status(1))
            #expect(odd.errors.contains(#"no\u{1B}[31m\u{9B}\u{202E}body"#))
            #expect(odd.errors.unicodeScalars.allSatisfy { $0.isShown || $0 == "\n" })
            #expect(try await tree.restarts() == 0)
        }
    }

    @Test("cancels some of several jobs, and says so by its exit status")
    func partial() async throws {
        try await TestTree.with(["WORKERS": "download.image=0,download.video=0"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            for id in ["one", "two"] { try await tree.submit(.image, id: id, source: "photo.jpg") }
            // Nobody has seen them, so their kind has to be said.
            let nameless = try await tree.command("cancel", "one")
            #expect(nameless.exit == .status(1))
            #expect(nameless.errors.contains("video/one or image/one"))
            let first = try await tree.command("cancel", "--kind", "image", "one")
            #expect(first.exit == .status(0))
            #expect(first.output == "image/one: to be cancelled\n")
            _ = try await tree.updates(.image, untilTheEndOf: ["one"])
            let both = try await tree.command("cancel", "image/one", "image/two", "--wait", "--json")
            #expect(both.exit == .status(2))
            let results = try both.document["jobs"]?.arrayValue?.compactMap(\.objectValue) ?? []
            #expect(results.map { $0["requested"] } == [false, true])
            #expect(results.first?["error"]?.stringValue?.contains("has ended: cancelled") == true)
            #expect(results.last?["outcome"] == "cancelled")
            // One that is to come is waited for.
            async let early = tree.command("jobs", "image/early", "--watch")
            let run = try await tree.command("scale", "download.image=1")
            #expect(run.output == "download.image: 0 → 1 workers\n")
            try await eventually("it waits") {
                try FileManager.default.contentsOfDirectory(atPath: tree.directory).contains { name in
                    let text = try? String(contentsOfFile: tree.directory + "/" + name, encoding: .utf8)
                    return name.hasPrefix("errors-") && text == "image/early: no stage has seen it yet; waiting\n"
                }
            }
            try await tree.submit(.image, id: "early", source: "photo.jpg")
            let end = try await early
            #expect(end.exit == .status(0) && end.output.contains("image/early: completed"), "\(end)")

        }
    }

    @Test("runs failed jobs again, by id and by reason, once their cause is gone")
    func redrive() async throws {
        try await TestTree.with { tree in
            #expect(try await tree.command("redrive").output == "no dead letters\n")
            // The same id in both kinds.
            for kind in MediaKind.allCases { try await tree.submit(kind, id: "twin", source: "late-\(kind.rawValue)") }
            try await tree.submit(.image, id: "other", source: "late-image")
            _ = try await tree.updates(.video, untilTheEndOf: ["twin"])
            _ = try await tree.updates(.image, untilTheEndOf: ["twin", "other"])

            let text = try await tree.command("redrive")
            #expect(text.exit == .status(0))
            for part in [
                "video/twin", "image/other", "3 dead letters; nothing was sent back", "--reason CODE or --all",
            ] {
                #expect(text.output.contains(part), "\(part) in \(text.output)")
            }
            let list = try await tree.command("redrive", "--json").document
            #expect(list["total"] == 3)
            let letters = list["letters"]?.arrayValue?.compactMap(\.objectValue) ?? []
            for key in ["kind", "id", "stage", "reasonCode", "reason", "failedAt", "redrives", "isRedrivable"] {
                #expect(letters.allSatisfy { $0[ByteText(key)] != nil }, "\(key)")
            }
            let reason = try #require(letters.first?["reasonCode"]?.stringValue)

            let ambiguous = try await tree.command("redrive", "twin")
            #expect(ambiguous.exit == .status(1))
            #expect(ambiguous.errors.contains("both kinds"))
            let shown = try await tree.command("jobs", "twin")
            #expect(shown.exit == .status(1))
            #expect(shown.errors.contains("jobs of both kinds have the id twin; say which: video/twin or image/twin"))
            let unknown = try await tree.command("redrive", "--reason", "no_such_reason")
            #expect(unknown.exit == .status(1))
            #expect(unknown.errors.contains("no dead letter has the reason no_such_reason"))

            // The cause goes: the missing image is there.
            try await Samples.photo(tree.sources + "/late.jpg", size: "320x240")
            try FileManager.default.moveItem(atPath: tree.sources + "/late.jpg", toPath: tree.sources + "/late-image")
            let some = try await tree.command("redrive", "image/twin", "nobody", "--json")
            #expect(some.exit == .status(2))
            #expect(try some.document["jobs"] == ["image/twin"])
            let refused = try some.document["errors"]?.arrayValue?.first?.objectValue
            #expect(refused?["job"] == "nobody" && refused?["error"] == "no dead letter has this id")
            let watched = try await tree.command("jobs", "image/twin", "--watch")
            #expect(watched.exit == .status(0), "\(watched)")
            #expect(watched.output.contains("image/twin: completed") && watched.output.contains("redriven   once"))
            #expect(watched.output.contains("\nKIND "))

            let rest = try await tree.command("redrive", "--reason", reason)
            #expect(rest.exit == .status(0))
            #expect(rest.output == "video/twin: runs again\nimage/other: runs again\n")
            #expect(try await tree.command("jobs", "other", "--watch").exit == .status(0))
            // The video is still missing, so this one comes back.
            let failed = try await tree.command("jobs", "video/twin", "--watch")
            #expect(failed.exit == .status(1))
            #expect(failed.output.contains("video/twin: failed") && failed.output.contains("  error      in the "))
            let all = try await tree.command("redrive", "--all", "--json")
            #expect(all.exit == .status(0))
            #expect(try all.document["jobs"] == ["video/twin"])
            #expect(try all.document["unreadable"] == 0 && all.document["unseen"] == 0)
        }
    }

    @Test("deletes dead letters that were chosen, those that are no jobs included, and never without a choice")
    func discard() async throws {
        try await TestTree.with { tree in
            // A job and a message that is no job have the same id.
            try await tree.submit(.image, id: "twin", source: "missing")
            _ = try await tree.updates(.image, untilTheEndOf: ["twin"])
            try await tree.publish(["id": "twin", "mediaId": 7], to: tree.names.entry(.image))
            try await tree.publish("no job", to: tree.names.entry(.video))
            for (kind, count) in [(MediaKind.image, 2), (.video, 1)] {
                try await eventually("all are dead letters") {
                    try await tree.client.messageCount(queue: tree.names.dead(kind)) == count
                }
            }
            let list = try await tree.command("redrive")
            #expect(list.output.contains(#"; it begins: "no job""#), "\(list)")
            #expect(list.output.contains("2 of them are no jobs (RUNS is -) and stay; delete such with: "))
            for wrong in [
                ["--discard"], ["--not-jobs"], ["--discard", "--all", "--not-jobs"], ["--discard", "--kind", "video"],
            ] {
                #expect(try await tree.command(["redrive"] + wrong).exit == .status(64), "\(wrong)")
            }
            // A message that is no job does not keep `--all` from success.
            let all = try await tree.command("redrive", "--all")
            #expect(all.exit == .status(0), "\(all)")
            #expect(all.output.hasPrefix("image/twin: runs again\n2 messages are no jobs and stay; "))
            #expect(try await tree.command("jobs", "image/twin", "--watch").exit == .status(1))
            try await eventually("the job is a dead letter again") {
                try await tree.client.messageCount(queue: tree.names.dead(.image)) == 2
            }
            let job = try await tree.command("redrive", "--discard", "twin")
            #expect(job.exit == .status(0) && job.output == "image/twin: discarded\n", "\(job)")
            let other = try await tree.command("redrive", "--discard", "image/twin")
            #expect(
                other.exit == .status(1) && other.errors.contains("choose it by --reason or --not-jobs"),
                "\(other)"
            )
            let none = try await tree.command("redrive", "--discard", "--reason", "nothing")
            #expect(none.exit == .status(1))
            let rest = try await tree.command("redrive", "--discard", "--not-jobs", "--json")
            #expect(rest.exit == .status(0))
            #expect(try rest.document["notJobs"] == 2 && rest.document["jobs"] == [])
            #expect(try await tree.command("redrive").output == "no dead letters\n")
            let empty = try await tree.command("redrive", "--discard", "--all")
            #expect(empty.exit == .status(0) && empty.output == "nothing was discarded\n")
        }
    }
}
