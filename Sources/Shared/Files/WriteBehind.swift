/// Has the system write a file to the device while it still grows, so that little is left to wait for when the file is
/// whole and must be there.
package struct WriteBehind: Sendable {
    /// Less would cost a call for little, more would leave much for the end.
    private static let stepBytes: Int64 = 8 << 20

    /// Where the bytes begin that the system has not been asked to write.
    private var position: Int64 = 0

    package init() {}

    /// - Parameter end: of the bytes that are in the file now.
    package mutating func didWrite(upTo end: Int64, of file: borrowing OpenFile) {
        guard end - position >= Self.stepBytes else { return }
        file.startWriting(from: position, count: end - position)
        position = end
    }
}
