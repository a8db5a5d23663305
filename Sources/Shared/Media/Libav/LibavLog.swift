import CFFmpeg
import Glibc
import Logging
import Synchronization

/// Brings libav's log, one for the whole process, to swift-log.
///
/// A line of libav is an observation, not a verdict of ours, so levels are mapped one step down: its errors are our
/// warnings. A damaged file can cause a line per packet, so each run may log a limited number of them.
enum LibavLog {
    private struct State {
        var logger: Logger?
        var remainingLines = 0
        /// Error lines of threads that asked for them, by thread.
        var captured: [pthread_t: [String]] = [:]
    }

    private static let linesPerRun = 200
    private static let state = Mutex(State())
    /// Lines above this level are not even formatted.
    private static let threshold = Atomic<Int32>(AV_LOG_WARNING)

    /// Directs libav's lines to `logger` from now on. One process works on one file at a time; should several run,
    /// lines go to the logger that came last.
    static func install(_ logger: Logger) {
        let level = logger.logLevel <= .debug ? AV_LOG_VERBOSE : AV_LOG_WARNING
        threshold.store(level, ordering: .relaxed)
        state.withLock {
            $0.logger = logger
            $0.remainingLines = linesPerRun
        }
        av_log_set_callback { object, level, format, arguments in
            LibavLog.receive(object, level, format, arguments)
        }
    }

    /// Runs `body`, and returns with its result the error lines that libav logged on this thread meanwhile: they say
    /// more than the error codes do ("moov atom not found").
    static func capturing<Result>(
        _ body: () throws(MediaError) -> Result
    ) throws(MediaError) -> (result: Result, lines: [String]) {
        let thread = pthread_self()
        state.withLock { $0.captured[thread] = [] }
        do {
            let result = try body()
            return (result, endCapture(thread))
        } catch {
            _ = endCapture(thread)
            throw error
        }
    }

    private static func endCapture(_ thread: pthread_t) -> [String] {
        state.withLock { $0.captured.removeValue(forKey: thread) ?? [] }
    }

    private static func receive(
        _ object: UnsafeMutableRawPointer?,
        _ level: Int32,
        _ format: UnsafePointer<CChar>?,
        _ arguments: CVaListPointer?
    ) {
        guard level <= threshold.load(ordering: .relaxed), let format, let arguments else { return }
        let line = line(level, format, arguments)
        guard !line.isEmpty else { return }
        let thread = pthread_self()
        let logger = state.withLock { state -> Logger? in
            if level <= AV_LOG_ERROR, (state.captured[thread]?.count ?? .max) < 8 {
                state.captured[thread]?.append(line)
            }
            guard state.remainingLines > 0 else { return nil }
            state.remainingLines -= 1
            return state.logger
        }
        let component = shim_log_component(object).map { String(cString: $0) } ?? "libav"
        logger?.log(level: loggerLevel(level), "\(line)", metadata: ["libav.component": "\(component)"])
    }

    /// One line, without control characters: parts of it may come from the file.
    private static func line(_ level: Int32, _ format: UnsafePointer<CChar>, _ arguments: CVaListPointer) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            var printsPrefix: Int32 = 0
            guard av_log_format_line2(nil, level, format, arguments, base, Int32(buffer.count), &printsPrefix) >= 0
            else { return "" }
            let text = String(cString: base).unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }
            var scalars = String.UnicodeScalarView(text)
            while scalars.last == " " { scalars.removeLast() }
            return String(scalars)
        }
    }

    private static func loggerLevel(_ level: Int32) -> Logger.Level {
        switch level {
        case ...AV_LOG_FATAL: .error
        case ...AV_LOG_ERROR: .warning
        case ...AV_LOG_WARNING: .notice
        case ...AV_LOG_INFO: .debug
        default: .trace
        }
    }
}
