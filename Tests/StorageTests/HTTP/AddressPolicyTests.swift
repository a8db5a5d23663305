import Settings
import Testing

@testable import Storage

@Suite("Addresses that sources may be read from")
struct AddressPolicyTests {
    private func isPublic(_ text: String, allowed: [String] = []) throws -> Bool {
        let address = try #require(NetworkAddress(Array(text.utf8)), "\(text)")
        let ranges = try allowed.map { try #require(NetworkRange(Array($0.utf8))) }
        return AddressPolicy(allowed: ranges).refusal(of: address) == nil
    }

    @Test(
        "are public",
        arguments: [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "52.218.0.1", "100.63.255.255", "100.128.0.0",
            "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111",
            "2a00:1450:4001::8", "2001:4860:4860::8888", "2001:200::1", "2003::1", "3ffe::1",
        ]
    )
    func reachable(text: String) throws { #expect(try isPublic(text)) }

    @Test(
        "are none of this host, its network and its cloud, nor of no host",
        arguments: [
            "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
            "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
            "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
            "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
            "100.100.100.200", "::", "::1", "::2", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8",
            "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::1", "100::1", "2001::1",
            "2001:0:ffff::1", "2001:2::1", "2001:10::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::",
            "2002:808:808::1", "3fff::1", "3fff:fff::1", "4000::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1",
            "febf::1", "fec0::1", "ff02::1", "ffff::1", "1::1", "5f00::1",
        ]
    )
    func inner(text: String) throws { #expect(try !isPublic(text)) }

    @Test("are those of an allowed network as well, but the one with a machine's credentials only by itself")
    func allowed() throws {
        #expect(try isPublic("10.1.2.3", allowed: ["10.1.0.0/16"]))
        #expect(try !isPublic("10.2.0.1", allowed: ["10.1.0.0/16"]))
        #expect(try isPublic("fd12:3456::1", allowed: ["10.1.0.0/16", "fd12:3456::/32"]))
        #expect(try !isPublic("::ffff:10.1.2.3", allowed: ["10.0.0.0/8"]))
        #expect(try isPublic("64:ff9b::808:808", allowed: ["64:ff9b::/96"]))
        #expect(try !isPublic("169.254.169.254", allowed: ["169.254.0.0/16", "0.0.0.0/0"]))
        #expect(try isPublic("169.254.169.254", allowed: ["169.254.169.254"]))
        #expect(try isPublic("127.0.0.1", allowed: ["0.0.0.0/0"]))
    }

    @Test(
        "are read as networks only with zeros behind the prefix",
        arguments: [
            ("10.0.0.0/8", true), ("10.0.0.0/33", false), ("10.0.0.1/8", false), ("10.0.0.0/", false),
            ("10.0.0.0/-1", false), ("10.0.0.0/8/8", false), ("::/0", true), ("fd00::/129", false), ("x/8", false),
            ("10.0.0.1", true), ("", false), ("/8", false), ("010.0.0.0/8", false), ("fe80::1%eth0", false),
        ]
    )
    func ranges(text: String, isOne: Bool) { #expect((NetworkRange(Array(text.utf8)) != nil) == isOne) }
}
