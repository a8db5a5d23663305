import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("supervisor submit", .serialized, .timeLimit(.minutes(10)))
struct SubmitCommandTests {
    @Test("--wait, updates and jobs tell one progress of a job that fails, and the ids come first")
    func progress() async throws {
        try await TestTree.with { tree in
            try Data("this is no film\n".utf8).write(to: URL(filePath: tree.sources + "/notmedia.mp4"))
            let run = try await tree.command("submit", tree.sources + "/notmedia.mp4", "--wait")
            #expect(run.exit == .status(1))
            let lines = run.output.split(separator: "\n").map(String.init)
            let job = try #require(lines.first?.split(separator: " ").first.map(String.init))
            #expect(lines.first == "\(job)  \(tree.sources)/notmedia.mp4" && job.hasPrefix("video/"))
            let id = String(job.dropFirst("video/".count))
            let updates = try await tree.updates(.video, untilTheEndOf: [id])
            let told = try #require(updates.last?["progress"]?.clampedInteger)
            #expect(told == 10)
            let progress = lines.compactMap { line -> Int64? in
                let words = line.split(separator: " ")
                return words.firstIndex(of: "%").flatMap { $0 > 0 ? Int64(words[$0 - 1]) : nil }
            }
            #expect(lines.contains("notmedia.mp4: \(told) % failed"), "\(lines)")
            #expect(progress.allSatisfy { $0 <= told }, "\(lines)")
            let listed = try await tree.command("jobs", job, "--json").document
            #expect(listed["progress"]?.clampedInteger == told)
        }
    }

    @Test("refuses a file that the running tree may not read, by its roots as in effect and by the real path")
    func roots() async throws {
        try await TestTree.with { tree in
            let inside = tree.sources + "/photo.jpg"
            try await Samples.photo(inside, size: "320x240")
            try await Samples.photo(tree.directory + "/outside.jpg", size: "320x240")
            #expect(symlink(tree.directory + "/outside.jpg", tree.sources + "/link.jpg") == 0)
            #expect(symlink(tree.sources, tree.directory + "/other") == 0)
            let refused = ["/outside.jpg", "/sources/link.jpg", "/other/photo.jpg"]
            for name in refused {
                // Nothing of several is submitted when one is refused.
                let run = try await tree.command("submit", inside, tree.directory + name)
                #expect(run.exit == .status(77) && run.output == "", "\(run)")
                #expect(run.errors.contains(tree.directory + name), "\(run)")
            }
            let outside = try await tree.command("submit", tree.directory + "/outside.jpg")
            #expect(outside.errors.contains("is outside the allowed directories (allowed are \(tree.sources))"))
            for name in refused {
                let answer = try await tree.post("/jobs", job("file://\(tree.directory)\(name)"))
                #expect(answer.status == 422, "\(name)")
                #expect(answer.body.objectValue?["code"] == "source_not_allowed", "\(name)")
            }
            for (source, code) in [
                ("https://169.254.169.254/a.jpg", "source_not_allowed"), ("s3://bucket/a.jpg", "source_not_allowed"),
                ("gopher://x/a.jpg", "invalid_url"), ("file:relative", "invalid_url"),
            ] {
                let answer = try await tree.post("/jobs", job(source))
                #expect(answer.status == 422 && answer.body.objectValue?["code"] == .string(code), "\(source)")
            }
            #expect(try await tree.command("jobs").output == "no jobs\n")
            let taken = try await tree.command("submit", inside, "--wait")
            #expect(taken.exit == .status(0), "\(taken)")
            #expect(try await tree.post("/jobs", job("file://" + inside)).status == 202)
        }
    }

    @Test("refuses what the running tree's settings refuse, whatever the command's own say, before anything is sent")
    func settings() async throws {
        let settings = [
            "SOURCE_ALLOWED_HOSTS": "good.example", "DESTINATION_PREFIXES": "file:///tmp/media-processor-none",
            "WORKERS": "download.image=0",
        ]
        try await TestTree.with(settings) { tree in
            let photo = tree.sources + "/photo.jpg"
            try await Samples.photo(photo, size: "320x240")
            let other = ["SOURCE_ALLOWED_HOSTS": "other.example", "DESTINATION_PREFIXES": "file:///tmp/elsewhere"]
            let refused: [(arguments: [String], words: String)] = [
                (["https://other.example/a.jpg"], "SOURCE_ALLOWED_HOSTS"),
                (["http://good.example/a.jpg"], "ALLOW_HTTP"), (["s3://strange/a.jpg"], "S3_SOURCE_BUCKETS"),
                ([photo, "--destination", "file:///tmp/elsewhere/x"], "DESTINATION_PREFIXES"),
                (
                    [photo, "--upload-url", "small=https://other.example/a?X-Amz-Signature=hidden"],
                    "SOURCE_ALLOWED_HOSTS"
                ),
                // One of several is enough.
                ([photo, "https://other.example/a.jpg"], "other.example"),
            ]
            for (arguments, words) in refused {
                let run = try await tree.command(["submit", "--kind", "image"] + arguments, changes: other)
                #expect(run.exit == .status(77) && run.output == "" && run.errors.contains(words), "\(run)")
                #expect(!run.errors.contains("hidden"), "\(run)")
            }
            let queue = tree.names.work(.image, .download)
            #expect(try await tree.client.messageCount(queue: queue) ?? 0 == 0)
            let taken = try await tree.command("submit", "https://good.example/a.jpg", changes: other)
            #expect(taken.exit == .status(0), "\(taken)")
            #expect(try await tree.client.messageCount(queue: queue) == 1)
        }
    }

    private func job(_ source: String) -> JSONValue {
        ["id": .string("j-\(UUID().uuidString)"), "mediaId": "m", "mediaType": "IMAGE", "source": .string(source)]
    }

    @Test("--wait ends at Ctrl-C with 130, says that the job goes on and how to cancel it, and the job does")
    func interrupted() async throws {
        try await TestTree.with(["WORKERS": "process.image=0"], starting: false) { tree in
            let photo = tree.sources + "/photo.jpg"
            try await Samples.photo(photo, size: "320x240")
            var id = ""
            try await tree.running {
                let (output, errors) = (tree.directory + "/submit-output", tree.directory + "/submit-errors")
                let submit = try ChildProcess(
                    "/bin/bash",
                    [
                        "-c", #"exec "$0" submit "$1" --wait 2>"$2""#, try BuiltExecutable.path("supervisor"), photo,
                        errors,
                    ],
                    environment: tree.environment,
                    output: output
                )
                func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
                try await eventually("it waits") { text(output).contains("photo.jpg: 10 %") }
                submit.send(SIGINT)
                #expect(await submit.wait() == .status(130))
                let job = try #require(text(output).split(separator: " ").first.map(String.init))
                #expect(job.hasPrefix("image/") && text(output).hasPrefix("\(job)  \(photo)\n"))
                #expect(
                    text(errors) == """

                        The job goes on: \(job)
                        To wait again: supervisor jobs \(job) --watch
                        To cancel: supervisor cancel \(job)

                        """
                )
                id = String(job.dropFirst("image/".count))
            }
            try await tree.running(["WORKERS": ""]) {
                let updates = try await tree.updates(.image, untilTheEndOf: [id])
                #expect(updates.last?["status"] == "completed")
            }
        }
    }
}
