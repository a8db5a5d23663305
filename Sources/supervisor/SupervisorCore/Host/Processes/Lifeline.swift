internal import Glibc

/// A pipe that nobody writes to. Its write end closes when this process ends, however it ends, and that tells the
/// children of it.
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
