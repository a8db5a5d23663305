internal import Files
internal import Glibc
internal import Text
internal import Threads

/// A file of certificates of authorities (`TLS_CA_FILE`), as long as it can be used.
enum AuthoritiesFile {
    /// More of it is not looked at.
    private static let maximumBytes = 4 << 20

    /// Why it cannot be used; nil when it can. Blocks.
    static func problem(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return "\(path) cannot be opened: \(systemMessage(errno))" }
        defer { close(file) }
        guard let status = FileStatus(descriptor: file), status.kind == .file else { return "\(path) is no file" }
        var bytes = [UInt8](repeating: 0, count: min(Int(clamping: status.sizeBytes), maximumBytes))
        let count = read(file, &bytes, bytes.count)
        bytes = Array(bytes.prefix(max(count, 0)))
        return hasCertificate(bytes) ? nil : "\(path) has no certificate in PEM"
    }

    /// Also `BEGIN TRUSTED CERTIFICATE` and `BEGIN X509 CERTIFICATE`.
    private static func hasCertificate(_ bytes: [UInt8]) -> Bool {
        bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }).contains { line in
            line.starts(with: "-----BEGIN ".utf8) && line.reversed().starts(with: "CERTIFICATE-----".utf8.reversed())
        }
    }
}

/// Looks at `TLS_CA_FILE` when somebody asks for the tree's health. A file system may hang, so nobody waits long, and
/// there is one look at a time.
actor AuthoritiesWatch {
    private let patience: Duration
    private let look: @Sendable (String) -> String?
    private var isLooking = false
    private var last: (path: String, problem: String?)?

    /// - Parameter look: at a file; may block.
    init(
        patience: Duration = .seconds(1),
        look: @escaping @Sendable (String) -> String? = AuthoritiesFile.problem
    ) {
        self.patience = patience
        self.look = look
    }

    /// - Parameter path: nil when none is set.
    /// - Returns: why it cannot be used; nil when it can.
    func problem(_ path: String?) async -> String? {
        guard let path else { return nil }
        // One that goes on answers soon, or the one before has said that it does not.
        if isLooking { return last?.path == path ? last?.problem : nil }
        isLooking = true
        let question = Question { [self] () -> String? in
            let found = await OwnThread.run { [look] in look(path) }
            await endLook(path, found)
            return found
        }
        guard let problem = await question.answer(within: patience) else {
            last = (path, "\(path) is on a file system that does not answer")
            return last?.problem
        }
        return problem
    }

    private func endLook(_ path: String, _ found: String?) {
        (isLooking, last) = (false, (path, found))
    }
}
