#if DEBUG
    internal import Glibc
    internal import Synchronization

    /// An order of a test: which process is to end, to hang or to be held, and at which point. A test writes its orders
    /// into the file that `MP_CRASH_FILE` names, all at once, one in each line.
    package struct CrashOrder: Sendable, Hashable {
        package static let variable = "MP_CRASH_FILE"

        package enum Effect: String, Sendable {
            case death
            /// The thread that crosses the point stands still; the others go on.
            case hang
            /// The thread that is first stands still until the order is gone, as if the work took long.
            case hold
        }

        /// File name of the executable, as `stage-download`.
        package var process: String
        package var point: CrashPoint
        /// The crossing to act at, counted from 1 since the order was given.
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

        package var text: String { "\(process) \(point.rawValue) \(crossing) \(number) \(effect.rawValue)\n" }

        init?(_ text: some StringProtocol) {
            let words = text.split(separator: " ")
            // An order without an effect is one to die.
            let effectWord = words.count > 4 ? String(words[4]) : Effect.death.rawValue
            guard (4...5).contains(words.count), let point = CrashPoint(rawValue: String(words[1])),
                let crossing = Int(words[2]), let number = Int(words[3]), let effect = Effect(rawValue: effectWord)
            else { return nil }
            self.init(process: String(words[0]), point: point, crossing: crossing, number: number, effect: effect)
        }

        static let listener = getenv(variable).map { Listener(path: String(cString: $0)) }

        final class Listener: Sendable {
            private let path: String
            /// Made by whoever follows an order to hold.
            private let holder: String
            private let process: String
            private let crossings = Mutex<[CrashOrder: Int]>([:])

            init(path: String) {
                self.path = path
                holder = path + ".held"
                process = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
            }

            func cross(_ point: CrashPoint) {
                for order in read() where order.process == process && order.point == point {
                    let isDue = crossings.withLock { crossings in
                        crossings[order, default: 0] += 1
                        return crossings[order] == order.crossing
                    }
                    guard isDue else { continue }
                    switch order.effect {
                    case .death, .hang:
                        // The order is gone before the process is, so no later one follows it again.
                        guard unlink(path) == 0 else { return }
                        unlink(holder)
                        if order.effect == .death { kill(getpid(), SIGKILL) }
                        while true { pause() }
                    case .hold:
                        guard link(path, holder) == 0 else { continue }
                        // This happens in test builds only, where blocking the thread is the order. An event for the
                        // removal of a file would cost the process under test one more descriptor.
                        while read().contains(order) { usleep(10_000) }
                        unlink(holder)
                    }
                }
            }

            private func read() -> [CrashOrder] {
                let file = open(path, O_RDONLY | O_CLOEXEC)
                guard file >= 0 else { return [] }
                defer { close(file) }
                var bytes = [UInt8](repeating: 0, count: 1024)
                let length = Glibc.read(file, &bytes, bytes.count)
                guard length > 0 else { return [] }
                return String(decoding: bytes.prefix(length), as: UTF8.self)
                    .split(separator: "\n").compactMap { CrashOrder($0) }
            }
        }
    }
#endif
