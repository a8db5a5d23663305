internal import Glibc

/// A numeric address of the Internet Protocol.
package struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 of IPv4 or 16 of IPv6, in network order.
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// - Parameter text: four decimal numbers, or an IPv6 address (RFC 4291, 2.2) without brackets and zone. Nothing
    ///   else that some systems take for an address is one.
    package init?(_ text: some Collection<UInt8>) {
        guard text.count <= 45, text.allSatisfy({ Self.alphabet.contains($0) }) else { return nil }
        let text = String(decoding: text, as: UTF8.self)
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    package var isV4: Bool { bytes.count == 4 }

    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(isV4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let alphabet = Set("0123456789abcdefABCDEF.:".utf8)
}

/// A network as a prefix of addresses: `10.0.0.0/8`, `fd00::/8`.
package struct NetworkRange: Sendable, Hashable, CustomStringConvertible {
    package let address: NetworkAddress
    /// Leading bits that all addresses of the network have in common.
    package let prefixBits: Int

    /// - Parameter text: an address, and after `/` the bits of the prefix; the address alone is a network of one. Bits
    ///   behind the prefix must be 0.
    package init?(_ text: some Collection<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = NetworkAddress(Array(first)) else { return nil }
        var bits = address.bytes.count * 8
        if parts.count == 2 {
            guard (1...3).contains(parts[1].count), parts[1].allSatisfy({ (48...57).contains($0) }),
                let number = Int(String(decoding: parts[1], as: UTF8.self)), number <= bits
            else { return nil }
            bits = number
        }
        self.address = address
        prefixBits = bits
        guard address.bytes.indices.allSatisfy({ address.bytes[$0] & ~mask(ofByte: $0) == 0 }) else { return nil }
    }

    /// Whether it is a single address.
    package var isOneAddress: Bool { prefixBits == address.bytes.count * 8 }

    package func contains(_ other: NetworkAddress) -> Bool {
        let (own, bytes) = (address.bytes, other.bytes)
        return own.count == bytes.count && own.indices.allSatisfy { own[$0] == bytes[$0] & mask(ofByte: $0) }
    }

    package var description: String { "\(address)/\(prefixBits)" }

    private func mask(ofByte index: Int) -> UInt8 {
        let bits = min(max(prefixBits - index * 8, 0), 8)
        return bits == 0 ? 0 : UInt8.max << UInt8(8 - bits)
    }
}

extension NetworkRange {
    package static var listFormat: SettingFormat<[NetworkRange]> {
        SettingFormat(
            type: "networks, `,` between",
            text: { $0.map(\.description).joined(separator: ",") },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                var ranges: [NetworkRange] = []
                for part in text.utf8.split(separator: UInt8(ascii: ",")) {
                    let word = Array(part).filter { $0 != UInt8(ascii: " ") }
                    guard let range = NetworkRange(word) else {
                        let shown = String(decoding: word, as: UTF8.self)
                        throw .init(
                            message: "`\(shown)` is no network such as 10.1.0.0/16 or fd12::/32, with zeros behind "
                                + "the prefix"
                        )
                    }
                    ranges.append(range)
                }
                return ranges
            }
        )
    }
}
