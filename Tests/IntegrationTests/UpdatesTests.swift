import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Updates", .serialized)
struct UpdatesTests {
    private static let steps = [
        "downloading_video", "download_complete", "processing_video", "processing_complete", "uploading_results",
        "upload_complete", "cleanup_complete",
    ]

    @Test("of one step are as far apart as the job wants, or the configuration if it does not say")
    func interval() async throws {
        try await TestTree.with(["PROGRESS_INTERVAL_SECONDS": "3600"]) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "1920x1080", seconds: 6)
            try await tree.submit(.video, id: "seldom", source: "clip.mp4")
            let seldom = try await tree.updates(.video, untilTheEndOf: ["seldom"])
            #expect(seldom.map { $0["current_step"]?.stringValue } == Self.steps)
            try await tree.publish(
                [
                    "id": "often", "mediaId": "m", "userId": "u", "mediaType": "VIDEO", "progressInterval": 0.1,
                    "source": .string("file://\(tree.sources)/clip.mp4"),
                ],
                to: tree.names.work(.video, .download)
            )
            let often = try await tree.updates(.video, untilTheEndOf: ["often"])
            #expect(often.count > Self.steps.count)
        }
    }

    @Test("that nobody reads are bounded: progress goes, ends stay in their order")
    func bounded() async throws {
        let (limit, jobs) = (24, 16)
        try await TestTree.with(["UPDATES_MAX_LENGTH": "\(limit)"]) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let queue = tree.names.updates(.image)
            for number in 0..<jobs { try await tree.submit(.image, id: "job-\(number)", source: "photo.jpg") }
            try await eventually("all jobs ended", within: .seconds(180)) {
                tree.log.split(separator: "\n").count { $0.contains("the job ended") } == jobs
            }
            try await eventually("the queue is trimmed to its ends", within: .seconds(180)) {
                guard tree.log.contains("its oldest progress updates are dropped") else { return false }
                // While a trim works, it holds the queue's messages, and announces no end. With so few messages no
                // other trim begins.
                for _ in 1...3 {
                    guard let waiting = try await tree.client.messageCount(queue: queue) else { return false }
                    guard waiting >= jobs, waiting < limit - limit / 10 else { return false }
                    try await Task.sleep(for: .milliseconds(100))
                }
                return true
            }
            let ended = tree.log.split(separator: "\n").filter { $0.contains("the job ended") }.compactMap { line in
                line.split(separator: " ").first { $0.hasPrefix("job.id=") }.map { String($0.dropFirst(7)) }
            }
            let updates = try await tree.drain(queue).map { try JSONValue(parsing: $0.body).objectValue ?? [:] }
            let ends = updates.filter { $0["status"] != "processing" }
            #expect(ends.map { $0["job_id"]?.stringValue } == ended)
            #expect(ends.allSatisfy { $0["status"] == "completed" })
        }
    }
}
