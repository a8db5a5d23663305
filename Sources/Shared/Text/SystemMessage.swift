internal import Glibc

/// The system's words for an errno with its number: `No such file or directory (errno 2)`.
package func systemMessage(_ code: CInt) -> String {
    systemWords(code).map { "\($0) (errno \(code))" } ?? "errno \(code)"
}

/// The system's words for an errno: `No such file or directory`; nil when it has none.
package func systemWords(_ code: CInt) -> String? {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
