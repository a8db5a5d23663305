internal import CLinux
internal import Glibc

/// Wakes a thread that polls: ``wake()`` makes ``readEnd`` readable.
package final class WakePipe: Sendable {
    /// The process may have no more descriptors.
    package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        package var errno: CInt

        package var description: String { "cannot make a pipe: \(String(cString: strerror(errno))) (errno \(errno))" }
    }

    package let readEnd: CInt
    private let writeEnd: CInt

    package init() throws(Failure) {
        var ends: [CInt] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { throw Failure(errno: errno) }
        (readEnd, writeEnd) = (ends[0], ends[1])
        // A full pipe wakes as well as one more byte would.
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    package func wake() {
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }

    /// Makes the pipe quiet again and returns how often it was woken, at most 64.
    @discardableResult
    package func drain() -> Int {
        var bytes = [UInt8](repeating: 0, count: 64)
        return max(0, read(readEnd, &bytes, bytes.count))
    }
}
