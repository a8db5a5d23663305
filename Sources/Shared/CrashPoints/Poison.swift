/// A job that harms every worker that takes it, as a job that meets a bug in a decoder does. Only test builds know such
/// jobs.
package struct Poison: Sendable, Hashable {
    /// The variable that names the file into which tests write such jobs, one in each line.
    package static let variable = "MP_POISON_FILE"

    package enum Effect: String, Sendable, CaseIterable {
        case abort
        /// The thread that works on the job stands still; the others go on.
        case hang
        /// Takes memory until there is none; the limit is a little above what the worker has.
        case memory
    }

    package var job: String
    /// File name of the executable, as `stage-download`.
    package var process: String
    package var effect: Effect

    package init(job: String, process: String, effect: Effect) {
        self.job = job
        self.process = process
        self.effect = effect
    }

    package var text: String { "\(job) \(process) \(effect.rawValue)\n" }

    /// Follows the order for this job, if there is one.
    #if DEBUG
        package static func take(job: String) { strike(job: job) }
    #else
        @inlinable package static func take(job: String) {}
    #endif
}

#if DEBUG
    internal import Glibc

    extension Poison {
        private static let file = getenv(variable).map { String(cString: $0) }
        private static let process = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""

        fileprivate static func strike(job: String) {
            guard let file else { return }
            for line in read(file).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 3, words[0] == job, words[1] == process else { continue }
                switch Effect(rawValue: String(words[2])) {
                case .abort: Glibc.abort()
                case .hang: while true { pause() }
                case .memory: exhaust()
                case nil: continue
                }
            }
        }

        private static func exhaust() {
            var limit = rlimit(rlim_cur: mappedBytes() + 256 << 20, rlim_max: rlim_t.max)
            limit.rlim_max = limit.rlim_cur
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            while true {
                // Swift ends the process when there is nothing left.
                let piece = UnsafeMutableRawPointer.allocate(byteCount: 16 << 20, alignment: 4096)
                memset(piece, 1, 16 << 20)
            }
        }

        private static func mappedBytes() -> rlim_t {
            let pages = read("/proc/self/statm").split(separator: " ").first.flatMap { rlim_t($0) } ?? 0
            return pages * rlim_t(sysconf(Int32(_SC_PAGESIZE)))
        }

        private static func read(_ path: String) -> String {
            let file = open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return "" }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let length = Glibc.read(file, &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(length, 0)), as: UTF8.self)
        }
    }
#endif
