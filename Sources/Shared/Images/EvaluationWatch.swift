internal import CVips
import Synchronization

/// Follows the computation of one picture: reports how far it is, and stops it when the caller cancels.
///
/// libvips holds an unretained pointer to this object between ``attach(to:)`` and ``detach()``; the latter also runs
/// before the object goes away.
final class EvaluationWatch {
    private let progress: @Sendable (Double) -> Void
    let isCancelled: @Sendable () -> Bool
    /// Of the file that the picture is read from.
    let readFailure = ReadFailure()
    private let limits: ImageLimits
    /// Bytes that libvips held before.
    private let memoryBefore = Int64(clamping: vips_tracked_get_mem())
    /// Bytes that libvips holds beyond them, once that is too much; 0 until then.
    private let outgrown = Atomic<Int64>(0)
    // Atomic, as libvips does not promise which thread it calls back on.
    private let cancelled = Atomic(false)
    private var connection: (image: UnsafeMutablePointer<VipsImage>, handler: gulong)?

    init(
        limits: ImageLimits,
        progress: @escaping @Sendable (Double) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.limits = limits
        self.progress = progress
        self.isCancelled = isCancelled
    }

    deinit { detach() }

    /// Follows everything that is computed from `picture` from now on, instead of the picture before.
    func attach(to picture: borrowing VipsPicture) {
        detach()
        let image = picture.pointer
        g_object_ref(image)
        vips_image_set_progress(image, 1)
        let handler = cvips_connect_eval(
            image,
            { image, progress, context in
                guard let context else { return }
                Unmanaged<EvaluationWatch>.fromOpaque(context).takeUnretainedValue()
                    .tick(image, percent: progress?.pointee.percent ?? 0)
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
        connection = (image, handler)
    }

    func detach() {
        guard let (image, handler) = connection else { return }
        connection = nil
        g_signal_handler_disconnect(image, handler)
        g_object_unref(image)
    }

    private func tick(_ image: UnsafeMutablePointer<VipsImage>?, percent: Int32) {
        if isCancelled() { cancelled.store(true, ordering: .relaxed) }
        let held = Int64(clamping: vips_tracked_get_mem()) - memoryBefore
        if held > limits.maxMemoryBytes { outgrown.store(held, ordering: .relaxed) }
        if cancelled.load(ordering: .relaxed) || held > limits.maxMemoryBytes, let image {
            vips_image_set_kill(image, 1)
        } else {
            progress(Double(min(max(percent, 0), 100)) / 100)
        }
    }

    /// - Throws: ``ImageError/Code/cancelled`` if the caller wants to stop.
    func checkCancellation() throws(ImageError) {
        if cancelled.load(ordering: .relaxed) || isCancelled() {
            throw ImageError(.cancelled, "the conversion was cancelled")
        }
    }

    /// Runs `body`, and turns the failure that a stopped computation ends in into a cancellation.
    func following<T: ~Copyable>(
        _ picture: borrowing VipsPicture,
        _ body: () throws(ImageError) -> T
    ) throws(ImageError) -> T {
        attach(to: picture)
        defer { detach() }
        return try interruptible(body)
    }

    /// Runs `body`, and turns the failure that an interrupted read ends in into a cancellation.
    func interruptible<T: ~Copyable>(_ body: () throws(ImageError) -> T) throws(ImageError) -> T {
        do {
            return try body()
        } catch {
            try checkCancellation()
            let held = outgrown.load(ordering: .relaxed)
            if held > 0 { throw limits.outgrown(held) }
            // A read that failed is not the picture's fault, whatever the decoder says.
            throw readFailure.error ?? error
        }
    }
}
