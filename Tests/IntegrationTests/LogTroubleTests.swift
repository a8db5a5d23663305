import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Whatever holds up the log", .serialized)
struct LogTroubleTests {
    @Test("holds up nothing else: a lock on its directory, and a reader of standard output that stands still")
    func nobodyReads() async throws {
        // So small that the log rotates at every turn.
        let settings = ["LOG_LEVEL": "trace", "LOG_MAX_BYTES": "4096", "LOG_KEEP": "1000"]
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            let output = tree.directory + "/output"
            #expect(mkfifo(output, 0o600) == 0)
            // Opened and never read.
            let reader = open(output, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            let directory = open(tree.directory + "/logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            defer { close(directory) }
            #expect(flock(directory, LOCK_EX | LOCK_NB) == 0)
            // Full from the start.
            let writer = open(output, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(writer) }
            let piece = [UInt8](repeating: UInt8(ascii: "-"), count: 4096)
            while write(writer, piece, piece.count) > 0 {}
            let ids = (0..<8).map { "job-\($0)" }
            try await tree.running {
                for id in ids { try await tree.submit(.image, id: id, source: "photo.jpg") }
                let updates = try await tree.updates(.image, untilTheEndOf: Set(ids))
                #expect(updates.count { $0["status"]?.stringValue == "completed" } == ids.count)
                #expect(try await tree.restarts() == 0)
            }
            #expect(write(writer, piece, piece.count) < 0 && errno == EAGAIN)
            let names = try FileManager.default.contentsOfDirectory(atPath: tree.directory + "/logs")
            #expect(names.contains("media-processor.log.1"))
            // Nothing is missing in the files: they were not held up.
            let lines = try names.flatMap {
                try String(contentsOfFile: tree.directory + "/logs/" + $0, encoding: .utf8).split(separator: "\n")
            }
            #expect(lines.count { $0.contains("the job ended") } == ids.count)
        }
    }
}
