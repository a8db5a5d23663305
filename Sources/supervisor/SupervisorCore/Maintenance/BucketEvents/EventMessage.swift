internal import JobModel
internal import Text

/// A message of a bucket's notifications, in one of the shapes that stores and the services behind them send: the
/// records of S3, also as the message of a notification of SNS, and an event of EventBridge.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
struct EventMessage: Sendable, Hashable {
    enum Record: Sendable, Hashable {
        case created(BucketEvent)
        /// Of an upload in parts that has begun: there is no object yet.
        case begun
        /// Something else has happened, such as a removal.
        case other
    }

    var records: [Record]

    /// More are refused. Stores send one, or a few.
    static let maximumRecords = 1000
    /// A longer message is not even received. Amazon's have 64 KiB at most, with SNS around them 256.
    static let maximumBytes = 1 << 20

    /// - Throws: ``MessageError`` that says why the message is none, and which of its records is wrong.
    init(parsing body: [UInt8]) throws(MessageError) {
        let fields = try JSONFields(parsing: body)
        // Once: a notification within a notification is none of a store's.
        if Self.text(fields["Type"]) == "Notification", let inner = fields["Message"]?.stringValue {
            try self.init(JSONFields(parsing: inner.utf8))
        } else {
            try self.init(fields)
        }
    }

    private init(_ fields: JSONFields) throws(MessageError) {
        if let list = fields["Records"], !list.isNull {
            guard list.typeName == "an array" else {
                throw MessageError(code: .wrongType, message: "`Records` must be an array, not \(list.typeName)")
            }
            guard let elements = list.elements(atMost: Self.maximumRecords) else {
                throw MessageError(
                    code: .tooLarge,
                    message: "`Records` has more than \(Self.maximumRecords) entries"
                )
            }
            var records: [Record] = []
            for (index, element) in elements.enumerated() {
                let reader = RecordReader(place: "Records[\(index)]")
                records.append(try reader.record(try reader.object(element, "")))
            }
            self.records = records
        } else if Self.text(fields["source"]) == "aws.s3", fields["detail-type"] != nil {
            records = [try RecordReader(place: "detail").bridged(fields)]
        } else if Self.text(fields["Event"]) == "s3:TestEvent" {
            // Amazon's, when notifications are switched on.
            records = [.other]
        } else {
            throw MessageError(
                code: .missingField,
                message: "the message is no event of a bucket: it has no `Records`, and is none of EventBridge"
            )
        }
    }

    fileprivate static func text(_ value: RawJSON?) -> ByteText? {
        // As it is written, a byte may take six.
        guard let value, value.count <= 6 * BucketEvent.maximumTextBytes + 2 else { return nil }
        return value.textValue.flatMap { $0.count <= BucketEvent.maximumTextBytes ? $0 : nil }
    }
}

/// Reads one record; `place` names it in errors.
private struct RecordReader {
    var place: String

    /// A key takes 1,024 bytes at most, encoded three times as many, as JSON six times as many again.
    private static let maximumKeyText = 6 * 3 * ObjectKey.maximumBytes + 2

    func object(_ value: RawJSON?, _ name: String) throws(MessageError) -> JSONFields {
        let words = name.isEmpty ? place : "\(place).\(name)"
        guard let value, !value.isNull else {
            throw MessageError(code: .missingField, message: "the event has no `\(words)`")
        }
        guard let object = value.objectValue else {
            throw MessageError(code: .wrongType, message: "`\(words)` must be an object, not \(value.typeName)")
        }
        return object
    }

    private func text(_ value: RawJSON?, _ name: String) throws(MessageError) -> ByteText {
        guard let text = EventMessage.text(value), !text.isEmpty else {
            throw MessageError(
                code: value == nil ? .missingField : .invalidValue,
                message: "`\(place).\(name)` must be a text of 1 to \(BucketEvent.maximumTextBytes) bytes"
            )
        }
        return text
    }

    /// A record of S3, MinIO or Ceph.
    func record(_ fields: JSONFields) throws(MessageError) -> EventMessage.Record {
        let name = try text(fields["eventName"], "eventName")
        let source = EventMessage.text(fields["eventSource"])
        // MinIO writes `s3:ObjectCreated:Put`.
        let prefix = Array("s3:".utf8)
        let event = Array(name.utf8).dropFirst(name.utf8.starts(with: prefix) ? prefix.count : 0)
        guard event.starts(with: "ObjectCreated:".utf8) else { return .other }
        let isCeph = source == "ceph:s3"
        let s3 = try object(fields["s3"], "s3")
        let bucket = try object(s3["bucket"], "s3.bucket")
        let stored = try object(s3["object"], "s3.object")
        let tag = EventMessage.text(stored["eTag"] ?? stored["etag"])
        // Ceph tells the beginning of an upload in parts as it tells an object that was posted.
        if isCeph, event.elementsEqual("ObjectCreated:Post".utf8), tag?.isEmpty ?? true { return .begun }
        return .created(
            BucketEvent(
                bucket: try text(bucket["name"], "s3.bucket.name"),
                key: try key(stored["key"], "s3.object.key", isEncoded: !isCeph),
                versionID: EventMessage.text(stored["versionId"]),
                sequencer: EventSequencer(EventMessage.text(stored["sequencer"]), isCeph: isCeph),
                entityTag: tag,
                time: EventMessage.text(fields["eventTime"])
            )
        )
    }

    /// An event of EventBridge, whose keys are not encoded.
    func bridged(_ fields: JSONFields) throws(MessageError) -> EventMessage.Record {
        guard EventMessage.text(fields["detail-type"]) == "Object Created" else { return .other }
        let detail = try object(fields["detail"], "")
        let stored = try object(detail["object"], "object")
        return .created(
            BucketEvent(
                bucket: try text(try object(detail["bucket"], "bucket")["name"], "bucket.name"),
                key: try key(stored["key"], "object.key", isEncoded: false),
                versionID: EventMessage.text(stored["version-id"]),
                sequencer: EventSequencer(EventMessage.text(stored["sequencer"]), isCeph: false),
                entityTag: EventMessage.text(stored["etag"]),
                time: EventMessage.text(fields["time"])
            )
        )
    }

    /// - Parameter isEncoded: as a form is: `+` is a space, `%2B` a plus. Ceph writes keys as they are.
    private func key(_ value: RawJSON?, _ name: String, isEncoded: Bool) throws(MessageError) -> [UInt8] {
        guard let value, value.count <= Self.maximumKeyText, let text = value.stringValue, !text.utf8.isEmpty else {
            throw MessageError(
                code: value == nil ? .missingField : .invalidValue,
                message: "`\(place).\(name)` must be the key of an object, of \(ObjectKey.maximumBytes) bytes at most"
            )
        }
        guard isEncoded else { return Array(text.utf8) }
        let plain = text.utf8.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        guard let key = PercentCoding.decodedBytes(plain) else {
            throw MessageError(
                code: .invalidValue,
                message: "`\(place).\(name)` has a `%` without two hexadecimal digits: it is not encoded as keys are"
            )
        }
        return key
    }
}
