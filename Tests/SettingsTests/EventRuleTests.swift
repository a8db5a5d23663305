import JobModel
import Settings
import Testing

@Suite("Rules for bucket events")
struct EventRuleTests {
    private static func rules(_ text: String) throws -> [EventRule] {
        try Settings.from(["S3_EVENTS_RULES": text]).eventRules
    }

    struct Fit: Sendable {
        var pattern: String
        var key: String
        var bucket = "b"
        var fits: Bool
    }

    @Test(
        "fit by the bytes of a key before and behind their star",
        arguments: [
            Fit(pattern: "*", key: "a", fits: true), Fit(pattern: "*", key: "a/b c", fits: true),
            Fit(pattern: "in/*", key: "in/x", fits: true), Fit(pattern: "in/*", key: "in/x/y", fits: true),
            Fit(pattern: "in/*", key: "in", fits: false), Fit(pattern: "in/*", key: "IN/x", fits: false),
            Fit(pattern: "*.mov", key: "a.MOV", fits: true), Fit(pattern: "*.mov", key: "a.mov.txt", fits: false),
            Fit(pattern: "in/*.mov", key: "in/.mov", fits: true), Fit(pattern: "a*a", key: "a", fits: false),
            Fit(pattern: "exact.mp4", key: "exact.mp4", fits: true),
            Fit(pattern: "exact.mp4", key: "exact.mp4x", fits: false),
            Fit(pattern: "exact.mp4", key: "EXACT.mp4", fits: false),
            Fit(pattern: "a%20b%3B%2A%25/*", key: "a b;*%/x", fits: true),
            Fit(pattern: "s3://b/in/*", key: "in/x", fits: true),
            Fit(pattern: "s3://c/in/*", key: "in/x", fits: false),
            // Composed and decomposed letters are different keys.
            Fit(pattern: "e\u{301}/*", key: "e\u{301}/x", fits: true),
            Fit(pattern: "e\u{301}/*", key: "\u{E9}/x", fits: false),
            // A mark behind the slash makes another character of it, and no other byte.
            Fit(pattern: "in/*", key: "in/\u{301}x", fits: true),
        ]
    )
    func fits(_ row: Fit) throws {
        let rule = try #require(try Self.rules(row.pattern + " video").first)
        #expect(rule.fits(bucket: Array(row.bucket.utf8), key: Array(row.key.utf8)) == row.fits)
    }

    @Test("say the kind, the names and the priority of their jobs, and are shown as they were read")
    func parts() throws {
        let text = "uploads/*.mov video mediaId={1}-{slug}-{hash} userId={2} priority=5; tmp/* ignore; * auto"
        let settings = try Settings.from(["S3_EVENTS_RULES": text + ";"])
        try #require(settings.eventRules.map(\.making) == [.jobs(.video), .noJob, .jobsByEnding])
        #expect(settings.eventRules.map(\.priority) == [5, nil, nil])
        #expect(settings.eventRules[0].mediaID?.description == "{1}-{slug}-{hash}")
        #expect(settings.eventRules[0].userID?.description == "{2}")
        #expect(settings.eventRules.map(\.description).joined(separator: "; ") == text)
        #expect(settings.effective.contains { $0 == ("S3_EVENTS_RULES", text + ";") })
        #expect(try Settings.from([:]).eventRules.map(\.description) == ["* auto"])
    }

    @Test("make a text of placeholders, and none when a value is missing")
    func templates() throws {
        let rule = try #require(try Self.rules("* video mediaId=a%20{1}/{name}.{ext} userId={9}").first)
        let text = rule.mediaID?.bytes { placeholder in
            switch placeholder {
            case .part(1): Array("x".utf8)
            case .name: Array("clip".utf8)
            case .fileExtension: Array("mp4".utf8)
            default: nil
            }
        }
        #expect(text == Array("a x/clip.mp4".utf8))
        #expect(rule.userID?.bytes { _ in nil } == nil)
    }

    @Test(
        "are refused with the number of the rule and the mistake",
        arguments: [
            ("; ;", "no rule"), ("in/*", "rule 1: `in/*` has no kind"), ("* auto; x/* film", "rule 2: `film` is none"),
            ("a*b* video", "more than one `*`"), ("a%2 video", "without two hexadecimal digits"),
            ("* video mediaId={nam}", "`{nam}` is unknown"), ("* video mediaId={name", "not closed"),
            ("* video mediaId=all", "overwrite"), ("* video mediaId={bucket}.{ext}", "overwrite"),
            ("* video mediaId=", "no value"), ("* video userId=", "no value"), ("* video priority=10", "0 to 9"),
            ("* video priority=x", "0 to 9"), ("* video colour=red", "is none of mediaId=…"),
            ("s3://bucket video", "no bucket and key"), ("s3:///x video", "no bucket and key"),
            ("* video mediaId={0}{hash}", "`{0}` is unknown"),
        ]
    )
    func refused(_ text: String, _ words: String) throws {
        let error = #expect(throws: SettingsError.self) { try Self.rules(text) }
        #expect(error?.problems.map(\.key) == ["S3_EVENTS_RULES"])
        #expect(error?.problems.first?.message.contains(words) == true, "\(error?.problems ?? [])")
    }

    @Test("are no more than 200")
    func many() throws {
        #expect(try Self.rules(String(repeating: "* auto;", count: 200)).count == 200)
        #expect(throws: SettingsError.self) { try Self.rules(String(repeating: "* auto;", count: 201)) }
    }

    @Test("A queue of events needs a bucket that jobs may read, and is none of the service's own queues")
    func queue() throws {
        #expect(try Settings.from(["S3_EVENTS_QUEUE": ""]).eventsQueue == nil)
        let usable: [[String: String]] = [
            ["STORAGE_URL": "s3://media/app"], ["S3_SOURCE_BUCKETS": "uploads"],
        ]
        for more in usable {
            let settings = try Settings.from(more.merging(["S3_EVENTS_QUEUE": "bucket-events"]) { $1 })
            #expect(settings.eventsQueue == "bucket-events")
        }
        let wrong: [[String: String]] = [
            ["S3_EVENTS_QUEUE": "bucket-events"],
            ["S3_EVENTS_QUEUE": "bucket-events", "STORAGE_URL": "file:///srv/media"],
            ["S3_EVENTS_QUEUE": "p.video.processing.download", "QUEUE_PREFIX": "p.", "STORAGE_URL": "s3://media"],
            ["S3_EVENTS_QUEUE": "image.processing.dead", "STORAGE_URL": "s3://media"],
            ["S3_EVENTS_QUEUE": String(repeating: "q", count: 256), "STORAGE_URL": "s3://media"],
        ]
        for variables in wrong {
            let error = #expect(throws: SettingsError.self, "\(variables)") { try Settings.from(variables) }
            #expect(error?.problems.map(\.key) == ["S3_EVENTS_QUEUE"], "\(variables)")
        }
    }
}
