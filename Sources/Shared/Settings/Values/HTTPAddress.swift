internal import Glibc

/// Reads where HTTP listens and by which names it may be called.
enum HTTPAddress {
    static func parse(_ text: String) throws(SettingsReader.ParseFailure) -> String {
        var buffer = in6_addr()
        let isAddress = inet_pton(AF_INET, text, &buffer) == 1 || inet_pton(AF_INET6, text, &buffer) == 1
        guard isAddress || text == "localhost" else { throw .init(message: "`\(text)` is no IP address") }
        return text
    }

    static func isLoopback(_ address: String) -> Bool {
        address == "localhost" || address == "::1" || address.hasPrefix("127.")
    }

    static func names(_ text: String) throws(SettingsReader.ParseFailure) -> [String] {
        var names: [String] = []
        for part in text.split(separator: ",") {
            let name = part.trimmed.lowercased()
            let isPlain = name.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/:@?#".utf8.contains($0) }
            guard !name.isEmpty, isPlain else {
                throw .init(message: "`\(part)` is no host name; give names without scheme and port")
            }
            names.append(name)
        }
        return names
    }

    static func token(_ text: String) throws(SettingsReader.ParseFailure) -> String {
        // The value is a secret, so no message repeats any of it.
        guard (16...256).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .init(message: "it must have 16 to 256 printable ASCII characters without spaces")
        }
        return text
    }

    static var format: SettingFormat<String> {
        SettingFormat(type: "IP address", text: { $0 }, parse: parse)
    }

    static var namesFormat: SettingFormat<[String]> {
        SettingFormat(type: "names, `,` between", text: { $0.joined(separator: ",") }, parse: names)
    }

    static var tokenFormat: SettingFormat<String> {
        SettingFormat(type: "text", range: "16 to 256 printable ASCII characters", text: { $0 }, parse: token)
    }
}
