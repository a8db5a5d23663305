import AMQP
import CrashPoints
import Foundation
import Glibc
import JobModel
import Queues
import TestSupport
import Testing

@Suite("A job whose source is gone", .serialized)
struct BackToDownloadTests {
    @Test(
        "goes back to download and ends once, wherever the worker dies on the way",
        arguments: [CrashPoint.handOverConfirmed, .handOverRecorded, .leaseReleased, .acknowledged]
    )
    func backToDownload(_ point: CrashPoint) async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try await tree.running(["WORKERS": "process.image=0"]) {
                try await tree.submit(.image, id: "lost", source: "photo.jpg")
                try await eventually("the job waits for processing") {
                    try await tree.client.messageCount(queue: tree.names.work(.image, .process)) == 1
                }
            }
            #expect(unlink(tree.workspace + "/jobs/image/lost/source") == 0)
            try Data("stage-process \(point.rawValue) 1 1".utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ["lost"])
                #expect(updates.filter { $0["status"] != "processing" }.map { $0["status"] } == ["completed"])
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            }
            #expect(!FileManager.default.fileExists(atPath: tree.directory + "/crash"), "\(point) was crossed")
            #expect(tree.log.contains("the job goes back to download"))
            let made = try FileManager.default.subpathsOfDirectory(atPath: tree.store)
            #expect(made.count { $0.contains("media-lost_") } == 4)
        }
    }
}
