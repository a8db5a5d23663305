package import Settings

/// Which addresses sources may be read from. Pure.
///
/// A job's source is anybody's text. Whoever can send a job must not reach by it what only this host reaches: itself,
/// its network, or the service that gives a cloud's machine its credentials.
package struct AddressPolicy: Sendable, Hashable {
    private let allowed: [NetworkRange]

    /// - Parameter allowed: `SOURCE_ALLOWED_NETWORKS`.
    package init(allowed: [NetworkRange] = []) { self.allowed = allowed }

    /// Why there must be no connection to an address; nil for a public one, and for one of an allowed network.
    package func refusal(of address: NetworkAddress) -> String? {
        let isMetadata = Self.metadata.contains(address)
        if allowed.contains(where: { $0.contains(address) && (!isMetadata || $0.isOneAddress) }) { return nil }
        if isMetadata { return Self.words(address, "of the service that gives a machine its credentials") }
        if let found = Self.special.first(where: { $0.network.contains(address) }) {
            return Self.words(address, found.use)
        }
        if !address.isV4, !Self.globalUnicast.contains(address) { return Self.words(address, "not a public one") }
        return nil
    }

    private static func words(_ address: NetworkAddress, _ use: String) -> String {
        "its address \(address) is \(use); see SOURCE_ALLOWED_NETWORKS"
    }

    // MARK: - Tables

    private static func range(_ text: String) -> NetworkRange {
        guard let range = NetworkRange(text.utf8) else { preconditionFailure("\(text) is no network") }
        return range
    }

    /// The only networks of IPv6 that are assigned for hosts of the public (RFC 4291, 2.4).
    private static let globalUnicast = range("2000::/3")

    /// AWS, Azure, Google, Oracle, OpenStack and others; Alibaba; Azure's own; Oracle's; AWS by IPv6; Google by IPv6.
    private static let metadata: Set<NetworkAddress> = Set(
        [
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
        ].compactMap { NetworkAddress(Array($0.utf8)) }
    )

    /// The registries of special-purpose addresses (RFC 6890 and its updates), and prefixes that carry an address of
    /// IPv4 within one of IPv6, by which a gateway would reach it.
    private static let special: [(network: NetworkRange, use: String)] = specialTexts.map { (range($0.0), $0.1) }

    private static let specialTexts: [(String, String)] = [
        ("0.0.0.0/8", "of no host"), ("10.0.0.0/8", "private"), ("100.64.0.0/10", "shared within a provider"),
        ("127.0.0.0/8", "this host itself"), ("169.254.0.0/16", "link-local"), ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"), ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "reserved for protocols"), ("192.52.193.0/24", "reserved for protocols"),
        ("192.88.99.0/24", "of the former relays from IPv6"), ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved for protocols"), ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"), ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "of a multicast group"), ("240.0.0.0/4", "reserved, or the broadcast address"),
        ("::/128", "of no host"), ("::1/128", "this host itself"), ("::ffff:0:0/96", "one of IPv4 within IPv6"),
        ("::/96", "one of IPv4 within IPv6"), ("64:ff9b::/96", "one of IPv4 behind a gateway"),
        ("64:ff9b:1::/48", "one of IPv4 behind a gateway"), ("100::/64", "discarded"),
        ("2001::/32", "one of IPv4 behind a tunnel"), ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"), ("2002::/16", "one of IPv4 behind a tunnel"),
        ("3fff::/20", "for documentation"), ("fc00::/7", "private"), ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"), ("ff00::/8", "of a multicast group"),
    ]
}
