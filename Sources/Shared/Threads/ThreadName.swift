internal import CLinux

/// What `ps -L`, `top -H` and debuggers call a thread. Linux keeps 15 bytes of a name, and a thread that another one makes begins
/// with that one's: who makes threads, or has a library make some, sees to names.
public enum ThreadName {
    /// Of the caller's thread.
    public static var current: String {
        var bytes = [CChar](repeating: 0, count: 16)
        clinux_thread_name(&bytes)
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Names the caller's thread.
    public static func set(_ name: String) { clinux_name_thread(name) }

    /// Names the caller's thread while `body` runs, and with it the threads that are made there.
    public static func with<T, E: Error>(_ name: String, _ body: () throws(E) -> T) throws(E) -> T {
        let before = current
        set(name)
        defer { set(before) }
        return try body()
    }
}
