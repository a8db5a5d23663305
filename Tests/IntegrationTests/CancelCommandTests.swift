import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("supervisor cancel", .serialized, .timeLimit(.minutes(10)))
struct CancelCommandTests {
    @Test("says that there is no such job; the wish is no job, shows in no figure, and is met should the message come")
    func unknown() async throws {
        try await TestTree.with { tree in
            let typo = try await tree.command("cancel", "video/nope")
            #expect(typo.exit == .status(1) && typo.output == "")
            let words = "no such job is known; should its message come, it is cancelled then"
            #expect(typo.errors == "Error: video/nope: \(words)\n")
            let answer = try await tree.order("DELETE", "/jobs/video/nope")
            #expect(answer.status == 202)
            let report = answer.body.objectValue
            #expect(report?["known"] == false && report?["absent"] == true && report?["detail"] == .string(words))
            let json = try await tree.command("cancel", "video/nope", "--json")
            let result = try json.document["jobs"]?.arrayValue?.first?.objectValue
            #expect(result?["status"] == "unknown" && result?["requested"] == true && result?["known"] == false)

            // Nothing of it anywhere.
            #expect(try await tree.get("/jobs/video/nope")?.status == 404)
            #expect(try await tree.get("/jobs")?.body.objectValue?["jobs"] == [])
            #expect(try await tree.get("/health")?.body.objectValue?["oldestJob"] == nil)
            #expect(try await tree.get("/overview")?.body.objectValue?["jobs"] == [])
            #expect(try await tree.text("/metrics").contains("\nmedia_processor_oldest_job_age_seconds 0\n"))
            #expect(try await tree.command("jobs").output == "no jobs\n")

            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let late = try await tree.command("cancel", "image/late")
            #expect(late.exit == .status(1))
            try await tree.submit(.image, id: "late", source: "photo.jpg")
            let updates = try await tree.updates(.image, untilTheEndOf: ["late"])
            #expect(updates.last?["status"] == "cancelled")
        }
    }

    @Test("finds a job that waits unseen, among requests of the older service too")
    func waiting() async throws {
        try await TestTree.with(["WORKERS": "download.image=0"]) { tree in
            let request: JSONValue = [
                "type": "image_processing_request", "job_id": "old", "media_id": "m", "user_id": "u", "s3_key": "k",
            ]
            try await tree.publish(request, to: tree.names.legacyRequests(.image))
            try await tree.submit(.image, id: "new", source: "photo.jpg")
            let run = try await tree.command("cancel", "image/old", "image/new", "--wait")
            #expect(run.exit == .status(0), "\(run)")
            let updates = try await tree.updates(.image, untilTheEndOf: ["old", "new"])
            #expect(updates.map { $0["status"] } == ["cancelled", "cancelled"])
            for queue in [tree.names.legacyRequests(.image), tree.names.work(.image, .download)] {
                try await eventually("its message is gone") { try await tree.client.messageCount(queue: queue) == 0 }
            }
        }
    }

    @Test("--wait tells each job's own outcome and status, side by side")
    func severalWaited() async throws {
        try await TestTree.with(["WORKERS": "download.image=0"], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.running(["WORKERS": ""]) {
                try await tree.submit(.image, id: "done", source: "photo.jpg")
                try await tree.submit(.image, id: "bad", source: "none.jpg")
                _ = try await tree.updates(.image, untilTheEndOf: ["done", "bad"])
            }
            try await tree.running {
                let ids = ["image/done", "image/waits", "image/bad", "image/nope"]
                try await tree.submit(.image, id: "waits", source: "photo.jpg")
                let text = try await tree.command(["cancel", "--wait"] + ids)
                #expect(text.exit == .status(2))
                #expect(text.output == "image/waits: to be cancelled\nimage/waits: cancelled\n")
                let errors = text.errors.split(separator: "\n")
                #expect(
                    errors == [
                        "Error: image/done: too late: the job image/done has ended: completed",
                        "Error: image/bad: too late: the job image/bad has ended: failed",
                        "Error: image/nope: no such job is known; should its message come, it is cancelled then",
                    ]
                )
                try await tree.submit(.image, id: "more", source: "photo.jpg")
                let json = try await tree.command(["cancel", "--wait", "--json", "image/more"] + ids)
                #expect(json.exit == .status(2))
                let results = try json.document["jobs"]?.arrayValue?.compactMap(\.objectValue) ?? []
                let statuses: [JSONValue?] = ["cancelled", "completed", "cancelled", "failed", "unknown"]
                #expect(results.map { $0["status"] } == statuses)
                #expect(results.map { $0["outcome"] } == statuses.dropLast() + [nil])
                #expect(results.map { $0["requested"] } == [true, false, false, false, true])
                #expect(results.map { $0["error"] == nil } == [true, false, false, false, false])
            }
        }
    }
}
