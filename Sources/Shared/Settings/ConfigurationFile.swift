internal import Glibc
internal import Text

/// `CONFIG_FILE`: settings as lines of `KEY=VALUE`.
struct ConfigurationFile {
    private(set) var variables: [String: String] = [:]
    /// Everything that is wrong with the file but for the values.
    private(set) var problems: [SettingsError.Problem] = []

    private static let maximumBytes = 1 << 20

    init() {}

    init(path: String) {
        do {
            self.init(parsing: try Self.text(path))
        } catch {
            self.init()
            complain(error.message)
        }
    }

    private static func text(_ path: String) throws(SettingsReader.ParseFailure) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .init(message: "cannot open \(path): \(systemMessage(errno))") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .init(message: "cannot read \(path): \(systemMessage(errno))") }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
            guard bytes.count <= maximumBytes else {
                throw .init(message: "\(path) has more than \(maximumBytes) bytes")
            }
        }
    }

    /// Blank lines and lines that begin with `#` mean nothing. A value is taken as it is, without the spaces around it.
    init(parsing text: String) {
        let known = Set(Settings.catalogue.map(\.name)).subtracting([PlaceSettings.configurationFileName])
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in zip(1..., lines.map(\.trimmed)) where !line.isEmpty && !line.hasPrefix("#") {
            guard let equals = line.firstIndex(of: "=") else {
                complain("line \(number) is not KEY=VALUE")
                continue
            }
            let key = line[..<equals].trimmed
            if !known.contains(key) {
                // A line that was meant otherwise may hold a password before its first `=`.
                let isPlain = key.utf8.count <= 64 && key.utf8.allSatisfy { Self.isOfName($0) }
                let shown = isPlain ? "`\(key)`" : "what is before `=`"
                complain("line \(number): \(shown) is no key that a file can set; `supervisor settings` lists them")
            } else if variables.updateValue(line[line.index(after: equals)...].trimmed, forKey: key) != nil {
                complain("line \(number): \(key) is set a second time")
            }
        }
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        (97...122).contains(byte | 0x20) || (48...57).contains(byte) || byte == UInt8(ascii: "_")
    }

    private mutating func complain(_ message: String) {
        problems.append(SettingsError.Problem(key: PlaceSettings.configurationFileName, message: message))
    }
}
