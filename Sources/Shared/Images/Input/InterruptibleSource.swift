internal import CVips
internal import Files
import Glibc

/// An image file whose reads fail once the caller wants to stop: a decoder that takes a picture in one call then comes
/// to an end at its next read, long before its last.
///
/// libvips owns the object, through the connected handlers, until the source goes. It reads from one thread at a time.
final class InterruptibleSource {
    private let descriptor: Int32
    private let isCancelled: @Sendable () -> Bool
    private var position = 0

    private init(descriptor: Int32, isCancelled: @escaping @Sendable () -> Bool) {
        self.descriptor = descriptor
        self.isCancelled = isCancelled
    }

    deinit { close(descriptor) }

    /// - Returns: a reference of the caller's; nil when there is no descriptor to be had.
    static func make(
        reading descriptor: Int32,
        isCancelled: @escaping @Sendable () -> Bool
    ) -> UnsafeMutablePointer<VipsSource>? {
        // A picture may outlive the file that it was opened from.
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        if own < 0 { return nil }
        let reader = InterruptibleSource(descriptor: own, isCancelled: isCancelled)
        return cvips_source(
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
            Unmanaged.passRetained(reader).toOpaque()
        )
    }

    /// 0 is the end of the file, -1 a failure.
    private func read(_ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
        if isCancelled() { return -1 }
        while true {
            let got = pread(descriptor, buffer, max(count, 0), position)
            if got < 0, errno == EINTR { continue }
            if got > 0 { position += got }
            return got
        }
    }

    private func seek(_ offset: Int, _ whence: Int32) -> Int {
        let base: Int
        switch whence {
        case SEEK_SET: base = 0
        case SEEK_CUR: base = position
        case SEEK_END:
            guard let status = FileStatus(descriptor: descriptor) else { return -1 }
            base = Int(status.sizeBytes)
        default: return -1
        }
        let (target, overflow) = base.addingReportingOverflow(offset)
        if overflow || target < 0 { return -1 }
        position = target
        return target
    }
}
