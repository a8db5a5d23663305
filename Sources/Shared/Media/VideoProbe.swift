public import Logging

/// Reads what a file is, without decoding it.
public enum VideoProbe {
    /// Blocks; for a thread of the caller's own.
    ///
    /// - Parameter path: a local file. Only this file is opened, whatever it refers to.
    /// - Throws: `unreadable`, `noVideoStream`, `containerNotAllowed`, `unsupported` (all permanent); `readFailed`.
    public static func probe(path: String, logger: Logger) throws(MediaError) -> VideoMetadata {
        throw MediaError(code: .internalFailure, message: "not yet", isRetriable: false)
    }
}
