import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// A configuration that was made wrong, and a store that cannot be written to, while the tree runs.
@Suite("Trouble while the tree runs", .serialized, .timeLimit(.minutes(10)))
struct ConfigurationTroubleTests {
    private func problems(_ tree: TestTree) async throws -> (status: String?, texts: [String]) {
        let health = try await tree.get("/health")?.body.objectValue
        return (health?["status"]?.stringValue, health?["problems"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }

    @Test(
        "A wrong CONFIG_FILE keeps no command from the tree; a refused reload is a problem in /health until it is cured"
    )
    func configuration() async throws {
        try await TestTree.with(starting: false) { tree in
            let path = tree.directory + "/media.conf"
            func write(_ text: String) throws {
                try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
            }
            try write("MAX_STARTS=4\n")
            let file = ["CONFIG_FILE": path]
            try await tree.running(file) {
                try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
                try write("MAX_STARTS=4\nWORKERS=upload.image=99\nRABBITMQ_URL: amqp://me:hidden@host?x=1\n")
                for arguments in [
                    ["status"], ["jobs"], ["redrive"], ["scale", "upload.image=1"],
                    ["restart", "upload.image", "--wait"],
                    ["submit", tree.sources + "/photo.jpg", "--wait"],
                ] {
                    let run = try await tree.command(arguments, changes: file)
                    #expect(run.exit == .status(0), "\(arguments): \(run)")
                    #expect(run.errors.contains("Warning: the configuration has 2 problems:"), "\(arguments): \(run)")
                    #expect(!run.errors.contains("hidden"))
                }
                let cancel = try await tree.command("cancel", "image/none", changes: file)
                #expect(cancel.exit == .status(1) && cancel.errors.contains("no such job is known"), "\(cancel)")
                // A command that needs the whole configuration refuses.
                #expect(try await tree.command("settings", changes: file).exit == .status(78))
                #expect(try await tree.command("submit", "key:a.jpg", changes: ["QUEUE_TYPE": "x"]).exit == .status(78))

                #expect(try await problems(tree).status == "healthy")
                tree.signal(SIGHUP)
                try await eventually("/health knows") { try await problems(tree).status == "degraded" }
                let refused = try await problems(tree).texts
                #expect(refused.count == 1)
                for part in [
                    "a changed configuration was refused", "WORKERS: ", "CONFIG_FILE: line 3", "send SIGHUP again",
                ] {
                    #expect(refused.first?.contains(part) == true, "\(part) in \(refused)")
                }
                #expect(refused.first?.contains("hidden") == false)
                try write("MAX_STARTS=5\n")
                tree.signal(SIGHUP)
                try await eventually("it is cured") { try await problems(tree).status == "healthy" }
            }
            // A password has no place in them, and is not repeated.
            let secrets = ["STORAGE_URL": "s3://AKIA:se/cret@media", "S3_SOURCE_BUCKETS": "a,s3://AKIA:12/cret@b"]
            for command in ["settings", "doctor", "run"] {
                let run = try await tree.command(command, changes: secrets)
                #expect(run.exit == .status(78), "\(run)")
                let text = run.output + run.errors
                #expect(["STORAGE_URL", "S3_SOURCE_BUCKETS"].allSatisfy { text.contains($0) }, "\(run)")
                #expect(!text.contains("cret"), "\(run)")
            }
            // Without a tree nothing can be looked for.
            try write("WORKERS=upload.image=99\n")
            #expect(try await tree.command("status", changes: file).exit == .status(78))
        }
    }

    @Test("A store that cannot be written to is a problem in /health, without a job, until it is cured")
    func store() async throws {
        guard SmallDisk.isPossible else { return }
        try await TestTree.with { tree in
            #expect(try await problems(tree).status == "healthy")
            let disk = try SmallDisk(at: tree.store, mebibytes: 1)
            defer { disk.remove() }
            try await disk.fill()
            try await eventually("/health knows") { try await problems(tree).status == "degraded" }
            let texts = try await problems(tree).texts
            #expect(
                texts.count == 1 && texts.first?.hasPrefix("the object store takes no outputs: ") == true,
                "\(texts)"
            )
            #expect(texts.first?.contains("No space left on device") == true, "\(texts)")
            #expect(tree.log.contains("the object store takes no outputs"))
            try disk.empty()
            try await eventually("it is cured") { try await problems(tree).status == "healthy" }
            #expect(try FileManager.default.contentsOfDirectory(atPath: tree.store) == [])
        }
    }
}
