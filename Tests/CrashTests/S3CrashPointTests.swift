import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

/// The points of upload, result index and removal once more, with a bucket as the store: there an object appears in
/// other steps than in a directory.
@Suite("Crash points with a bucket", .serialized, .timeLimit(.minutes(10)))
struct S3CrashPointTests {
    private static let outputs = ["180p", "360p", "720p", "1080p"]

    /// The result index is the fifth object.
    private static let uploads: [(point: CrashPoint, crossing: Int)] = [
        (.objectsPlanned, 1), (.objectWritten, 1), (.objectWritten, 5), (.objectLinked, 1), (.objectLinked, 5),
        (.objectDurable, 1), (.objectDurable, 2), (.outputNoted, 1), (.outputReleased, 1),
    ]

    private static let removals: [(point: CrashPoint, crossing: Int)] = [
        (.uploadsAborted, 1), (.objectRemoved, 1), (.objectRemoved, 3), (.objectForgotten, 1), (.objectForgotten, 3),
        (.endRecorded, 1), (.endCommitted, 1),
    ]

    @Test("leave all outputs of a job and its index, and of one that is cancelled nothing, each once")
    func everyPoint() async throws {
        try await TreeStore.with(.bucket) { tree, store in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            let ends = try EndLog(tree)
            var expected: [String] = []
            for (number, place) in Self.uploads.enumerated() {
                let id = "job-\(number)"
                let file = try give(CrashOrder("stage-upload", place, number: number), tree)
                try await tree.submit(.image, id: id, source: "photo.jpg")
                try await eventually("\(place) was crossed") { access(file, F_OK) != 0 }
                try await eventually("\(place): the job ended") { !ends.of(id).isEmpty }
                #expect(ends.of(id) == ["completed"], "\(place)")
                expected += Self.outputs.map { "images/media-\(id)_\($0).jpg" } + ["media-\(id)/result.json"]
            }
            #expect(try await store.keys() == expected.sorted())
            for (number, place) in Self.removals.enumerated() {
                let id = "cancelled-\(number)"
                try await cancel(id, number: 100 + number, place, tree)
                try await eventually("\(place): the job ended") { !ends.of(id).isEmpty }
                #expect(ends.of(id) == ["cancelled"], "\(place)")
            }
            #expect(try await store.keys() == expected.sorted())
            #expect(try await store.openUploads() == [])
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            await ends.stop()
            #expect(ends.all.values.allSatisfy { $0.count == 1 })
        }
    }

    /// Cancels a job when some of its outputs are put, and kills the worker that removes them.
    private func cancel(
        _ id: String,
        number: Int,
        _ place: (point: CrashPoint, crossing: Int),
        _ tree: TestTree
    ) async throws {
        var hold = CrashOrder("stage-upload", (.objectLinked, 3), number: number)
        hold.effect = .hold
        let file = try give(hold, tree)
        try await tree.submit(.image, id: id, source: "photo.jpg")
        try await eventually("some outputs are put") { access(file + ".held", F_OK) == 0 }
        try await tree.order("DELETE", "/jobs/image/\(id)")
        try await eventually("its worker knows") {
            tree.log.split(separator: "\n").contains {
                $0.contains("its work is told to stop") && $0.contains("job.id=\(id) ")
            }
        }
        // In place of the order to hold.
        _ = try give(CrashOrder("stage-cleanup", place, number: number), tree)
        try await eventually("\(place) was crossed") { access(file, F_OK) != 0 }
    }

    private func give(_ order: CrashOrder, _ tree: TestTree) throws -> String {
        let file = tree.directory + "/crash"
        try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
        return file
    }
}

extension CrashOrder {
    fileprivate init(_ process: String, _ place: (point: CrashPoint, crossing: Int), number: Int) {
        self.init(process: process, point: place.point, crossing: place.crossing, number: number)
    }
}
