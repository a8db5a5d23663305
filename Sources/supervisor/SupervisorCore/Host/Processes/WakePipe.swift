internal import Glibc

/// Wakes a thread that polls: whoever writes makes ``readEnd`` readable.
final class WakePipe: Sendable {
    let readEnd: CInt
    private let writeEnd: CInt

    init() throws(FileFailure) {
        let pipe = try PipeEnds.make()
        (readEnd, writeEnd) = (pipe.readEnd, pipe.writeEnd)
        // A full pipe wakes as well as one more byte would.
        for end in [readEnd, writeEnd] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func wake() {
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }

    /// Makes the pipe quiet again and returns how often it was woken, at most 64.
    @discardableResult
    func drain() -> Int {
        var bytes = [UInt8](repeating: 0, count: 64)
        return max(0, read(readEnd, &bytes, bytes.count))
    }
}
