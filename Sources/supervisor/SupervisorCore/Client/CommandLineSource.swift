internal import Glibc
internal import JobModel

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
        if text.hasPrefix("key:") {
            do throws(ObjectKeyError) {
                self = .key(try ObjectKey(String(text.dropFirst("key:".count))).rawValue)
            } catch {
                throw UsageProblem(message: error.description)
            }
        } else if let end = text.firstRange(of: "://"), Self.isScheme(text[..<end.lowerBound]) {
            let scheme = text[..<end.lowerBound].lowercased()
            guard Self.schemes.contains(scheme) else {
                throw UsageProblem(
                    message:
                        "`\(text)`: the scheme \(scheme) is unknown; known are \(Self.schemes.joined(separator: ", "))"
                )
            }
            self = .url(text)
        } else {
            self = .file(Paths.absolute(text, from: workingDirectory))
        }
    }

    private static func isScheme(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy {
            ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
                || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || $0 == UInt8(ascii: "+")
        }
    }

    /// The last part of its path, decoded.
    var fileName: String {
        switch self {
        case .file(let path): Self.lastComponent(path[...])
        case .key(let key): Self.lastComponent(key[...])
        case .url(let url):
            PercentCoding.decode(Self.lastComponent(url.prefix { $0 != "?" && $0 != "#" })) ?? "source"
        }
    }

    private static func lastComponent(_ path: Substring) -> String {
        path.split(separator: "/").last.map(String.init) ?? "source"
    }

    /// `file:///…` of a path.
    static func fileURL(_ path: String) -> String { "file://" + PercentCoding.encode(path, keeping: "/") }

    /// The path that a file URL names; nil when it is none.
    static func path(ofFileURL url: String) -> String? {
        guard url.hasPrefix("file:///") else { return nil }
        return PercentCoding.decode(url.dropFirst("file://".count))
    }
}

/// What is wrong with a command line.
struct UsageProblem: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}
