internal import CCurl
internal import Glibc
internal import Synchronization
internal import Threads

/// The end of a lookup of a host's name.
enum HostLookup: Sendable, Hashable {
    case found
    /// The name does not exist, or has no address.
    case unknown
    /// No name server has answered, or it could not tell now.
    case failed

    /// - Parameter status: of getaddrinfo(3).
    init(status: CInt) {
        switch status {
        case 0: self = .found
        case EAI_AGAIN, EAI_MEMORY, EAI_SYSTEM: self = .failed
        default: self = .unknown
        }
    }

    /// For so long a name is looked up: a name server that says no mostly says it at once.
    private static let patience = Duration.seconds(5)
    /// Lookups at a time: one that goes on for longer keeps its thread until the system ends it.
    private static let maximumLookups = 4
    private static let running = Atomic(0)

    /// Looks a name up by the system. Ends at once when the task is cancelled, as a lookup that has failed.
    static func system(_ host: String) async -> HostLookup {
        guard running.add(1, ordering: .relaxed).newValue <= maximumLookups else {
            running.subtract(1, ordering: .relaxed)
            return .failed
        }
        let (ends, end) = AsyncStream.makeStream(of: HostLookup.self)
        let thread = try? BlockingThread(named: "lookup", blocksSignals: true) {
            end.yield(HostLookup(status: status(of: host)))
            running.subtract(1, ordering: .relaxed)
            end.finish()
        }
        guard thread != nil else {
            running.subtract(1, ordering: .relaxed)
            return .failed
        }
        let patience = Task {
            try await Task.sleep(for: Self.patience)
            end.finish()
        }
        defer { patience.cancel() }
        for await lookup in ends { return lookup }
        return .failed
    }

    private static func status(of host: String) -> CInt {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &found)
        if let found { freeaddrinfo(found) }
        return status
    }
}
