import Foundation
import JobModel
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("Messages of bucket events")
struct EventMessageTests {
    private static func event(_ text: String) throws -> BucketEvent {
        let records = try EventMessage(parsing: Array(text.utf8)).records
        guard records.count == 1, case .created(let event) = records[0] else {
            throw TestTree.Failure(description: "no creation: \(records)")
        }
        return event
    }

    struct Shape: Sendable, CustomStringConvertible {
        var description: String
        var text: String
        var version: ByteText?
        var sequencer: String
    }

    @Test(
        "are read in the shapes of all stores, each key decoded as often as it was encoded",
        arguments: [
            Shape(
                description: "Amazon",
                text: EventSamples.amazon("up/red+flower%2B%25.jpg", version: "v1"),
                version: "v1",
                sequencer: "0055AED6DCD90281E5"
            ),
            Shape(
                description: "MinIO",
                text: EventSamples.minio("up%2Fred+flower%2B%25.jpg"),
                version: "1",
                sequencer: "15CFEDF8D5304D1A"
            ),
            Shape(
                description: "Ceph",
                text: EventSamples.ceph("up/red flower+%.jpg"),
                version: "",
                sequencer: "F7E6D75DC742D108"
            ),
            Shape(
                description: "EventBridge",
                text: EventSamples.eventBridge("up/red flower+%.jpg"),
                version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                sequencer: "617f08299329d189"
            ),
        ]
    )
    func shapes(_ shape: Shape) throws {
        for text in [shape.text, try EventSamples.notification(of: shape.text)] {
            let event = try Self.event(text)
            #expect(event.bucket == "media")
            #expect(String(decoding: event.key, as: UTF8.self) == "up/red flower+%.jpg")
            #expect(event.versionID == shape.version)
            #expect(event.sequencer?.text.string == shape.sequencer)
            #expect(event.entityTag?.isEmpty == false)
        }
    }

    @Test("A key is decoded once: what looks encoded afterwards belongs to it")
    func once() throws {
        let keys = [
            ("%2525", "%25"), ("%252F", "%2F"), ("a%2Bb", "a+b"), ("a+b", "a b"), ("%C3%A9", "\u{E9}"),
            ("e%CC%81", "e\u{301}"), ("%2B%2b", "++"),
        ]
        for (encoded, key) in keys {
            #expect(try Self.event(EventSamples.amazon(encoded)).key == Array(key.utf8), "\(encoded)")
        }
        // As bytes: a key need not be UTF-8.
        #expect(try Self.event(EventSamples.amazon("%FF%00")).key == [0xFF, 0])
    }

