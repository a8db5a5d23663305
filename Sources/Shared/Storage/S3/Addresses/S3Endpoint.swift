internal import JobModel
internal import Settings
internal import Text

/// Where a store's API is, and how its buckets are named there. Pure.
struct S3Endpoint: Sendable, Hashable {
    /// How a URL names a bucket.
    enum Style: String, Sendable {
        /// `https://HOST/BUCKET/KEY`
        case path
        /// `https://BUCKET.HOST/KEY`
        case virtual
    }

    /// `http` or `https`.
    var scheme: String
    /// With the port, unless it is the scheme's own.
    var host: String
    /// The part of every path before the bucket or key; empty or from a slash on.
    var basePath = ""
    var region: String
    var style: Style
    /// Whether it is Amazon's own.
    var isAmazon = false

    /// Amazon's endpoint of a region.
    static func amazon(region: String, style: Style) -> S3Endpoint {
        // China is a partition of its own.
        let domain = region.utf8.starts(with: "cn-".utf8) ? "amazonaws.com.cn" : "amazonaws.com"
        return S3Endpoint(
            scheme: "https",
            host: "s3.\(region).\(domain)",
            region: region,
            style: style,
            isAmazon: true
        )
    }

    /// The endpoint of a URL such as `http://127.0.0.1:9000`.
    ///
    /// - Returns: nil when it is none. The wrong part may be a secret, so nobody repeats it.
    init?(url: String, region: String, style: Style) {
        let scheme = SourceURL.scheme(url)
        guard let scheme, ["http", "https"].contains(scheme) else { return nil }
        let rest = Array(url.utf8).dropFirst(scheme.utf8.count)
        guard rest.starts(with: "://".utf8) else { return nil }
        let authority = rest.dropFirst(3).prefix { $0 != UInt8(ascii: "/") }
        let path = rest.dropFirst(3 + authority.count)
        guard let host = Self.host(authority, scheme), path.allSatisfy(Self.isPathByte) else { return nil }
        self.init(scheme: scheme, host: host, region: region, style: style)
        basePath = String(decoding: path.reversed().drop { $0 == UInt8(ascii: "/") }.reversed(), as: UTF8.self)
    }

    init(scheme: String, host: String, region: String, style: Style, isAmazon: Bool = false) {
        self.scheme = scheme
        self.host = host
        self.region = region
        self.style = style
        self.isAmazon = isAmazon
    }

    private static func host(_ authority: ArraySlice<UInt8>, _ scheme: String) -> String? {
        let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]".utf8
        guard !authority.isEmpty, authority.allSatisfy({ allowed.contains($0) }) else { return nil }
        var host = String(decoding: authority, as: UTF8.self).lowercased()
        // The header leaves the scheme's own port out, and so does the signature.
        let usual = scheme == "http" ? ":80" : ":443"
        if host.utf8.count > usual.utf8.count, host.utf8.suffix(usual.utf8.count).elementsEqual(usual.utf8) {
            host = String(decoding: host.utf8.dropLast(usual.utf8.count), as: UTF8.self)
        }
        return host
    }

    /// Whether the host is a numeric address, which can have no bucket before it.
    var isAddress: Bool {
        let bytes = Array(host.utf8)
        if bytes.first == UInt8(ascii: "[") { return true }
        return NetworkAddress(bytes.prefix { $0 != UInt8(ascii: ":") }) != nil
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"?#%\\\"<>`{}|^".utf8.contains(byte)
    }

    /// For people.
    var description: String { "\(scheme)://\(host)\(basePath)" }

    /// The value of `Host`.
    func host(of bucket: String) -> String { style == .virtual ? "\(bucket).\(host)" : host }

    /// The path of a bucket or of an object in it, encoded once: by bytes, with its slashes as they are.
    func path(of bucket: String, key: ObjectKey? = nil) -> String {
        let start = style == .virtual ? basePath + "/" : basePath + "/" + PercentCoding.encode(bucket)
        guard let key else { return start }
        return (style == .virtual ? start : start + "/") + PercentCoding.encode(key.rawValue, keeping: "/")
    }
}
