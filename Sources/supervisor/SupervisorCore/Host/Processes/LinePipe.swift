internal import CLinux
internal import Glibc

/// Our end of a pipe that a child writes lines to.
struct LinePipe {
    /// To poll; -1 when all writers have closed theirs.
    private(set) var descriptor: CInt
    private var splitter = LineSplitter()
    private let sink: @Sendable ([UInt8]) -> Void

    /// A child that never stops writing must not keep the thread from the other children.
    private static let piecesPerTurn = 16

    /// - Parameters:
    ///   - writeEnd: the child's end, to be closed when the child has it.
    ///   - sink: gets each line without its line feed.
    init(writeEnd: inout CInt, sink: @escaping @Sendable ([UInt8]) -> Void) throws(FileFailure) {
        let pipe = try PipeEnds.make()
        _ = fcntl(pipe.readEnd, F_SETFL, O_NONBLOCK)
        descriptor = pipe.readEnd
        writeEnd = pipe.writeEnd
        self.sink = sink
    }

    /// Reads the bytes that are there, up to a bound.
    mutating func read() { read(pieces: Self.piecesPerTurn) }

    /// The child is gone: reads all that is left, and closes.
    ///
    /// - Parameter deliversRest: whether a last line without a line feed counts.
    mutating func end(deliversRest: Bool) {
        // Nobody fills it any more: a pipe holds 64 KiB.
        read(pieces: Self.piecesPerTurn)
        if deliversRest, let rest = splitter.takeRest() { sink(rest) }
        close()
    }

    mutating func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private mutating func read(pieces: Int) {
        guard descriptor >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        for _ in 0..<pieces {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                for line in splitter.add(buffer[..<count]) { sink(line) }
                continue
            }
            if count < 0, errno == EINTR { continue }
            if count == 0 || errno != EAGAIN { close() }
            return
        }
    }
}
