/// A host by its name or address, or all hosts beneath a name: `media.example`, `*.media.example`.
package struct HostPattern: Sendable, Hashable, CustomStringConvertible {
    /// In lower case, without the star.
    private let name: [UInt8]
    private let isBeneath: Bool

    /// - Parameter text: ASCII; an IPv6 address without brackets.
    package init?(_ text: some Collection<UInt8>) {
        let star = Array("*.".utf8)
        isBeneath = text.starts(with: star)
        name = Self.lowercased(text.dropFirst(isBeneath ? star.count : 0))
        guard !name.isEmpty, name.first != UInt8(ascii: "."), name.allSatisfy(Self.isNameByte) else { return nil }
    }

    /// - Parameter host: without brackets and port.
    package func matches(_ host: some Collection<UInt8>) -> Bool {
        let host = Self.lowercased(host)
        guard isBeneath else { return host == name }
        return host.count > name.count + 1 && host.suffix(name.count + 1).elementsEqual([UInt8(ascii: ".")] + name)
    }

    package var description: String { (isBeneath ? "*." : "") + String(decoding: name, as: UTF8.self) }

    package static var listFormat: SettingFormat<[HostPattern]> {
        SettingFormat(
            type: "host names, `,` between",
            text: { $0.map(\.description).joined(separator: ",") },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                var patterns: [HostPattern] = []
                for part in text.utf8.split(separator: UInt8(ascii: ",")) {
                    let word = Array(part).filter { $0 != UInt8(ascii: " ") }
                    guard let pattern = HostPattern(word) else {
                        let shown = String(decoding: word, as: UTF8.self)
                        throw .init(message: "`\(shown)` is no host such as media.example or *.media.example")
                    }
                    patterns.append(pattern)
                }
                return patterns
            }
        )
    }

    private static func lowercased(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: ".-_:".utf8.contains(byte)
        }
    }
}
