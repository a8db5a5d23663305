import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("The main job", .serialized)
struct MainJobTests {
    @Test("of other clients, in the job format and the legacy format, is done once and leaves nothing")
    func foreignClients() async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.video(tree.store + "/clip.mp4")
            try await Samples.photo(tree.store + "/photo.jpg")
            let url = try await TestBroker.url()
            // As existing clients do it: before we run, with plain durable queues.
            for kind in MediaKind.allCases {
                let queues = [
                    tree.names.work(kind, .download), tree.names.legacyRequests(kind), tree.names.updates(kind),
                ]
                for queue in queues {
                    try await ChildProcess.run("amqp-declare-queue", ["-u", url, "-d", "-q", queue])
                }
            }
            func send(_ body: String, to queue: String) async throws {
                try await ChildProcess.run(
                    "amqp-publish",
                    ["-u", url, "-p", "-C", "application/json", "-r", queue, "-b", body]
                )
            }
            for kind in MediaKind.allCases {
                let key = kind == .video ? "clip.mp4" : "photo.jpg"
                try await send(
                    #"{"id":"job-\#(kind)","mediaId":"new-\#(kind)","userId":"u","mediaType":"\#(kind.mediaType)","#
                        + #""s3Key":"\#(key)","originalFilename":"x","tempFiles":[],"trace":{"kept":1}}"#,
                    to: tree.names.work(kind, .download)
                )
                try await send(
                    #"{"type":"\#(kind)_processing_request","job_id":"legacy-\#(kind)","media_id":"old-\#(kind)","#
                        + #""user_id":"u","s3_key":"\#(key)","original_filename":"x","request_thumbnails":true,"#
                        + #""request_progress_updates":true,"progress_interval":1,"timestamp":"2026-01-01T00:00:00Z"}"#,
                    to: tree.names.legacyRequests(kind)
                )
            }
            try await tree.running {
                for kind in MediaKind.allCases {
                    let ids: Set = ["job-\(kind)", "legacy-\(kind)"]
                    let updates = try await tree.updates(kind, untilTheEndOf: ids)
                    for id in ids { try expectOneGoodEnd(updates.filter { $0["job_id"]?.stringValue == id }, kind) }
                }
                #expect(tree.leftovers().isEmpty)
                let health = try #require(try await tree.get("/health"))
                let files = try #require(health.body.objectValue?["tempFiles"]?.objectValue)
                for kind in MediaKind.allCases {
                    #expect(files[ByteText(kind.rawValue)] == ["totalJobs": 0, "totalFiles": 0, "totalSize": 0])
                }
            }
            for name in ["new", "old"] {
                for (quality, width, height) in [("360p", 640, 360), ("540p", 960, 540), ("720p", 1280, 720)] {
                    let probe = try await Samples.probe("\(tree.store)/videos/\(name)-video_\(quality).mp4")
                    let video = try #require(probe.streams.first { $0.codecType == "video" })
                    #expect(video.codecName == "h264" && video.width == width && video.height == height)
                    #expect(probe.streams.contains { $0.codecName == "aac" })
                }
                #expect(FileManager.default.fileExists(atPath: "\(tree.store)/videos/\(name)-video_original.mp4"))
                #expect(FileManager.default.fileExists(atPath: "\(tree.store)/thumbnails/\(name)-video_0.jpg"))
                for (quality, width, height) in [("180p", 180, 135), ("1080p", 1080, 810)] {
                    let probe = try await Samples.probe("\(tree.store)/images/\(name)-image_\(quality).jpg")
                    #expect(probe.streams.first?.width == width && probe.streams.first?.height == height)
                }
            }
            // Nobody was there to read more than one terminal update; none is left.
            for kind in MediaKind.allCases {
                #expect(try await tree.client.messageCount(queue: tree.names.updates(kind)) == 0)
                #expect(try await tree.client.messageCount(queue: tree.names.dead(kind)) == 0)
            }
        }
    }

    @Test("is done once when its message comes twice")
    func duplicates() async throws {
        try await TestTree.with { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg")
            for _ in 0..<3 { try await tree.submit(.image, id: "twice", source: "photo.jpg") }
            let updates = try await tree.updates(.image, untilTheEndOf: ["twice"])
            try expectOneGoodEnd(updates, .image)
            // The duplicates have been looked at when a later job is done.
            try await tree.submit(.image, id: "later", source: "photo.jpg")
            let later = try await tree.updates(.image, untilTheEndOf: ["later"])
            #expect(!later.contains { $0["job_id"] == "twice" })
            #expect(tree.leftovers().isEmpty)
        }
    }

    /// Progress that never falls, steps in order, exactly one terminal update, and that a good one.
    private func expectOneGoodEnd(_ updates: [[ByteText: JSONValue]], _ kind: MediaKind) throws {
        let progress = updates.compactMap { $0["progress"]?.clampedInteger }
        #expect(progress == progress.sorted())
        let steps = updates.compactMap { $0["current_step"]?.stringValue }
        let landmarks = [
            "downloading_\(kind)", "download_complete", "processing_\(kind)", "processing_complete",
            "uploading_results",
            "upload_complete", "cleanup_complete",
        ]
        #expect(steps.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } } == landmarks)
        #expect(updates.filter { $0["status"]?.stringValue != "processing" }.count == 1)
        let last = try #require(updates.last)
        #expect(last["status"] == "completed" && last["progress"] == 100)
        #expect(last["type"] == .string("\(kind)_processing_update"))
        #expect(last["stage"] == "cleanup" && updates.first?["stage"] == "download")
        #expect(updates.allSatisfy { $0["userId"] == "u" && $0["error_code"] == nil })
        let versions = try #require(last["\(kind)_versions"]?.arrayValue)
        #expect(versions.count == 4)
        #expect(versions.allSatisfy { ($0.objectValue?["file_size"]?.clampedInteger ?? 0) > 0 })
        if kind == .video { #expect(last["thumbnails"]?.arrayValue?.count == 1) }
    }
}
