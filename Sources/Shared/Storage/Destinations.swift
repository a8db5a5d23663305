package import JobModel
package import Settings

/// The places besides the store that jobs may have their outputs put at (`DESTINATION_PREFIXES`).
///
/// A job's `destination` must be one of the prefixes, or lie beneath one: compared part by part, by bytes. It may name
/// no part `.` or `..`, no empty part, no user, query or fragment.
package struct Destinations: Sendable {
    /// A directory, or a part of a bucket.
    private struct Place: Sendable, Hashable {
        /// nil for a directory.
        var bucket: ByteText?
        /// Names, by their bytes.
        var parts: [[UInt8]]

        func isBeneath(_ other: Place) -> Bool { bucket == other.bucket && parts.starts(with: other.parts) }
    }

    private let prefixes: [Place]
    private let settings: StorageSettings

    /// The longest destination, in bytes.
    package static let maximumBytes = 4096

    /// - Throws: ``StorageError`` for a prefix that cannot be one.
    package init(_ settings: StorageSettings) throws(StorageError) {
        self.settings = settings
        var prefixes: [Place] = []
        for text in settings.destinationPrefixes {
            let place = try Self.prefix(text)
            if place.bucket != nil, SourceURL.scheme(settings.storageURL) != S3Location.scheme {
                throw Self.invalid(
                    text,
                    "is a bucket, and STORAGE_URL is none, whose endpoint and credentials it needs"
                )
            }
            prefixes.append(place)
        }
        self.prefixes = prefixes
    }

    /// Looks at the form of a job's destination, without the prefixes: another process knows those.
    ///
    /// - Throws: ``StorageError`` with code `invalid_url`.
    package static func check(form url: String) throws(StorageError) { _ = try place(url) }

    /// Looks at the text of a setting, as far as it can be wrong by itself.
    package static func check(prefix: String) throws(StorageError) { _ = try self.prefix(prefix) }

    private static func prefix(_ text: String) throws(StorageError) -> Place {
        let place = try place(text)
        if place.bucket == nil, place.parts.isEmpty { throw invalid(text, "is the root of all directories") }
        return place
    }

    /// Where objects of jobs may be put in buckets, besides the store: bucket and beginning of the keys.
    package var bucketStarts: [(bucket: ByteText, start: [UInt8])] {
        prefixes.compactMap { place in
            place.bucket.map { ($0, place.parts.flatMap { $0 + [UInt8(ascii: "/")] }) }
        }
    }

    /// Looks at a job's destination alone. Nothing is looked up.
    ///
    /// - Throws: ``StorageError`` with code `destination_not_allowed`, or `unsupported_scheme` when there are no
    ///   prefixes.
    package func check(_ url: String) throws(StorageError) { _ = try found(url) }

    /// The store of a job's destination.
    ///
    /// - Throws: as ``check(_:)``, and when a directory cannot be opened.
    package func store(_ url: String) throws(StorageError) -> any Store {
        let (prefix, place) = try found(url)
        if let bucket = place.bucket { return try store(bucket, place.parts) }
        // The way below the prefix is gone with `openat2`: beneath it, and through no symbolic link.
        let rest = Self.text(place.parts.dropFirst(prefix.parts.count))
        return try LocalDirectoryStore(creating: "/" + Self.text(prefix.parts[...]), beneath: rest)
    }

    /// The buckets of the prefixes, as stores of all that lies there.
    var buckets: [any Store] {
        prefixes.compactMap { place in place.bucket.flatMap { try? store($0, place.parts) } }
    }

    /// The URLs of the prefixes that are buckets, as `STORAGE_URL` would name them: with the endpoint.
    package var bucketURLs: [String] {
        prefixes.compactMap { place in place.bucket.map { storeURL($0, place.parts) } }
    }

    private func store(_ bucket: ByteText, _ parts: [[UInt8]]) throws(StorageError) -> S3Store {
        let location = try S3Location(storeURL(bucket, parts), .process)
        return S3Store(location, S3Client.shared(location.endpoint, TransferLimits.of(settings)), settings.s3)
    }

    /// A place in a bucket, at the endpoint of the store: what its URL says after the `?` counts here too.
    private func storeURL(_ bucket: ByteText, _ parts: [[UInt8]]) -> String {
        let query = String(decoding: settings.storageURL.utf8.drop { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        return "s3://\(bucket)/\(Self.text(parts[...]))\(query)"
    }

    private static func text(_ parts: ArraySlice<[UInt8]>) -> String {
        String(decoding: Array(parts.joined(separator: [UInt8(ascii: "/")])), as: UTF8.self)
    }

    private func found(_ url: String) throws(StorageError) -> (prefix: Place, place: Place) {
        guard !prefixes.isEmpty else {
            // A file destination would let anyone who can publish a message write anywhere on this host.
            throw StorageError(
                code: .unsupportedScheme,
                message: "the job's `destination` \(SourceURL.redacted(url)) is not supported: outputs go to "
                    + "STORAGE_URL; leave `destination` out, or have the operator allow it by DESTINATION_PREFIXES"
            )
        }
        let place: Place
        do throws(StorageError) { place = try Self.place(url) } catch {
            throw Self.notAllowed("\(error.message); correct the job's `destination`")
        }
        // The longest prefix leaves the fewest names to be looked up.
        let fitting = prefixes.filter { place.isBeneath($0) }.max { $0.parts.count < $1.parts.count }
        guard let fitting else {
            throw Self.notAllowed(
                "the job's `destination` \(SourceURL.redacted(url)) lies beneath none of DESTINATION_PREFIXES; correct "
                    + "it, or have the operator add a prefix"
            )
        }
        return (fitting, place)
    }

    private static func place(_ url: String) throws(StorageError) -> Place {
        guard url.utf8.count <= maximumBytes else { throw invalid(url, "has more than \(maximumBytes) bytes") }
        guard !url.utf8.contains(where: { "?#".utf8.contains($0) }) else {
            throw invalid(url, "has a query or a fragment")
        }
        let bucket: ByteText?
        let path: [UInt8]
        switch SourceURL.scheme(url) {
        case S3Location.scheme:
            let found = try S3Place(Array(url.utf8), of: url)
            (bucket, path) = (ByteText(found.bucket), found.rest)
        case FileURL.scheme:
            (bucket, path) = (nil, Array(try FileURL.path(url).utf8.dropFirst()))
        default: throw invalid(url, "is neither an s3: nor a file: URL")
        }
        // A slash at the end means nothing; another empty name would mean something else to each store.
        let slash = UInt8(ascii: "/")
        let parts = Array(path.reversed().drop { $0 == slash }.reversed())
            .split(separator: slash, omittingEmptySubsequences: false).map { Array($0) }
        if parts == [[]] { return Place(bucket: bucket, parts: []) }
        for part in parts {
            if part.isEmpty { throw invalid(url, "has two slashes in a row") }
            if part.count <= 2, part.allSatisfy({ $0 == UInt8(ascii: ".") }) {
                throw invalid(url, "has a part of dots")
            }
            if part.contains(0) { throw invalid(url, "has a NUL character") }
            if bucket == nil, part.starts(with: ObjectReplacement.reservedPrefix.utf8) {
                throw invalid(url, "has a part that begins with `\(ObjectReplacement.reservedPrefix)`")
            }
        }
        return Place(bucket: bucket, parts: parts)
    }

    private static func invalid(_ url: String, _ why: String) -> StorageError {
        StorageError(code: .invalidURL, message: "the destination `\(SourceURL.redacted(url))` \(why)")
    }

    private static func notAllowed(_ message: String) -> StorageError {
        StorageError(code: .destinationNotAllowed, message: message)
    }
}
