/// Makes the head of a response from the lines that arrive, within limits. Pure.
struct HeadReader {
    private enum State {
        case statusLine
        case fields
        /// Between an interim response and the next, or in the body.
        case ended
    }

    enum Refusal: Error {
        case tooManyBytes
        case tooManyFields
    }

    private(set) var headers = WebHeaders()
    private let limits: WebResponseLimits
    private var state = State.statusLine
    private var bytes = 0
    private var fields = 0

    init(limits: WebResponseLimits) { self.limits = limits }

    /// - Parameter line: a status line, a field or the empty line, with its line end; after the body a trailer, which
    ///   only counts.
    /// - Returns: whether a head is complete with this line.
    mutating func take(_ line: UnsafeRawBufferPointer) throws(Refusal) -> Bool {
        bytes += line.count
        if bytes > limits.headerBytes { throw .tooManyBytes }
        let isStatusLine = line.starts(with: "HTTP/".utf8)
        switch state {
        case .statusLine where isStatusLine, .ended where isStatusLine:
            headers = WebHeaders()
            state = .fields
            return false
        case .statusLine, .ended: break
        case .fields:
            if line.allSatisfy(Self.isLineEnd) {
                state = .ended
                return true
            }
            add(line)
        }
        fields += 1
        if fields > limits.headerFields { throw .tooManyFields }
        return false
    }

    private mutating func add(_ line: UnsafeRawBufferPointer) {
        if Self.isBlank(line[0]) { return headers.fold(Self.trimmed(line[...])) }
        // A line without a colon is no field; libcurl lets it pass.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        headers.add(.init(name: Self.trimmed(line[..<colon]), value: Self.trimmed(line[(colon + 1)...])))
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        var bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return Array(bytes)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { isBlank(byte) || isLineEnd(byte) }
    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") }
}
