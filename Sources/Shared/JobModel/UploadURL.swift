/// A URL that somebody has signed for one output of a job, which is put there instead of into the store.
package struct UploadURL: Sendable, Hashable {
    /// The output's key, or its name: its quality, or `thumbnail_` and its number from 0.
    package var name: ByteText
    /// Secret: whoever has it may write there.
    package var url: String

    package init(name: ByteText, url: String) {
        self.name = name
        self.url = url
    }
}

extension Ticket {
    /// The field of a job message.
    static let uploadURLsField: ByteText = "uploadUrls"

    /// More, or longer ones together, are refused: a message from outside has 1 MiB at most, and stages add to it.
    package static let maximumUploadURLs = 1000
    package static let maximumUploadURLBytes = 512 << 10
    /// The limit of one, in bytes.
    package static let maximumURLBytes = 8192

    /// Reads an object whose fields are URLs. `null` counts as absent.
    static func readUploadURLs(_ fields: inout FieldReader) throws(MessageError) -> [UploadURL] {
        guard let object = try fields.object(uploadURLsField) else { return [] }
        guard object.fields.count <= maximumUploadURLs else {
            throw fields.error(.tooLarge, "the field `uploadUrls` has more than \(maximumUploadURLs) entries")
        }
        var urls: [UploadURL] = []
        var bytes = 0
        for field in object.fields where !field.value.isNull {
            let name = field.name
            let shown = name.string.clipped(toBytes: 64).shown
            guard (1...maximumMediaIDBytes).contains(name.count) else {
                throw fields.error(.invalidValue, "a name in `uploadUrls` must have 1 to \(maximumMediaIDBytes) bytes")
            }
            // As it is written, a byte may take six.
            guard field.value.count <= 6 * maximumURLBytes + 2, let url = field.value.stringValue,
                (1...maximumURLBytes).contains(url.utf8.count)
            else {
                throw fields.error(
                    .invalidValue,
                    "`uploadUrls.\(shown)` must be a URL of at most \(maximumURLBytes) bytes"
                )
            }
            guard !urls.contains(where: { $0.name == name }) else {
                throw fields.error(.invalidValue, "`uploadUrls` names `\(shown)` twice")
            }
            bytes += name.count + url.utf8.count
            urls.append(UploadURL(name: name, url: url))
        }
        guard bytes <= maximumUploadURLBytes else {
            throw fields.error(
                .tooLarge,
                "the field `uploadUrls` has \(bytes) bytes; at most \(maximumUploadURLBytes) are accepted"
            )
        }
        return urls
    }

    var uploadURLsJSON: JSONFields? { Self.json(uploadURLs) { $0 } }

    /// The places alone: a message that was signed anew asks for the same.
    var uploadPlacesJSON: JSONFields? { Self.json(uploadURLs) { Self.place(of: $0) } }

    /// The URLs without their signatures, for a record of a job that has ended: nothing is put there again.
    var uploadURLsWithoutSignatures: [UploadURL] {
        uploadURLs.map { UploadURL(name: $0.name, url: SourceURL.redacted($0.url, atMost: Self.maximumURLBytes)) }
            .filter { !$0.url.utf8.isEmpty }
    }

    private static func place(of url: String) -> String {
        String(decoding: url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }, as: UTF8.self)
    }

    private static func json(_ urls: [UploadURL], _ text: (String) -> String) -> JSONFields? {
        if urls.isEmpty { return nil }
        var object = JSONFields()
        for entry in urls { object.append(JSONFields.Field(name: entry.name, value: .string(text(entry.url)))) }
        return object
    }

    /// For each output, by its place, the URL that it is put to; none for those that go to the store.
    package var uploadURLsByOutput: [Int: UploadURL] {
        if uploadURLs.isEmpty { return [:] }
        let known = Dictionary(uploadURLs.map { ($0.name, $0) }) { $1 }
        var found: [Int: UploadURL] = [:]
        var thumbnails = 0
        for (index, output) in outputs.enumerated() {
            var name = output.quality.map { ByteText($0) }
            if output.kind == .thumbnail {
                name = ByteText("thumbnail_\(thumbnails)")
                thumbnails += 1
            }
            found[index] = known[output.key] ?? name.flatMap { known[$0] }
        }
        return found
    }

    /// The names in `uploadUrls` that are those of no output, in their order.
    package var unusedUploadURLs: [ByteText] {
        let used = Set(uploadURLsByOutput.values.map(\.name))
        return uploadURLs.map(\.name).filter { !used.contains($0) }
    }
}
