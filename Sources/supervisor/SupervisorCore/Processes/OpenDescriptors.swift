internal import Glibc

/// The descriptors of this process.
enum OpenDescriptors {
    /// Keeps all but the standard streams from our children, who get what they are given and nothing else.
    ///
    /// Our own are close-on-exec from the start; those of libraries are not all (the HTTP server's listening socket would stay
    /// in every worker and keep the port taken after this process), nor those that whoever started us left open.
    static func keepFromChildren() {
        guard let directory = opendir("/proc/self/fd") else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let descriptor = CInt(name), descriptor > STDERR_FILENO else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }
}
