internal import Files
internal import Glibc
internal import Synchronization

/// `media-processor.log`, which every process of a tree appends to and any of them rotates.
///
/// Lines are written whole, by one `write(2)` on a descriptor opened with `O_APPEND`, so those of processes never mix.
/// Before each write the name is looked up: if it means another file by now, because another process or program has
/// rotated, that one is opened. A line that goes to the old file in between is in `media-processor.log.1`, not lost.
/// See docs/decisions/0004-log-file.md.
final class LogFile: Sendable {
    struct Rotation: Sendable {
        /// A file that reaches this is moved away; 0 for never.
        var maximumBytes: Int64
        /// The number of old files that are kept.
        var keep: Int
    }

    private struct State {
        var descriptor: CInt
        var identity: FileIdentity?
        /// A rotation that failed, as on a full disk, is not tried again for every line.
        var limit: Int64
    }

    private let path: String
    private let rotation: Rotation
    private let state: Mutex<State>

    /// The errno of a failed opening.
    struct Failure: Error {
        var errno: CInt
    }

    /// - Parameter directory: must be there.
    init(directory: String, name: String, rotation: Rotation) throws(Failure) {
        path = directory + "/" + name
        self.rotation = rotation
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { throw Failure(errno: errno) }
        state = Mutex(
            State(descriptor: descriptor, identity: Self.identity(of: descriptor)?.0, limit: rotation.maximumBytes)
        )
    }

    deinit { state.withLock { _ = close($0.descriptor) } }

    /// Appends lines.
    ///
    /// - Returns: false when that failed, as on a full disk.
    @discardableResult
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        state.withLock { state in
            if Self.identity(of: path) != state.identity { reopen(&state) }
            let isWritten = LogSink.put(bytes, to: state.descriptor)
            if rotation.maximumBytes > 0, let size = Self.identity(of: state.descriptor)?.size, size >= state.limit {
                rotate(&state)
            }
            return isWritten
        }
    }

    /// Opens the file of that name anew, as after another program has moved it away.
    func reopen() { state.withLock { reopen(&$0) } }

    private func reopen(_ state: inout State) {
        let descriptor = Self.open(path)
        // The old file is better than none.
        guard descriptor >= 0 else { return }
        close(state.descriptor)
        state = State(
            descriptor: descriptor,
            identity: Self.identity(of: descriptor)?.0,
            limit: rotation.maximumBytes
        )
    }

    private func rotate(_ state: inout State) {
        // A file that nobody else may open: a lock that anybody can hold would be none. It is not waited for all the
        // same; the file grows until the lock can be had.
        let lock = Glibc.open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard lock >= 0 else { return putOff(&state) }
        // Closing gives the lock back.
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { return }
        // Another process may have been first.
        if Self.identity(of: path) == state.identity {
            for number in stride(from: rotation.keep - 1, through: 1, by: -1) {
                rename("\(path).\(number)", "\(path).\(number + 1)")
            }
            guard rename(path, "\(path).1") == 0 else { return putOff(&state) }
        }
        reopen(&state)
    }

    private func putOff(_ state: inout State) {
        let (next, overflow) = state.limit.addingReportingOverflow(rotation.maximumBytes)
        state.limit = overflow ? .max : next
    }

    /// A pipe or a device in the place of the file would block a writer: it is refused, and opening does not wait.
    private static func open(_ path: String) -> CInt {
        let descriptor = Glibc.open(
            path,
            O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
            0o640
        )
        guard descriptor >= 0 else { return descriptor }
        if FileStatus(descriptor: descriptor)?.kind == .file { return descriptor }
        close(descriptor)
        errno = EINVAL
        return -1
    }

    private static func identity(of path: String) -> FileIdentity? {
        FileStatus(entry: path).map { FileIdentity($0) }
    }

    private static func identity(of descriptor: CInt) -> (FileIdentity, size: Int64)? {
        FileStatus(descriptor: descriptor).map { (FileIdentity($0), $0.sizeBytes) }
    }
}
