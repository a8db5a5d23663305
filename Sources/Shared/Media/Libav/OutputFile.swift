import CFFmpeg
import Glibc

/// A file that libav writes through us, so that every byte is asked for before it is on disk.
///
/// Not thread-safe: a muxer's calls come one at a time.
final class OutputFile {
    let fileName: String
    let state: RunState
    private var descriptor: CInt
    private(set) var context: UnsafeMutablePointer<AVIOContext>?
    private var position: Int64 = 0
    private(set) var sizeBytes: Int64 = 0
    /// The caller's refusal when it was asked for room, or the kernel's error.
    private(set) var refusal: MediaError?
    private static let bufferBytes = 1 << 18

    init(path: String, fileName: String, state: RunState) throws(MediaError) {
        self.fileName = fileName
        self.state = state
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .write(shim_error(errno), fileName: fileName) }
        guard let buffer = av_malloc(Self.bufferBytes) else { throw .outOfMemory }
        context = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self),
            CInt(Self.bufferBytes),
            1,
            Unmanaged.passUnretained(self).toOpaque(),
            nil,
            { file, bytes, count in
                guard let file else { return shim_error(EBADF) }
                let bytes = UnsafeRawBufferPointer(start: bytes, count: Int(max(count, 0)))
                return Unmanaged<OutputFile>.fromOpaque(file).takeUnretainedValue().write(bytes)
            },
            { file, offset, whence in
                guard let file else { return Int64(shim_error(EBADF)) }
                return Unmanaged<OutputFile>.fromOpaque(file).takeUnretainedValue().seek(offset, whence)
            }
        )
        guard let context else {
            av_free(buffer)
            throw .outOfMemory
        }
        // A muxer flushes after each packet; a system call for each would be too many.
        context.pointee.min_packet_size = CInt(Self.bufferBytes)
    }

    deinit {
        freeContext()
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Writes the buffered bytes. The muxer is done.
    func flush() throws(MediaError) {
        guard let context else { return }
        avio_flush(context)
        let status = context.pointee.error
        freeContext()
        if let refusal { throw refusal }
        if status < 0 { throw .write(status, fileName: fileName) }
    }

    /// Closes. Returns the file's size in bytes.
    func close() throws(MediaError) -> Int64 {
        try flush()
        let closing = descriptor
        descriptor = -1
        if Glibc.close(closing) != 0, errno != EINTR { throw .write(shim_error(errno), fileName: fileName) }
        return sizeBytes
    }

    /// Writes at a place of the file, which grows if need be.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(MediaError) {
        let (end, overflow) = offset.addingReportingOverflow(Int64(bytes.count))
        guard !overflow, offset >= 0 else { throw .write(shim_error(EFBIG), fileName: fileName) }
        try state.checkpoint()
        if end > sizeBytes { try state.allowGrowth(of: fileName, to: end) }
        var rest = bytes
        var position = offset
        while !rest.isEmpty {
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(position))
            if count < 0, errno == EINTR { continue }
            if count <= 0 { throw .write(shim_error(count < 0 ? errno : EIO), fileName: fileName) }
            position += Int64(count)
            sizeBytes = max(sizeBytes, position)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws(MediaError) {
        let result = bytes.withUnsafeBytes { bytes -> Result<Void, MediaError> in
            Result { () throws(MediaError) in try write(bytes, at: offset) }
        }
        try result.get()
    }

    /// Runs `body` with a second descriptor of the file, for reading.
    func reading<Result>(_ body: (CInt) throws(MediaError) -> Result) throws(MediaError) -> Result {
        let reader = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard reader >= 0 else { throw .write(shim_error(errno), fileName: fileName) }
        defer { _ = Glibc.close(reader) }
        return try body(reader)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> CInt {
        // The error of an earlier write must not be hidden by a later one that works.
        if refusal != nil { return shim_error(EIO) }
        let (end, overflow) = position.addingReportingOverflow(Int64(bytes.count))
        if overflow { return shim_error(EFBIG) }
        do throws(MediaError) {
            try write(bytes, at: position)
            position = end
            return CInt(clamping: bytes.count)
        } catch {
            refusal = error
            return shim_error(EIO)
        }
    }

    private func seek(_ offset: Int64, _ whence: CInt) -> Int64 {
        if whence & AVSEEK_SIZE != 0 { return sizeBytes }
        let base: Int64
        switch whence & ~AVSEEK_FORCE {
        case SEEK_SET: base = 0
        case SEEK_CUR: base = position
        case SEEK_END: base = sizeBytes
        default: return Int64(shim_error(EINVAL))
        }
        let (target, overflow) = base.addingReportingOverflow(offset)
        if overflow || target < 0 { return Int64(shim_error(EINVAL)) }
        position = target
        return target
    }

    private func freeContext() {
        guard let owned = context else { return }
        // libav may have replaced the buffer.
        av_freep(&owned.pointee.buffer)
        avio_context_free(&context)
        context = nil
    }
}
