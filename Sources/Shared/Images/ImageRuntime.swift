internal import CVips
package import Logging
import Synchronization

/// libvips itself: one per process, started once and never stopped.
package enum ImageRuntime {
    private enum State {
        case idle
        case started
        case failed(ImageError)
    }

    private static let state = Mutex(State.idle)
    private static let logger = Mutex(Logger(label: "images"))

    /// Starts libvips; later calls only repeat the result of the first one. Any thread may call it, and ``ImageEngine``
    /// does.
    ///
    /// Only loaders of ``SourceFormat`` stay usable in the process: everything that libvips itself marks as untrusted
    /// is blocked, and then every loader but those. Which of them a file gets to is decided by its first bytes, before
    /// libvips opens it. Nothing is cached between images, as no image comes twice.
    ///
    /// - Parameters:
    ///   - concurrency: threads that work on one image; `nil` leaves it to libvips (`VIPS_CONCURRENCY`, or one for each
    ///     processor).
    ///   - logger: gets the lines that libvips and GLib would print, at debug level unless they are errors.
    /// - Throws: ``ImageError/Code/runtimeUnavailable``.
    package static func start(concurrency: Int? = nil, logger: Logger? = nil) throws(ImageError) {
        if let logger { self.logger.withLock { $0 = logger } }
        let failure = state.withLock { state -> ImageError? in
            switch state {
            case .started: return nil
            case .failed(let error): return error
            case .idle: break
            }
            redirectMessages()
            guard vips_init("media-processor") == 0 else {
                let error = ImageError(
                    .runtimeUnavailable,
                    "libvips could not be started (\(VipsMessage.take())): check that libvips42 is installed completely"
                )
                state = .failed(error)
                return error
            }
            blockForeignLoaders()
            vips_cache_set_max(0)
            vips_cache_set_max_mem(0)
            vips_cache_set_max_files(0)
            if let concurrency { vips_concurrency_set(Int32(clamping: max(1, concurrency))) }
            state = .started
            return nil
        }
        if let failure { throw failure }
    }

    private static func blockForeignLoaders() {
        vips_block_untrusted_set(1)
        vips_operation_block_set("VipsForeignLoad", 1)
        for format in SourceFormat.allCases { vips_operation_block_set(format.loaderClass, 0) }
    }

    /// GLib's messages otherwise go to standard error in a format of their own.
    private static func redirectMessages() {
        _ = g_log_set_default_handler(
            { domain, level, text, _ in
                let words = text.map { String(cString: $0) } ?? ""
                let source = domain.map { String(cString: $0) } ?? "GLib"
                let isError = level.rawValue & (G_LOG_LEVEL_ERROR.rawValue | G_LOG_LEVEL_CRITICAL.rawValue) != 0
                ImageRuntime.logger.withLock { $0 }
                    .log(level: isError ? .error : .debug, "\(words)", metadata: ["library": "\(source)"])
            },
            nil
        )
    }
}