    @Test(
        "Only creations count; a name counts with and without `s3:`",
        arguments: [
            ("ObjectCreated:Put", true), ("ObjectCreated:CompleteMultipartUpload", true), ("ObjectCreated:Copy", true),
            ("s3:ObjectCreated:Post", true), ("ObjectRemoved:Delete", false), ("s3:ObjectAccessed:Get", false),
            ("ObjectCreatedX:Put", false), ("s3:s3:ObjectCreated:Put", false), ("ObjectSynced:Create", false),
        ]
    )
    func names(_ name: String, _ isCreation: Bool) throws {
        let records = try EventMessage(parsing: Array(EventSamples.amazon("a.jpg", name: name).utf8)).records
        if case .created = records.first { #expect(isCreation) } else { #expect(!isCreation && records == [.other]) }
    }

    @Test("An upload in parts that Ceph tells the beginning of has no object yet")
    func begun() throws {
        func records(_ text: String) throws -> [EventMessage.Record] {
            try EventMessage(parsing: Array(text.utf8)).records
        }
        #expect(try records(EventSamples.ceph("a.jpg", name: "ObjectCreated:Post", tag: "")) == [.begun])
        // A form that was posted has a tag.
        guard case .created = try records(EventSamples.ceph("a.jpg", name: "ObjectCreated:Post")).first else {
            throw TestTree.Failure(description: "a posted object is one")
        }
    }

    @Test("Amazon's test of a configuration, other events of EventBridge and no records are no creations")
    func others() throws {
        let test = #"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"b"}"#
        #expect(try EventMessage(parsing: Array(test.utf8)).records == [.other])
        let deleted = EventSamples.eventBridge("a").replacing("Object Created", with: "Object Deleted")
        #expect(try EventMessage(parsing: Array(deleted.utf8)).records == [.other])
        #expect(try EventMessage(parsing: Array(#"{"Records":[]}"#.utf8)).records == [])
    }

    @Test("Several records are read in their order")
    func several() throws {
        let text = try EventSamples.together([
            EventSamples.amazon("a.jpg"), EventSamples.amazon("b.jpg", name: "ObjectRemoved:Delete"),
            EventSamples.minio("c.jpg"),
        ])
        let records = try EventMessage(parsing: Array(text.utf8)).records
        #expect(records.count == 3 && records[1] == .other)
        let keys = records.compactMap { if case .created(let event) = $0 { event.key } else { nil } }
        #expect(keys == [Array("a.jpg".utf8), Array("c.jpg".utf8)])
    }

    private static let deep =
        #"{"Records":"# + String(repeating: "[", count: 200_000) + String(repeating: "]", count: 200_000) + "}"

    @Test(
        "are refused with the place of what is wrong",
        arguments: [
            ("no json", "not_json", "JSON"), ("[]", "not_an_object", "object"), ("{}", "missing_field", "Records"),
            (#"{"Records":{}}"#, "wrong_type", "`Records` must be an array"),
            (#"{"Records":[1]}"#, "wrong_type", "Records[0]"), (#"{"Records":[null]}"#, "missing_field", "Records[0]"),
            (#"{"Records":[{}]}"#, "missing_field", "Records[0].eventName"),
            (#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#, "missing_field", "Records[0].s3"),
            (
                #"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}"#, "missing_field",
                "object"
            ),
            (
                #"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":7}}}]}"#,
                "invalid_value", "key"
            ), (EventSamples.amazon(""), "invalid_value", "s3.object.key"),
            (EventSamples.amazon("a%2"), "invalid_value", "hexadecimal"),
            (EventSamples.amazon("a%zz"), "invalid_value", "hexadecimal"),
            (EventSamples.amazon("a", bucket: ""), "invalid_value", "s3.bucket.name"),
            (EventSamples.amazon("a", bucket: String(repeating: "b", count: 256)), "invalid_value", "bucket"),
            (EventSamples.amazon(String(repeating: "a", count: 1 << 16)), "invalid_value", "1024 bytes"),
            (deep, "not_json", "JSON"),
            (#"{"Records":[\#(String(repeating: "{},", count: 1000)){}]}"#, "too_large", "1000"),
            (
                #"{"Type":"Notification","Message":"{\"Type\":\"Notification\",\"Message\":\"{}\"}"}"#, "missing_field",
                "Records"
            ),
        ]
    )
    func refused(_ text: String, _ code: String, _ words: String) throws {
        let error = #expect(throws: MessageError.self) { try EventMessage(parsing: Array(text.utf8)) }
        #expect(error?.code.rawValue == code)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("that are made to cost time cost what their length costs", .timeLimit(.minutes(1)))
    func costly() throws {
        let marks = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
        let names = (0..<20_000).map { #""n\#($0)":1"# }.joined(separator: ",")
        let hostile = [
            #"{"\#(marks)":1,"Records":[]}"#, #"{"Records":[{"eventName":"\#(marks)"}]}"#,
            #"{"Type":"\#(marks)","Records":[]}"#, #"{"Records":[{\#(names)}]}"#,
            EventSamples.amazon("a", bucket: marks), EventSamples.amazon(marks),
            EventSamples.amazon("a", version: marks, sequencer: marks, tag: marks),
            #"{"source":"\#(marks)","detail-type":"\#(marks)"}"#,
        ]
        for text in hostile {
            // Read or refused: it is the time that counts.
            _ = try? EventMessage(parsing: Array(text.utf8))
        }
        let event = try Self.event(EventSamples.amazon("a", version: marks, sequencer: marks, tag: marks))
        #expect(event.versionID == nil && event.sequencer == nil && event.entityTag == nil)
    }
}

@Suite("The order of bucket events")
struct EventSequencerTests {
    private static func isOlder(_ first: String, _ second: String, isCeph: Bool = false) throws -> Bool {
        let one = try #require(EventSequencer(ByteText(first), isCeph: isCeph))
        return one.isOlder(than: try #require(EventSequencer(ByteText(second), isCeph: isCeph)))
    }

    @Test("is that of hexadecimal digits; whoever is padded on the left and on the right must come before")
    func digits() throws {
        #expect(try Self.isOlder("0055AED6DCD90281E5", "0055AED6DCD90281E6"))
        #expect(try Self.isOlder("0055AED6DCD90281E5", "0055aed6dcd90281ff"))
        #expect(try !Self.isOlder("0055AED6DCD90281E6", "0055AED6DCD90281E5"))
        #expect(try !Self.isOlder("0055AED6DCD90281E5", "0055AED6DCD90281E5"))
        // Padded on the left 9 is less than 10, padded on the right it is more: nobody can tell.
        #expect(try !Self.isOlder("9", "10") && !Self.isOlder("10", "9"))
        #expect(try Self.isOlder("09", "0A0"))
        #expect(try !Self.isOlder("zebra", "zebrb"))
    }

    @Test("of Ceph is that of a time, whose bytes stand in the memory's order")
    func ceph() throws {
        // Seconds 0x5DD7E6F7 and 0x5DD7E6F8, nanoseconds 0x08D142C7 and 0x00000001.
        let (earlier, later) = ("F7E6D75DC742D108", "F8E6D75D01000000")
        #expect(try Self.isOlder(earlier, later, isCeph: true))
        #expect(try !Self.isOlder(later, earlier, isCeph: true))
        // A minute later the lowest byte of the seconds is smaller, and as text it would come before.
        #expect(try Self.isOlder("FFE6D75D00000000", "00E7D75D00000000", isCeph: true))
        #expect(try !Self.isOlder("F7E6D75D", "F8E6D75D", isCeph: true))
        let amazon = try #require(EventSequencer("F7E6D75DC742D108", isCeph: false))
        #expect(try !amazon.isOlder(than: #require(EventSequencer(ByteText(later), isCeph: true))))
    }

    @Test("remembers the latest event of a key, of a bounded number of keys")
    func memory() throws {
        func event(_ key: String, _ sequencer: String) -> BucketEvent {
            BucketEvent(
                bucket: "b",
                key: Array(key.utf8),
                sequencer: EventSequencer(ByteText(sequencer), isCeph: false)
            )
        }
        var order = EventOrder()
        order.note(event("a", "05"))
        order.note(event("a", "03"))
        #expect(order.isOutdated(event("a", "04")) && !order.isOutdated(event("a", "05")))
        #expect(!order.isOutdated(event("a", "06")) && !order.isOutdated(event("b", "01")))
        for number in 0..<EventOrder.maximumKeys / 2 { order.note(event("k\(number)", "05")) }
        #expect(order.isOutdated(event("a", "04")))
        for number in 0..<EventOrder.maximumKeys { order.note(event("l\(number)", "05")) }
        #expect(!order.isOutdated(event("a", "04")))
    }
}
