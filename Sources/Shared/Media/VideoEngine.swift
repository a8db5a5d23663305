package import Logging
import Threads

/// Makes all outputs of a plan in one pass over the source.
///
/// Everything here blocks: call it on a thread of your own, never on the cooperative pool.
package struct VideoEngine: Sendable {
    /// The number of threads of the codecs.
    package struct Threads: Sendable, Equatable {
        /// Threads of the decoder, 1 to 16.
        package var decoder: Int
        /// Threads of each rendition's encoder, 1 to 16. Renditions always run beside each other.
        package var encoder: Int

        package init(decoder: Int, encoder: Int) {
            self.decoder = min(max(decoder, 1), 16)
            self.encoder = min(max(encoder, 1), 16)
        }
    }

    /// The engine's questions and reports to its caller. `outputPath`, `progress` and `onWrite` are called from threads
    /// of the engine, one call at a time, never concurrently.
    package struct Callbacks: Sendable {
        /// The absolute path to write a planned file to. Called once per file *before* it is created, so that the
        /// caller can record it first. May throw: the run then ends with `outputRefused`.
        package var outputPath: @Sendable (_ fileName: String) throws -> String
        /// The size that a file is about to reach, asked before every write that makes it larger. May throw: the run
        /// then ends with `outputRefused`, and that write did not happen. Called concurrently for different files; may
        /// block.
        package var willGrow: @Sendable (_ fileName: String, _ totalBytes: Int64) throws -> Void
        /// The share of the source that has been decoded, 0…1, never decreasing; 1 once all files are complete.
        package var progress: @Sendable (Double) -> Void
        /// The size of a file so far, about once per MiB, and once when it is complete.
        package var onWrite: @Sendable (_ fileName: String, _ totalBytes: Int64) -> Void
        /// Asked at every packet and frame, from any thread of the engine, possibly concurrently: be quick.
        package var isCancelled: @Sendable () -> Bool

        package init(
            outputPath: @escaping @Sendable (_ fileName: String) throws -> String,
            willGrow: @escaping @Sendable (_ fileName: String, _ totalBytes: Int64) throws -> Void = { _, _ in },
            progress: @escaping @Sendable (Double) -> Void = { _ in },
            onWrite: @escaping @Sendable (_ fileName: String, _ totalBytes: Int64) -> Void = { _, _ in },
            isCancelled: @escaping @Sendable () -> Bool = { false }
        ) {
            self.outputPath = outputPath
            self.willGrow = willGrow
            self.progress = progress
            self.onWrite = onWrite
            self.isCancelled = isCancelled
        }
    }

    package let plan: MediaPlan
    let logger: Logger
    let threads: Threads

    package init(plan: MediaPlan, logger: Logger, threads: Threads = .automatic()) {
        self.plan = plan
        self.logger = logger
        self.threads = threads
    }

    /// Loads what is loaded with the first picture that needs it otherwise: for a process that can open no file later.
    package static func loadFilters() { _ = FilterLibrary.shared }

    /// Runs the plan. On an error the files that were created stay, for the caller to delete.
    package func run(input: String, callbacks: Callbacks) throws(MediaError) -> VideoResult {
        try plan.validate()
        LibavLog.install(logger)
        let state = RunState(callbacks: callbacks)
        do throws(MediaError) {
            return try ThreadName.with("decode") { () throws(MediaError) in
                try withExtendedLifetime(state) { () throws(MediaError) in
                    try VideoRun(plan: plan, path: input, threads: threads, state: state, logger: logger).run()
                }
            }
        } catch {
            if error.code == .cancelled { Self.log(state.pictures, logger) }
            throw error
        }
    }
}

extension VideoEngine {
    /// Logs how far a cancelled run has come, so that it can be told from one that went on.
    private static func log(_ pictures: (decoded: Int, encoded: Int), _ logger: Logger) {
        logger.info(
            "the video's work was cancelled",
            metadata: ["pictures.decoded": "\(pictures.decoded)", "pictures.encoded": "\(pictures.encoded)"]
        )
    }
}
