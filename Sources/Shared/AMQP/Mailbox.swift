import CRabbitMQ
import Glibc
import Synchronization

/// Carries commands to the I/O thread and wakes it.
final class Mailbox: Sendable {
    private struct State {
        var commands: [Command] = []
        /// An eventfd while the thread lives, else −1. Used only under the lock, so that it is never written to after
        /// it was closed and its number given to something else.
        var wakeDescriptor: Int32 = -1
        var isClosing = false
    }

    private let state = Mutex(State())

    /// Creates the descriptor that the thread polls.
    ///
    /// - Throws: `.systemError` when the process has no descriptor left.
    func open() throws(AMQPError) -> Int32 {
        let descriptor = crabbitmq_eventfd()
        guard descriptor >= 0 else {
            throw AMQPError(
                .systemError,
                "no descriptor for the broker's I/O thread (errno \(errno)); raise the open files limit",
                isRetriable: true
            )
        }
        state.withLock { $0.wakeDescriptor = descriptor }
        return descriptor
    }

    /// False when the client is closing: nobody will see the command.
    func post(_ command: Command) -> Bool {
        state.withLock { state in
            guard !state.isClosing else { return false }
            state.commands.append(command)
            // One wake-up is enough for all commands until the thread takes them.
            if state.commands.count == 1 { Self.wake(state.wakeDescriptor) }
            return true
        }
    }

    func requestClose() {
        state.withLock { state in
            state.isClosing = true
            Self.wake(state.wakeDescriptor)
        }
    }

    /// Takes all commands, and clears the wake-up.
    func take() -> (commands: [Command], isClosing: Bool) {
        state.withLock { state in
            var count: UInt64 = 0
            if state.wakeDescriptor >= 0 { _ = read(state.wakeDescriptor, &count, MemoryLayout<UInt64>.size) }
            defer { state.commands.removeAll() }
            return (state.commands, state.isClosing)
        }
    }

    /// Ends the mailbox with its thread; returns the commands that nobody took.
    func seal() -> [Command] {
        state.withLock { state in
            state.isClosing = true
            if state.wakeDescriptor >= 0 { close(state.wakeDescriptor) }
            state.wakeDescriptor = -1
            defer { state.commands.removeAll() }
            return state.commands
        }
    }

    private static func wake(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        var one: UInt64 = 1
        // Fails only when the counter is full: then the thread is about to wake anyway.
        _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }
}
