extension Ticket {
    /// A job's destination as it is kept. One with a user, a password, a query or a fragment is allowed nowhere, and
    /// loses them where it is read, so that no ledger, dead letter or view gets them; it stays one that is refused for
    /// the same reason.
    package static func keptDestination(_ url: String) -> String {
        let bytes = url.utf8
        let hasQuery = bytes.contains { "?#".utf8.contains($0) }
        guard hasQuery || hasUser(url) else { return url }
        return SourceURL.redacted(url, atMost: SourceURL.maximumKeptBytes) + (hasQuery ? "?…" : "")
    }

    /// Whether something stands before an `@` where the host, or the bucket, would. A key may have an `@`.
    private static func hasUser(_ url: String) -> Bool {
        guard let scheme = SourceURL.scheme(url) else { return url.utf8.contains(UInt8(ascii: "@")) }
        let rest = url.utf8.dropFirst(scheme.utf8.count + 1)
        let slash = UInt8(ascii: "/")
        let slashes = rest.prefix { $0 == slash }.count
        if scheme.utf8.elementsEqual("file".utf8), slashes != 2 { return false }
        return rest.dropFirst(slashes).prefix { $0 != slash }.contains(UInt8(ascii: "@"))
            || !["file", "s3"].contains { scheme.utf8.elementsEqual($0.utf8) } && rest.contains(UInt8(ascii: "@"))
    }
}
