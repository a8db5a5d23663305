internal import Logging

/// The text that children write to standard output and standard error of their own accord: the last words of a crash,
/// complaints of libraries. Their log lines do not come this way.
enum ChildOutput {
    /// A sink that logs each line under the child's name.
    static func logging(as process: String) -> @Sendable ([UInt8]) -> Void {
        let logger = Logger(label: process)
        return { line in
            let text = String(decoding: line, as: UTF8.self)
            if !text.allSatisfy(\.isWhitespace) { logger.warning("\(text)", metadata: ["stream": "output"]) }
        }
    }
}
