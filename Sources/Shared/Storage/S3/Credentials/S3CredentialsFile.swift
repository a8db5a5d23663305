/// The file of Amazon's tools with the keys of several profiles. Pure.
///
///     [default]
///     aws_access_key_id = …
///     aws_secret_access_key = …
struct S3CredentialsFile {
    private var profiles: [[UInt8]: [[UInt8]: [UInt8]]] = [:]

    init(_ text: [UInt8]) {
        var profile: [UInt8] = []
        for line in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let line = Self.trimmed(line)
            guard let first = line.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { continue }
            if first == UInt8(ascii: "["), line.last == UInt8(ascii: "]") {
                profile = Self.trimmed(line.dropFirst().dropLast()).map(\.self)
            } else if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
                let name = Self.trimmed(line[..<equals]).map { (65...90).contains($0) ? $0 | 0x20 : $0 }
                profiles[profile, default: [:]][name] = Array(Self.trimmed(line[(equals + 1)...]))
            }
        }
    }

    /// nil when the profile has not both keys.
    func credentials(of profile: String) -> S3Credentials? {
        let values = profiles[Array(profile.utf8)] ?? [:]
        func text(_ name: String) -> String? {
            values[Array(name.utf8)].flatMap { $0.isEmpty ? nil : String(validating: $0, as: UTF8.self) }
        }
        guard let id = text("aws_access_key_id"), let secret = text("aws_secret_access_key") else { return nil }
        return S3Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: text("aws_session_token"))
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }
}
