internal import Files
internal import Glibc
internal import JobModel
internal import Text

/// A SOURCE of the command line: a file, a URL, or an object key.
enum CommandLineSource: Sendable, Equatable {
    /// Absolute path.
    case file(String)
    case url(String)
    case key(String)

    static let schemes = ["https", "http", "s3", "file"]

    /// - Throws: ``UsageProblem``.
    init(_ text: String, workingDirectory: String) throws(UsageProblem) {
        if text.isEmpty { throw UsageProblem(message: "a source is empty") }
        if text.startsWithBytes(of: "key:") {
            do throws(ObjectKeyError) {
                let key = text.utf8.dropFirst("key:".utf8.count)
                self = .key(try ObjectKey(String(decoding: key, as: UTF8.self)).rawValue)
            } catch {
                throw UsageProblem(message: error.description)
            }
        } else if let name = Self.scheme(text) {
            let scheme = name.lowercased()
            guard Self.schemes.contains(scheme) else {
                throw UsageProblem(
                    message:
                        "`\(SourceURL.redacted(text))`: the scheme \(scheme) is unknown; known are "
                        + "\(Self.schemes.joined(separator: ", "))"
                )
            }
            self = .url(text)
        } else {
            self = .file(Paths.absolute(text, from: workingDirectory))
        }
    }

    /// The text before `://`, when it looks like a scheme.
    private static func scheme(_ text: String) -> String? {
        let scheme = text.utf8.prefix { $0 != UInt8(ascii: ":") }
        let isScheme = scheme.allSatisfy {
            ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
                || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || $0 == UInt8(ascii: "+")
        }
        guard isScheme, text.utf8[scheme.endIndex...].starts(with: "://".utf8) else { return nil }
        return String(decoding: scheme, as: UTF8.self)
    }

    /// The last part of its path, decoded.
    var fileName: String {
        switch self {
        case .file(let path), .key(let path): Self.lastComponent(path)
        case .url(let url):
            PercentCoding.decode(
                Self.lastComponent(
                    String(
                        decoding: url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") },
                        as: UTF8.self
                    )
                )
            ) ?? "source"
        }
    }

    private static func lastComponent(_ path: String) -> String { pathComponents(path).last ?? "source" }
}
