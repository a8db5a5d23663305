/// The name of one of several hosts that share a broker (`NODE_ID`). It is a part of queues' names, whose parts dots
/// separate.
package enum NodeName {
    /// Whether a host can have this name: 1 to 64 ASCII letters, digits, `-` and `_`.
    package static func isValid(_ name: some StringProtocol) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
