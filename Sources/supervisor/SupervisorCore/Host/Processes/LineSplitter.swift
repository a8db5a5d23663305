/// Cuts a stream of bytes into lines.
struct LineSplitter {
    /// A longer line is dropped: its writer is broken, and memory is not to grow with it.
    static let maximumLineBytes = 65_536

    private var rest: [UInt8] = []
    private var isSkipping = false

    /// Takes bytes and returns the lines that they complete, without their line feeds.
    mutating func add(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if !isSkipping { lines.append(rest) }
                rest.removeAll(keepingCapacity: true)
                isSkipping = false
            } else if rest.count >= Self.maximumLineBytes {
                isSkipping = true
            } else {
                rest.append(byte)
            }
        }
        return lines
    }

    /// Takes the bytes after the last line feed; nil when there are none.
    mutating func takeRest() -> [UInt8]? {
        defer {
            rest = []
            isSkipping = false
        }
        return rest.isEmpty || isSkipping ? nil : rest
    }
}
