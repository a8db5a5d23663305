internal import Files
internal import FoundationEssentials
internal import JobModel
internal import Queues
internal import Settings
internal import Storage

/// Makes jobs of events, by the settings in effect. Pure: nothing is looked up.
struct EventJobs: Sendable {
    private let rules: [EventRule]
    private let buckets: S3Buckets
    private let outputs: OwnObjects
    private let keysArePaths: Bool

    /// - Throws: `StorageError` for settings that name no usable buckets.
    init(_ settings: Settings) throws {
        rules = settings.eventRules
        buckets = try S3Buckets(settings.storage)
        outputs = try OwnObjects(settings, buckets)
        keysArePaths = Stores.keysArePaths(settings.storageURL)
    }

    func verdict(_ record: EventMessage.Record, now: Date = Date()) -> EventVerdict {
        switch record {
        case .other: .dropped(.otherEvent, detail: "no object has appeared")
        case .begun: .dropped(.begun, detail: "an upload in parts has begun; its end is told as well")
        case .created(let event): verdict(event, now: now)
        }
    }

    private func verdict(_ event: BucketEvent, now: Date) -> EventVerdict {
        guard buckets.contains(event.bucket) else {
            return .dropped(
                .foreignBucket,
                detail: "no job may read the bucket; add it to S3_SOURCE_BUCKETS, or bind no events of it to the queue"
            )
        }
        let storeKey = buckets.storeKey(event.bucket, event.key)
        if outputs.contains(event.bucket, event.key) {
            return .dropped(.ownOutput, detail: "it lies where this service puts its own objects")
        }
        guard let key = ByteText(utf8: event.key), (1...ObjectKey.maximumBytes).contains(key.count) else {
            return .dropped(.unusableKey, detail: "its key is no UTF-8, or has more than 1,024 bytes")
        }
        let object = EventObject(event, key)
        guard !object.file.isEmpty else { return .dropped(.unusableKey, detail: "it is a folder") }
        for rule in rules where rule.fits(bucket: Array(event.bucket.utf8), key: event.key) {
            switch rule.making {
            case .noJob: return .dropped(.ignored, detail: "a rule of S3_EVENTS_RULES says so: \(rule)")
            case .jobs(let kind): return job(rule, kind, object, storeKey, now)
            case .jobsByEnding:
                guard let kind = object.format?.kind else { continue }
                return job(rule, kind, object, storeKey, now)
            }
        }
        return .dropped(.noRule, detail: "no rule of S3_EVENTS_RULES fits")
    }

    private func job(
        _ rule: EventRule,
        _ kind: MediaKind,
        _ object: EventObject,
        _ storeKey: [UInt8]?,
        _ now: Date
    ) -> EventVerdict {
        let event = object.event
        do {
            let mediaID = try mediaID(rule, object)
            var ticket = Ticket(id: object.jobID, mediaID: mediaID, kind: kind)
            if let template = rule.userID {
                guard let bytes = template.bytes(object.value), let user = ByteText(utf8: bytes) else {
                    throw Unusable(reason: "its key has no part for `userId=\(template)`")
                }
                ticket.userID = user.string
            }
            if let storeKey {
                ticket.sourceKey = String(decoding: storeKey, as: UTF8.self)
            } else {
                ticket.source = "s3://\(event.bucket)/\(object.key)"
            }
            ticket.originalFilename = String(decoding: object.file, as: UTF8.self)
            ticket.mimeType = object.format.flatMap { $0.kind == kind ? $0.mimeType : nil }
            ticket.createdAt = Timestamp.string(now)
            ticket.priority = rule.priority
            ticket.phase = .downloading
            ticket.unknown[EventFacts.field] = EventFacts(event).json
            return .job(try EntryMessage(ticket))
        } catch {
            return .dropped(.unusableKey, detail: "\(error)")
        }
    }

    private struct Unusable: Error, CustomStringConvertible {
        var reason: String
        var description: String { reason }
    }

