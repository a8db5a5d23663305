internal import CLinux

/// The name of a thread in `ps -L`, `top -H` and debuggers. Linux keeps 15 bytes of it, and a new thread has the name
/// of its maker: code that makes threads, or lets a library make some, sets their names.
package enum ThreadName {
    /// The name of the caller's thread.
    package static var current: String {
        var bytes = [CChar](repeating: 0, count: 16)
        clinux_thread_name(&bytes)
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Names the caller's thread.
    package static func set(_ name: String) { clinux_name_thread(name) }

    /// Names the caller's thread while `body` runs, and with it the threads that are made there.
    package static func with<T, E: Error>(_ name: String, _ body: () throws(E) -> T) throws(E) -> T {
        let before = current
        set(name)
        defer { set(before) }
        return try body()
    }
}
