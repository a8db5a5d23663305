import Foundation
import JobModel
import JobStore
import Spill
import TempFiles
import TempFilesSupport
import Testing

@Suite("A message that says where a spilled file is")
struct SpilledManifestTests {
    typealias Kind = SpillLab.Kind

    /// The manifest of a job with a spilled file, as another host that has the same `TEMP_DIR` would get it.
    private func manifest(_ it: SpillLab, _ id: String = "job-1", for other: SpillLab) async throws -> [TempFileEntry] {
        try await it.tracker.jobTempFiles(video(id)).map { entry in
            var entry = entry
            let name = String(entry.path.string.split(separator: "/").last ?? "")
            entry.path = ByteText(other.tracker.workspace.absolutePath(of: name, job: video(id)))
            return entry
        }
    }

    private func begin(
        _ it: SpillLab,
        _ manifest: [TempFileEntry],
        _ id: String = "job-1",
        stage: Stage = .process
    ) async throws -> [TempFileEntry] {
        let message = StageMessage(stage: stage, hop: 1, mediaID: "m", manifest: manifest)
        guard case .entered(let entered) = try await it.tracker.jobs.enter(video(id), message, timeout: .zero) else {
            throw LabError(message: "the job was not entered")
        }
        entered.lease.release()
        return entered.files
    }

    @Test("lets another host fetch it, and delete it when the job is over", arguments: Kind.allCases)
    func anotherHost(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(2 << 20)
        try await it.waitingFile("source", content, job: video())
        try await it.spill()
        let other = try await SpillLab(kind, sharing: it)
        let manifest = try await manifest(it, for: other)
        let files = try await begin(other, manifest)
        #expect(files.map(\.spill) == manifest.map(\.spill) && files.map(\.sizeBytes) == [Int64(content.count)])
        #expect(try await other.fetch(video(), ["source"]).files == 1)
        #expect(other.contents(try #require(files.first).path.string) == content)
        // The same message again tells nothing new.
        #expect(try await begin(other, manifest).map(\.spill) == [nil])
        #expect(try await other.tracker.deleteLeavingObjects(in: other.store).deleted == 1)
        #expect(try await it.remains() == [])
        // And its first host learns that it is gone.
        #expect(try await it.fetch(video(), ["source"]).lost == 1)
    }

    @Test("lets a compressed one be fetched as well")
    func compressed() async throws {
        let it = try await SpillLab(.directory)
        let content = SpillLab.gradient(SpillLab.size)
        try await it.waitingFile("source", content, job: video())
        it.lab.clock.advance(by: 61)
        _ = try await it.tracker.compressWaitingFiles(
            CompressionRules(minimumWait: .seconds(60), budget: .unlimited)
        )
        let small = it.rules { $0.minimumFileBytes = 1 }
        #expect(try await it.tracker.spillWaitingFiles(small, to: it.store).files == 1)
        let other = try await SpillLab(.directory, sharing: it)
        let files = try await begin(other, try await manifest(it, for: other))
        #expect(files.map(\.sizeBytes) == [Int64(content.count)])
        #expect(try await other.fetch(video(), ["source"]).files == 1)
        let lease = try await other.tracker.lease(video())
        defer { lease.release() }
        #expect(try await other.tracker.restoreFiles(video(), within: .unlimited) == 1)
        #expect(other.contents(try #require(files.first).path.string) == content)
    }

    @Test("is believed for no other place than its own job's and file's beneath SPILL_URL", arguments: Kind.allCases)
    func forged(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(2 << 20)
        try await it.waitingFile("source", content, job: video())
        try await it.waitingFile("source", content, job: video("victim"))
        try await it.spill()
        let other = try await SpillLab(kind, sharing: it)
        let genuine = try #require(try await manifest(it, for: other).first)
        let victim = try #require(try await manifest(it, "victim", for: other).first?.spill)
        let copy = try #require(genuine.spill)
        let url = copy.url.string
        let place = String(url.dropLast(try #require(try await it.keys().first).utf8.count + 1))
        let key = String(url.dropFirst(place.utf8.count + 1))
        let before = try await it.keys()
        var forgeries = [
            victim.url.string, "https://example.org/x", "file:///etc/passwd", "s3://other/\(key)", place, place + "/",
            place + "x/" + key, place + "/../" + key, place + "//" + key, place + "/./" + key, url + "/", url + "?x",
            url + "#", url.uppercased(), place + "/" + key.replacingOccurrences(of: "/video/", with: "/image/"),
            url.replacingOccurrences(of: "/job-1/", with: "/../job-1/"), String(url.dropLast()), url + "0", "", "\u{0}",
        ]
        forgeries.append(url.replacingOccurrences(of: "/job-1/", with: "/job-2/"))
        for forgery in forgeries {
            var entry = genuine
            entry.spill?.url = ByteText(forgery)
            #expect(try await begin(other, [entry]) == [], "\(forgery)")
        }
        // The right object of another file, as if it were this one's.
        var renamed = genuine
        renamed.path = ByteText(other.tracker.workspace.absolutePath(of: "output", job: video()))
        #expect(try await begin(other, [renamed]) == [])
        // New jobs bring no files.
        #expect(try await begin(other, [genuine], stage: .download) == [])
        #expect(try await other.fetch(video(), ["source", "output"]) == FetchReport())
        #expect(try await other.tracker.deleteLeavingObjects(in: other.store).deleted == 0)
        #expect(try await it.keys() == before)
    }

    @Test("and lies about size or digest is found out, and the job goes back to download")
    func lies() async throws {
        let it = try await SpillLab(.directory)
        let content = SpillLab.noise(2 << 20)
        for (number, lie) in ["size", "digest"].enumerated() {
            let id = "job-\(number)"
            try await it.waitingFile("source", content, job: video(id))
            try await it.spill()
            let other = try await SpillLab(.directory, sharing: it)
            var entry = try #require(try await manifest(it, id, for: other).first)
            if lie == "size" { entry.spill?.sizeBytes = 7 } else { entry.spill?.sha256[0] ^= 1 }
            #expect(try await begin(other, [entry], id).count == 1)
            let report = try await other.fetch(video(id), ["source"])
            #expect(report.files == 0 && report.lost == 1, "\(lie)")
            #expect(try await other.tracker.jobTempFiles(video(id)) == [])
        }
    }

    @Test("with a field that is none of ours is a message without one")
    func strangeFields() throws {
        let fields = [
            #""x""#, "7", "null", "[]", "{}", #"{"url": 7}"#, #"{"url": "s3://b/k", "size": 1}"#,
            #"{"url": "s3://b/k", "size": 1, "sha256": "00"}"#,
            #"{"url": "s3://b/k", "size": -1, "sha256": "\#(String(repeating: "0", count: 64))"}"#,
            #"{"url": "s3://b/k", "size": 1, "sha256": "\#(String(repeating: "G", count: 64))"}"#,
            #"{"url": "s3://b/k", "size": 1, "sha256": "\#(String(repeating: "0", count: 64))", "compression": 7}"#,
        ]
        for field in fields {
            let text = """
                {"id": "a", "mediaId": "m", "mediaType": "VIDEO", "source": "https://example.org/v.mp4", "tempFiles":
                 [{"path": "/x", "size": 1, "type": "input", "description": "", "spill": \(field)}]}
                """
            let ticket = try Ticket(parsing: Array(text.utf8), expecting: .video)
            #expect(ticket.tempFiles?.count == 1 && ticket.tempFiles?.first?.spill == nil, "\(field)")
        }
    }
}
