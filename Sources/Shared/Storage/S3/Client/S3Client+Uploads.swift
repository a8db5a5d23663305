internal import FoundationEssentials
internal import HTTPClient
internal import JobModel
internal import Text

/// Listings of open uploads and of their parts. A store that lists without end is not believed: pages, uploads and
/// their bytes are bounded, and a page must lead to another one.
extension S3Client {
    private static let maximumPages = 100
    private static let maximumUploads = 10_000
    private static let maximumUploadBytes = 4 << 20
    private static let maximumIDBytes = 4096

    /// Open uploads of keys that begin with a prefix; the first ones where there are very many.
    ///
    /// - Parameter key: of all that are wanted; nil for those of every key.
    func listUploads(_ bucket: String, prefix: String, of key: ByteText? = nil) async throws -> [S3OpenUpload] {
        var uploads: [S3OpenUpload] = []
        var bytes = 0
        // Not with `encoding-type`: SeaweedFS says that it has encoded the keys then, and has not.
        var query: S3Query = ["uploads": "", "prefix": prefix]
        var markers: Set<[ByteText]> = []
        for _ in 0..<Self.maximumPages {
            let request = S3Request(.get, "list the uploads in", bucket: bucket, query: query)
            let document = try await documented(request, "ListMultipartUploadsResult")
            let isEncoded = document["EncodingType"]?.string == "url"
            for element in document.children where element.isNamed("Upload") {
                guard let upload = Self.openUpload(element, isEncoded: isEncoded), key == nil || upload.key == key
                else {
                    continue
                }
                bytes += upload.key.count + upload.id.utf8.count
                guard uploads.count < Self.maximumUploads, bytes <= Self.maximumUploadBytes else { return uploads }
                uploads.append(upload)
            }
            guard document["IsTruncated"]?.string == "true",
                let keyMarker = document["NextKeyMarker"].flatMap({ Self.text($0, isEncoded: isEncoded) }),
                let idMarker = document["NextUploadIdMarker"]?.string,
                keyMarker.utf8.count + idMarker.utf8.count <= Self.maximumIDBytes * 2,
                markers.insert([ByteText(keyMarker), ByteText(idMarker)]).inserted
            else { break }
            query["key-marker"] = keyMarker
            query["upload-id-marker"] = idMarker
        }
        return uploads
    }

    private static func openUpload(_ element: XMLElement, isEncoded: Bool) -> S3OpenUpload? {
        guard let key = element["Key"].flatMap({ text($0, isEncoded: isEncoded) }),
            key.utf8.count <= ObjectKey.maximumBytes, let id = element["UploadId"]?.string,
            id.utf8.count <= maximumIDBytes
        else { return nil }
        let initiated = element["Initiated"]?.string.flatMap { Timestamp.date($0) }
        return S3OpenUpload(
            key: ByteText(key),
            id: id,
            initiated: initiated.map { UTCTime(secondsSince1970: Int64($0.timeIntervalSince1970)) }
        )
    }

    /// The parts that a store has of an upload, by number.
    ///
    /// - Returns: nil when there are more than `maximum`, or when one comes twice.
    func listParts(
        _ upload: String,
        _ bucket: String,
        _ key: ObjectKey,
        atMost maximum: Int
    ) async throws -> [S3Part]? {
        var parts: [Int: S3Part] = [:]
        var query: S3Query = ["uploadId": upload]
        var last: Int64 = 0
        for _ in 0..<Self.maximumPages {
            let request = S3Request(.get, "list the parts of", bucket: bucket, key: key, query: query)
            let document = try await documented(request, "ListPartsResult")
            for element in document.children where element.isNamed("Part") {
                let part = try Self.part(element)
                guard parts.count < maximum, parts.updateValue(part, forKey: part.number) == nil else { return nil }
            }
            guard document["IsTruncated"]?.string == "true", let marker = document["NextPartNumberMarker"]?.integer,
                marker > last
            else { break }
            last = marker
            query["part-number-marker"] = "\(marker)"
        }
        return parts.values.sorted { $0.number < $1.number }
    }

    private static func part(_ element: XMLElement) throws -> S3Part {
        guard let number = element["PartNumber"]?.integer, (1...10_000).contains(number),
            let size = element["Size"]?.integer, let tag = element["ETag"]?.string, tag.utf8.count <= 1024
        else { throw malformed("its list of parts has one without number, size or ETag") }
        return S3Part(
            number: Int(number),
            sizeBytes: size,
            entityTag: tag,
            sha256: element["ChecksumSHA256"]?.string.flatMap { $0.utf8.count <= 100 ? $0 : nil }
        )
    }

    /// A key in a listing. Documents cannot hold every character, so stores encode keys when they are asked to.
    static func text(_ element: XMLElement, isEncoded: Bool) -> String? {
        guard isEncoded else { return element.string }
        // As in forms: a space is a plus.
        return PercentCoding.decode(element.text.map { $0 == UInt8(ascii: "+") ? 0x20 : $0 })
    }
}
