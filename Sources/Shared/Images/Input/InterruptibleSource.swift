internal import CVips
internal import Files
import Glibc
import Synchronization

/// An image file whose reads fail once the caller wants to stop: a decoder that takes a picture in one call then comes
/// to an end at its next read, long before its last.
///
/// libvips owns the object, through the connected handlers, until the source goes. It reads from one thread at a time.
final class InterruptibleSource {
    private let descriptor: Int32
    private let window: Range<Int>
    /// Bytes that are read behind the last one of the window.
    private let suffix: [UInt8]
    /// The whole file, for a decoder whose reads must not fail; nil reads from the descriptor.
    private let held: [UInt8]?
    private let failure: ReadFailure
    private let isCancelled: @Sendable () -> Bool
    /// From the start of the window on.
    private var position = 0

    /// - Parameters:
    ///   - window: the bytes of the file that are the picture.
    ///   - failure: learns the `errno` of a read that failed.
    /// - Returns: nil when there is no descriptor to be had; `errno` tells why.
    init?(
        _ source: SourceBytes,
        window: Range<Int>,
        suffix: [UInt8],
        held: [UInt8]?,
        failure: ReadFailure,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        // A picture may outlive the file that it was opened from.
        let own = fcntl(source.descriptor, F_DUPFD_CLOEXEC, 0)
        if own < 0 { return nil }
        descriptor = own
        self.window = window
        self.suffix = suffix
        self.held = held
        self.failure = failure
        self.isCancelled = isCancelled
    }

    deinit { close(descriptor) }

    /// A reference of the caller's.
    func vipsSource() -> UnsafeMutablePointer<VipsSource>? {
        cvips_source(
            { context, buffer, count in
                guard let context else { return -1 }
                return Unmanaged<InterruptibleSource>.fromOpaque(context).takeUnretainedValue().read(buffer, count)
            },
            { context, offset, whence in
                guard let context else { return -1 }
                return Unmanaged<InterruptibleSource>.fromOpaque(context).takeUnretainedValue().seek(offset, whence)
            },
            { context in
                if let context { Unmanaged<InterruptibleSource>.fromOpaque(context).release() }
            },
            Unmanaged.passRetained(self).toOpaque()
        )
    }

    /// 0 is the end of the file, -1 a failure.
    private func read(_ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
        if held == nil, isCancelled() { return -1 }
        guard let buffer, count > 0 else { return 0 }
        if position >= window.count { return copy(suffix.dropFirst(position - window.count), to: buffer, count) }
        if let held { return copy(held.dropFirst(window.lowerBound + position), to: buffer, count) }
        while true {
            let got = pread(descriptor, buffer, min(count, window.count - position), window.lowerBound + position)
            if got < 0 {
                if errno == EINTR { continue }
                failure.note(errno)
            }
            if got > 0 { position += got }
            return got
        }
    }

    private func copy(_ bytes: ArraySlice<UInt8>, to buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let rest = bytes.prefix(count)
        rest.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { buffer.copyMemory(from: start, byteCount: bytes.count) }
        }
        position += rest.count
        return rest.count
    }

    private func seek(_ offset: Int, _ whence: Int32) -> Int {
        let base: Int
        switch whence {
        case SEEK_SET: base = 0
        case SEEK_CUR: base = position
        case SEEK_END: base = window.count + suffix.count
        default: return -1
        }
        let (target, overflow) = base.addingReportingOverflow(offset)
        if overflow || target < 0 { return -1 }
        position = target
        return target
    }
}

/// The first system error of the reads of one image: the file is at fault then, and not the picture.
final class ReadFailure: Sendable {
    private let code = Atomic<Int32>(0)

    func note(_ error: Int32) { _ = code.compareExchange(expected: 0, desired: error, ordering: .relaxed) }

    var error: ImageError? {
        let found = code.load(ordering: .relaxed)
        return found == 0 ? nil : SourceBytes.unreadable("the image", found)
    }
}
