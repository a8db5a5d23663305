internal import Glibc

/// A pipe that nobody writes to. Its write end closes with this process, by whatever end, and with that the children
/// know.
final class Lifeline: Sendable {
    let readEnd: CInt
    private let writeEnd: CInt

    init() throws(FileFailure) {
        let pipe = try PipeEnds.make()
        (readEnd, writeEnd) = (pipe.readEnd, pipe.writeEnd)
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }
}
