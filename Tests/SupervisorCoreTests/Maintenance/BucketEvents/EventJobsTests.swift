import AMQP
import Foundation
import JobModel
import Queues
import Settings
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("Jobs of bucket events")
struct EventJobsTests {
    private static func jobs(_ rules: String = "* auto", _ more: [String: String] = [:]) throws -> EventJobs {
        let common = [
            "STORAGE_URL": "s3://media/app", "S3_SOURCE_BUCKETS": "uploads s3://far?endpoint=http://far.example",
            "S3_EVENTS_QUEUE": "events", "S3_EVENTS_RULES": rules,
        ]
        return try EventJobs(Settings.from(common.merging(more) { $1 }))
    }

    private static func verdict(_ text: String, _ jobs: EventJobs) throws -> EventVerdict {
        jobs.verdict(try #require(EventMessage(parsing: Array(text.utf8)).records.first))
    }

    private static func ticket(_ text: String, _ jobs: EventJobs) throws -> Ticket {
        guard case .job(let job) = try verdict(text, jobs) else {
            throw TestTree.Failure(description: "no job: \(try verdict(text, jobs))")
        }
        // As a worker reads it.
        return try Ticket(message: job.message.body, of: job.ticket.kind)
    }

    private static func reason(_ text: String, _ jobs: EventJobs) throws -> EventVerdict.Reason? {
        if case .dropped(let reason, _) = try verdict(text, jobs) { reason } else { nil }
    }

    @Test("name an object of the store by its key there, and one elsewhere by its URL")
    func sources() throws {
        let jobs = try Self.jobs()
        let stored = try Self.ticket(EventSamples.amazon("app/in/a+b%25.MOV"), jobs)
        #expect(stored.sourceKey == "in/a b%.MOV" && stored.source == nil && stored.kind == .video)
        #expect(stored.originalFilename == "a b%.MOV" && stored.fileSizeBytes == nil && stored.isFromOutside)
        #expect(stored.mimeType == "video/quicktime" && stored.phase == .downloading)
        // In the store's bucket, and not below its prefix.
        let beside = try Self.ticket(EventSamples.amazon("apple/a.jpg"), jobs)
        #expect(beside.source == "s3://media/apple/a.jpg" && beside.sourceKey == nil && beside.kind == .image)
        for bucket in ["uploads", "far"] {
            let other = try Self.ticket(EventSamples.minio("x%2Fy+z%3F%23.png", bucket: bucket), jobs)
            #expect(other.source == "s3://\(bucket)/x/y z?#.png")
        }
        #expect(try Self.reason(EventSamples.amazon("a.jpg", bucket: "uploads2"), jobs) == .foreignBucket)
        #expect(try Self.reason(EventSamples.amazon("a.jpg", bucket: "UPLOADS"), jobs) == .foreignBucket)
    }

    @Test("have an id of their event, and a media id of their object")
    func identities() throws {
        let jobs = try Self.jobs()
        func ids(_ text: String) throws -> (ByteText, ByteText) {
            let ticket = try Self.ticket(text, jobs)
            return (ticket.id, ticket.mediaID)
        }
        let first = try ids(EventSamples.amazon("in/clip one.mp4"))
        #expect(first.0.string.wholeMatch(of: /s3-[0-9a-f]{40}/) != nil)
        #expect(first.1.string.wholeMatch(of: /clip-one-[0-9a-f]{12}/) != nil)
        let again = try ids(EventSamples.amazon("in/clip one.mp4", tag: "another"))
        #expect(again == first, "a sequencer is of one creation")
        let later = try ids(EventSamples.amazon("in/clip one.mp4", sequencer: "0055AED6DCD90281E6"))
        #expect(later.0 != first.0 && later.1 == first.1, "a new version has a job of its own, and the same outputs")
        let others = [
            EventSamples.amazon("in/clip-one.mp4"), EventSamples.amazon("IN/clip one.mp4"),
            EventSamples.amazon("in/clip one.mp4", bucket: "uploads"),
            EventSamples.amazon("in/clip one.mp4", version: "v2"),
            EventSamples.amazon("in/clip one.mp4", sequencer: nil),
            EventSamples.amazon("in/clip one.mp4", sequencer: nil, tag: "b"),
            EventSamples.amazon("in/clip one.mp4", sequencer: nil, tag: nil),
        ]
        var seen: Set = [first.0, later.0]
        for text in others { #expect(try seen.insert(ids(text).0).inserted, "\(text)") }
        // Without any of them two creations of one time look alike.
        let bare = EventSamples.amazon("in/clip one.mp4", sequencer: nil, tag: nil)
        #expect(try ids(bare) == ids(bare))
        #expect(try ids(EventSamples.amazon("in/clip-one.mp4")).1 != first.1)
    }

    @Test("follow the first rule that fits")
    func rules() throws {
        let jobs = try Self.jobs(
            "s3://far/* ignore; in/*/raw.mp4 ignore; in/*.bin image mediaId={2}/{name} userId=u-{3} priority=7; "
                + "in/*.mp4 video mediaId={hash}; out* ignore; * auto"
        )
        let image = try Self.ticket(EventSamples.amazon("in/m/eve/a.BIN", bucket: "uploads"), jobs)
        #expect(image.kind == .image && image.mediaID == "m/a" && image.userID == "u-eve" && image.priority == 7)
        #expect(image.mimeType == nil)
        let video = try Self.ticket(EventSamples.amazon("in/x.mp4", bucket: "uploads"), jobs)
        #expect(video.kind == .video && video.mediaID.count == 12 && video.userID == nil)
        #expect(try Self.ticket(EventSamples.amazon("up/x.heic", bucket: "uploads"), jobs).kind == .image)
        #expect(try Self.reason(EventSamples.amazon("x.mp4", bucket: "far"), jobs) == .ignored)
        #expect(try Self.reason(EventSamples.amazon("in/a/raw.mp4", bucket: "uploads"), jobs) == .ignored)
        #expect(try Self.reason(EventSamples.amazon("up/x.txt", bucket: "uploads"), jobs) == .noRule)
        #expect(try Self.reason(EventSamples.amazon("up/mp4", bucket: "uploads"), jobs) == .noRule)
        #expect(try Self.reason(EventSamples.amazon("up/.mp4", bucket: "uploads"), jobs) == .noRule)
        // A part that the key does not have.
        #expect(try Self.reason(EventSamples.amazon("in/a.bin", bucket: "uploads"), jobs) == .unusableKey)
    }

    @Test(
        "are never made of what this service puts there itself",
        arguments: [
            "app/videos/m_720p.mp4", "app/thumbnails/m_0.jpg", "app/images/m_720.jpg", "app/m/result.json",
            "app/deep/er/result.json", "app/.media-processor-trial", "app/videos/../x.mp4", "app//videos/x.mp4",
            "app/videos//x.mp4", "app/videos/in/x.mp4", "/app/m/result.json", "//app//m//result.json",
        ]
    )
    func ownOutputs(_ key: String) throws {
        // Even where a rule asks for it.
        let jobs = try Self.jobs("s3://media/app/videos/* video; * video")
        #expect(try Self.reason(EventSamples.amazon(key), jobs) == .ownOutput)
        #expect(try Self.reason(EventSamples.minio(key.replacing("/", with: "%2F")), jobs) == .ownOutput)
        #expect(try Self.reason(EventSamples.ceph(key), jobs) == .ownOutput)
        // The same key elsewhere is somebody else's.
        #expect(try Self.reason(EventSamples.amazon(key, bucket: "uploads"), jobs) == nil)
    }

    @Test("Templates that begin with a placeholder take the whole store; those of one's own are found")
    func ownTemplates() throws {
        let whole = try Self.jobs("* auto", ["VIDEO_KEY_TEMPLATE": "{mediaId}/{quality}.mp4"])
        #expect(try Self.reason(EventSamples.amazon("app/in/a.mp4"), whole) == .ownOutput)
        #expect(try Self.reason(EventSamples.amazon("beside/a.mp4"), whole) == nil)
        let own = try Self.jobs("* auto", ["IMAGE_KEY_TEMPLATE": "out-{mediaId}_{quality}.{ext}"])
        #expect(try Self.reason(EventSamples.amazon("app/out-a.jpg"), own) == .ownOutput)
        #expect(try Self.reason(EventSamples.amazon("app/images/a.jpg"), own) == nil)
    }

    @Test("are never made of temp files that were moved to a bucket")
    func spilled() throws {
        let jobs = try Self.jobs("* auto", ["SPILL_URL": "s3://uploads/spill?endpoint=http://127.0.0.1:9000"])
        #expect(
            try Self.reason(EventSamples.amazon("spill/host/job/source.mp4", bucket: "uploads"), jobs) == .ownOutput
        )
        #expect(try Self.reason(EventSamples.amazon("spilled.mp4", bucket: "uploads"), jobs) == nil)
    }

    @Test("are never made of what lies beneath a destination of jobs")
    func destinations() throws {
        let jobs = try Self.jobs("* auto", ["DESTINATION_PREFIXES": "s3://uploads/out s3://far"])
        #expect(try Self.reason(EventSamples.amazon("out/a.mp4", bucket: "uploads"), jobs) == .ownOutput)
        #expect(try Self.reason(EventSamples.amazon("outer/a.mp4", bucket: "uploads"), jobs) == nil)
        #expect(try Self.reason(EventSamples.amazon("any/a.mp4", bucket: "far"), jobs) == .ownOutput)
    }

    @Test("Keys that make no job are dropped with the reason")
    func unusable() throws {
        let jobs = try Self.jobs("* video")
        let long = String(repeating: "a", count: 1024)
        #expect(try Self.reason(EventSamples.amazon(long, bucket: "uploads"), jobs) == nil)
        for key in [long + "a", "%FF.mp4", "folder/", "a/b/"] {
            #expect(try Self.reason(EventSamples.amazon(key, bucket: "uploads"), jobs) == .unusableKey, "\(key)")
        }
        let byKey = try Self.jobs("* video mediaId=x{key}")
        #expect(try Self.reason(EventSamples.amazon(long, bucket: "uploads"), byKey) == .unusableKey)
        // A directory cannot hold every name of an output.
        let local = ["STORAGE_URL": "file:///srv/media"]
        let paths = try Self.jobs("* video mediaId={key}", local)
        #expect(try Self.reason(EventSamples.amazon("a/../b.mp4", bucket: "uploads"), paths) == .unusableKey)
        #expect(try Self.ticket(EventSamples.amazon("a/b.mp4", bucket: "uploads"), paths).mediaID == "a/b.mp4")
    }

    @Test("Awkward keys reach the worker byte for byte")
    func awkward() throws {
        let jobs = try Self.jobs("* video")
        for key in ["a\u{0}b", "a\u{301}\u{327}.mp4", "\u{E9}", "e\u{301}", "a\\\"b", "\u{202E}gpj.mp4", "a\nb", "//x"]
        {
            let encoded = key.utf8.map { String(format: "%%%02X", $0) }.joined()
            let ticket = try Self.ticket(EventSamples.amazon(encoded, bucket: "uploads"), jobs)
            #expect(ByteText(ticket.source ?? "") == ByteText("s3://uploads/" + key), "\(key)")
        }
        let marks = "x" + String(repeating: "\u{301}", count: 511) + "."
        #expect(try Self.reason(EventSamples.ceph(marks, bucket: "uploads"), jobs) == nil || marks.utf8.count > 1024)
    }

    @Test("carry the facts of their event, from which the order of later ones is told")
    func facts() throws {
        let jobs = try Self.jobs()
        let amazon = try Self.ticket(EventSamples.amazon("in/a.mp4", version: "v1"), jobs)
        let facts = try #require(amazon.unknown["bucketEvent"]?.objectValue)
        #expect(facts["sequencer"]?.stringValue == "0055AED6DCD90281E5" && facts["versionId"]?.stringValue == "v1")
        let read = try #require(EventFacts.sequencer(ofTicket: amazon.json.serialized()))
        #expect(read == EventSequencer("0055AED6DCD90281E5", isCeph: false))
        let ceph = try Self.ticket(EventSamples.ceph("in/a.mp4"), jobs)
        #expect(EventFacts.sequencer(ofTicket: ceph.json.serialized())?.isCeph == true)
        #expect(EventFacts.sequencer(ofTicket: Array("{}".utf8)) == nil)
        #expect(EventFacts.sequencer(ofTicket: Array(#"{"bucketEvent":{"sequencer":7}}"#.utf8)) == nil)
    }
}