    private func mediaID(_ rule: EventRule, _ object: EventObject) throws -> ByteText {
        guard let bytes = rule.mediaID?.bytes(object.value) ?? (rule.mediaID == nil ? object.standardMediaID : nil)
        else {
            throw Unusable(reason: "its key has no part for `mediaId=\(rule.mediaID?.description ?? "")`")
        }
        guard let mediaID = ByteText(utf8: bytes) else { throw Unusable(reason: "its media id would be no UTF-8") }
        _ = try ObjectKey(mediaID.string)
        // Outputs that a directory cannot hold would fail only once the work is done.
        if keysArePaths { _ = try RelativePath(bytes) }
        return mediaID
    }
}

/// Where this service puts its own objects: no event of them makes a job, or jobs would make jobs for ever.
struct OwnObjects: Sendable {
    /// The beginnings of keys, with their bucket.
    let starts: [(bucket: ByteText, start: [UInt8])]
    /// Where `STORAGE_URL` lies; nil for a store that is no bucket.
    private let store: (bucket: ByteText, start: [UInt8])?

    /// - Throws: `StorageError` for settings that name no usable places.
    init(_ settings: Settings, _ buckets: S3Buckets) throws {
        let templates = [settings.videoKeyTemplate, settings.thumbnailKeyTemplate, settings.imageKeyTemplate]
        // Nothing is known of the beginning of a result index that begins with the media id, but of its name.
        let index = settings.resultKeyTemplate.map { Self.plain($0.fixedStart) }.flatMap { $0.isEmpty ? nil : $0 }
        let own =
            templates.map { Self.plain($0.fixedStart) } + [index].compactMap(\.self)
            + [Array(".media-processor".utf8)]
        var starts = buckets.storeBucket.map { bucket in own.map { (bucket, buckets.storePrefix + $0) } } ?? []
        // Temp files that were moved to a bucket.
        if let url = settings.spillURL, let place = try S3Buckets.place(url) { starts.append(place) }
        // Of jobs with a destination.
        starts += try Destinations(settings.storage).bucketStarts
        self.starts = starts.map { ($0.0, Self.plain($0.1)) }
        store = buckets.storeBucket.map { ($0, Self.plain(buckets.storePrefix)) }
    }

    /// - Parameter key: in the bucket.
    func contains(_ bucket: ByteText, _ key: [UInt8]) -> Bool {
        let plain = Self.plain(key)
        if starts.contains(where: { $0.bucket == bucket && plain.starts(with: $0.start) }) { return true }
        let name = key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last ?? []
        guard let store, store.bucket == bucket, plain.starts(with: store.start) else { return false }
        return name.elementsEqual(Self.resultName)
    }

    private static let resultName = Array("result.json".utf8)

    /// As stores see a key that take `//` for `/`, and a leading slash for none.
    private static func plain(_ key: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        let slash = UInt8(ascii: "/")
        for byte in key where byte != slash || (plain.last ?? slash) != slash { plain.append(byte) }
        return plain
    }
}

/// The facts of an event that travel with its job, for whoever looks at the job, and for the order of later events.
struct EventFacts: Sendable {
    static let field: ByteText = "bucketEvent"

    var sequencer: EventSequencer?
    var json: RawJSON

    init(_ event: BucketEvent) {
        sequencer = event.sequencer
        var fields = JSONFields()
        func set(_ name: ByteText, _ value: ByteText?) { fields[name] = value.map { .string($0.string) } }
        set("bucket", event.bucket)
        set("versionId", event.versionID)
        set("eTag", event.entityTag)
        set("eventTime", event.time)
        set("sequencer", event.sequencer?.text)
        if event.sequencer?.isCeph == true { set("eventSource", "ceph:s3") }
        json = .object(fields)
    }

    /// The order that a job's ticket tells; nil for a job that no event has made.
    static func sequencer(ofTicket bytes: [UInt8]) -> EventSequencer? {
        guard let facts = (try? JSONFields(parsing: bytes))?[field]?.objectValue else { return nil }
        return EventSequencer(facts["sequencer"]?.textValue, isCeph: facts["eventSource"]?.textValue == "ceph:s3")
    }
}
