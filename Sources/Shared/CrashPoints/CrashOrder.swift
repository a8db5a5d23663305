#if DEBUG
    internal import Glibc
    internal import Synchronization

    /// What a test writes into the file that `MP_CRASH_FILE` names, whole and at once: which process is to end, or to hang,
    /// where.
    package struct CrashOrder: Sendable, Hashable {
        package static let variable = "MP_CRASH_FILE"

        package enum Effect: String, Sendable {
            case death
            /// The thread that crosses the point stands still; the others go on.
            case hang
        }

        /// File name of the executable, as `stage-download`.
        package var process: String
        package var point: CrashPoint
        /// At which crossing, counted from 1 since the order was given.
        package var crossing: Int
        /// Tells two equal orders apart.
        package var number: Int
        package var effect: Effect

        package init(process: String, point: CrashPoint, crossing: Int, number: Int, effect: Effect = .death) {
            self.process = process
            self.point = point
            self.crossing = crossing
            self.number = number
            self.effect = effect
        }

        package var text: String { "\(process) \(point.rawValue) \(crossing) \(number) \(effect.rawValue)" }

        init?(_ text: String) {
            let words = text.split(separator: " ")
            guard words.count == 5, let point = CrashPoint(rawValue: String(words[1])), let crossing = Int(words[2]),
                let number = Int(words[3]), let effect = Effect(rawValue: String(words[4]))
            else { return nil }
            self.init(process: String(words[0]), point: point, crossing: crossing, number: number, effect: effect)
        }

        static let listener = getenv(variable).map { Listener(path: String(cString: $0)) }

        final class Listener: Sendable {
            private struct Count {
                var order: CrashOrder?
                var crossings = 0
            }

            private let path: String
            private let process: String
            private let count = Mutex(Count())

            init(path: String) {
                self.path = path
                process = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
            }

            func cross(_ point: CrashPoint) {
                guard let order = read(), order.process == process, order.point == point else { return }
                let isDue = count.withLock { count in
                    if count.order != order { count = Count(order: order) }
                    count.crossings += 1
                    return count.crossings == order.crossing
                }
                // The order is gone before the process is, so no later one follows it again.
                guard isDue, unlink(path) == 0 else { return }
                if order.effect == .death { kill(getpid(), SIGKILL) }
                while true { pause() }
            }

            private func read() -> CrashOrder? {
                let file = open(path, O_RDONLY | O_CLOEXEC)
                guard file >= 0 else { return nil }
                defer { close(file) }
                var bytes = [UInt8](repeating: 0, count: 256)
                let length = Glibc.read(file, &bytes, bytes.count)
                return length > 0 ? CrashOrder(String(decoding: bytes.prefix(length), as: UTF8.self)) : nil
            }
        }
    }
#endif
