internal import CLinux
internal import Glibc

/// One owned file descriptor. It is closed when the value's life ends, or earlier and with the error by `close()`.
package struct OpenFile: ~Copyable, Sendable {
    package private(set) var descriptor: CInt
    /// For error messages only.
    package let path: String

    /// Takes ownership of `descriptor`.
    package init(owning descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { if descriptor >= 0 { _ = Glibc.close(descriptor) } }

    /// Closes now and reports the error of a deferred write.
    package consuming func close() throws(FileSystemError) {
        let closing = descriptor
        descriptor = -1
        // Linux frees the descriptor whatever close returns, so it is never called twice.
        if Glibc.close(closing) != 0, errno != EINTR { throw .init(operation: "close", path: path, errno: errno) }
    }

    /// Reads up to `buffer.count` bytes. 0 is the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileSystemError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .init(operation: "read", path: path, errno: errno) }
        }
    }

    /// Writes all of `bytes`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileSystemError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno != EINTR {
                throw .init(operation: "write", path: path, errno: errno)
            }
        }
    }

    /// Writes all of `bytes`.
    package func write(_ bytes: [UInt8]) throws(FileSystemError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(FileSystemError) in try write(bytes) }
        }
        try result.get()
    }

    /// Returns when the file's bytes and size are on the device.
    package func synchronize() throws(FileSystemError) {
        if fsync(descriptor) != 0 { throw .init(operation: "fsync", path: path, errno: errno) }
    }

    /// As ``synchronize()``, piece by piece: most of the time that a large file takes can be cut short.
    ///
    /// - Parameter willWait: called before each piece; an error that it throws ends the call, and nothing is promised
    ///   about the file.
    package func synchronize(willWait: () throws -> Void) throws {
        let size = try status().sizeBytes
        var position: Int64 = 0
        // A file of one write is synchronized as one.
        if size > Self.synchronizedPieceBytes {
            startWriting()
            while position < size {
                try willWait()
                clinux_wait_for_writing(descriptor, position, Self.synchronizedPieceBytes)
                position += Self.synchronizedPieceBytes
            }
        }
        try willWait()
        try synchronize()
    }

    private static let synchronizedPieceBytes: Int64 = 8 << 20

    /// Has the system begin to write the file's bytes to the device, without waiting for it.
    package func startWriting() { clinux_start_writing(descriptor, 0, 0) }

    /// As ``startWriting()``, of a part of the file.
    func startWriting(from offset: Int64, count: Int64) { clinux_start_writing(descriptor, offset, count) }

    /// Locks the file until it is closed, against all other openings of it, or answers false when another holds the
    /// lock. The kernel drops it when the process dies.
    package func tryLock() throws(FileSystemError) -> Bool {
        switch clinux_lock_exclusively(descriptor) {
        case 0: return true
        case EAGAIN, EACCES: return false
        case let failure: throw .init(operation: "lock", path: path, errno: failure)
        }
    }

    package func status() throws(FileSystemError) -> FileStatus {
        if let status = FileStatus(descriptor: descriptor) { return status }
        throw .init(operation: "fstat", path: path, errno: errno)
    }

    /// Reads to the end in pieces of up to 1 MiB.
    ///
    /// - Returns: the bytes read.
    package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int64 {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { piece.deallocate() }
        var total: Int64 = 0
        while true {
            let count = try read(into: piece)
            if count == 0 { return total }
            total += Int64(count)
            try body(UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
    }

    /// Copies the rest of `source` to the end of this file and returns the bytes copied.
    ///
    /// - Parameter didWrite: called after each piece with the total so far; an error that it throws ends the copy.
    package func append(
        contentsOf source: borrowing OpenFile,
        didWrite: (Int64) throws -> Void
    ) throws -> Int64 {
        var total: Int64 = 0
        return try source.forEachPiece { piece in
            try write(piece)
            total += Int64(piece.count)
            try didWrite(total)
        }
    }
}
