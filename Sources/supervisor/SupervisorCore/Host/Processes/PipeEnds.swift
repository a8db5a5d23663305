internal import CLinux
internal import Glibc

/// The ends of a pipe, which no child inherits unless it is told to.
struct PipeEnds: Sendable {
    var readEnd: CInt
    var writeEnd: CInt

    static func make() throws(FileFailure) -> PipeEnds {
        var ends: [CInt] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { throw FileFailure(operation: "make", path: "a pipe", errno: errno) }
        return PipeEnds(readEnd: ends[0], writeEnd: ends[1])
    }
}
