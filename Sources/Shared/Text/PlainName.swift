extension UInt8 {
    /// Whether this is an ASCII letter, a digit, `-` or `_`: a byte that means nothing special in a file name, a URL, a
    /// queue's name or a shell.
    package var isPlainInNames: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
