internal import Glibc

/// Supplies the body of a request piece by piece, and again from the start where libcurl has to send it once more.
struct BodyReader {
    private let body: WebRequest.Body?
    private(set) var position: Int64 = 0

    init(_ body: WebRequest.Body?) { self.body = body }

    /// - Returns: the number of bytes that are now in `buffer`; 0 at the end.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(WebError) -> Int {
        let count = Int(min(Int64(buffer.count), (body?.count ?? 0) - position))
        guard count > 0 else { return 0 }
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        switch body {
        case nil: return 0
        case .bytes(let bytes):
            part.copyBytes(from: bytes[Int(position)..<Int(position) + count])
            position += Int64(count)
            return count
        case .file(let descriptor, let offset, _):
            let (place, overflow) = offset.addingReportingOverflow(position)
            let got = overflow ? 0 : pread(descriptor, part.baseAddress, count, off_t(place))
            guard got > 0 else {
                throw WebError(
                    .unreadableBody,
                    got == 0
                        ? "the file to send has become shorter" : "the file to send cannot be read (errno \(errno))",
                    isRetriable: got < 0
                )
            }
            position += Int64(got)
            return got
        }
    }

    /// - Returns: whether there is such a place.
    mutating func seek(to position: Int64) -> Bool {
        guard position >= 0, position <= body?.count ?? 0 else { return false }
        self.position = position
        return true
    }
}
