internal import CSandbox
package import Glibc

/// Locks a process in, so that a flaw in a decoder has nothing but the picture that it was given.
///
///     parent, one thread, libraries loaded ── fork ──▶ child: enter ──▶ decode
///
/// A layer that the kernel does not have is left out, and told.
package enum Sandbox {
    /// The descriptor of the first that the child keeps; the others follow.
    package static let firstDescriptor: CInt = 3

    /// Before the first fork: leaves the network, for itself and all children, as a namespace for each of them would
    /// cost more than a small image. The process must have a single thread.
    ///
    /// - Returns: the errno of a network that could not be left.
    package static func prepareParent() -> Int32? {
        let failure = csandbox_leave_network()
        return failure == 0 ? nil : failure
    }

    /// Asks the kernel to end this process with its parent.
    ///
    /// - Returns: whether there still is one.
    package static func followParent() -> Bool { csandbox_follow_parent(getppid()) == 0 }

    /// In the child, right after the fork. There is no way back.
    ///
    /// - Parameters:
    ///   - kept: get the numbers from ``firstDescriptor`` on, in this order.
    ///   - layers: the ones to take, for tests.
    ///   - networkFailure: the answer of ``prepareParent()``.
    package static func enter(
        keeping kept: [CInt],
        parent: pid_t,
        limits: SandboxLimits,
        networkFailure: Int32? = nil,
        layers: Set<SandboxLayer> = Set(SandboxLayer.allCases)
    ) -> SandboxState {
        // Otherwise it could outlive the parent, without anybody to end it.
        if csandbox_follow_parent(parent) != 0 { csandbox_exit(1) }
        _ = csandbox_reset_signals()
        // Landlock and seccomp take nothing from a process that could win privileges by them.
        if !layers.isEmpty { _ = csandbox_forbid_new_privileges() }
        var state = SandboxState()
        for layer in SandboxLayer.order where layers.contains(layer) {
            let failure = take(layer, kept, limits, networkFailure)
            if failure != 0 { state.failures[layer] = failure }
        }
        return state
    }

    private static func take(
        _ layer: SandboxLayer,
        _ kept: [CInt],
        _ limits: SandboxLimits,
        _ networkFailure: Int32?
    ) -> Int32 {
        switch layer {
        case .descriptors: return csandbox_keep_descriptors(kept, CInt(clamping: kept.count))
        case .priority: return csandbox_lower_priority(getpriority(__priority_which_t(0), 0) + limits.niceness)
        case .limits:
            return csandbox_limit(
                csandbox_limits(
                    memory_bytes: limits.memoryBytes,
                    cpu_seconds: limits.cpuSeconds,
                    file_bytes: limits.fileBytes,
                    descriptors: limits.descriptors
                )
            )
        case .network: return networkFailure ?? 0
        case .privileges:
            let failure = csandbox_drop_capabilities()
            return failure != 0 ? failure : csandbox_forbid_new_privileges()
        case .dumps: return csandbox_forbid_dumps()
        case .fileSystem: return csandbox_leave_file_system()
        case .systemCalls: return csandbox_filter_system_calls()
        }
    }

    /// Tries it: a child enters and tells.
    ///
    /// - Returns: nil when no child could be made, or it died.
    package static func probe(limits: SandboxLimits, networkFailure: Int32?) -> SandboxState? {
        guard let channel = DescriptorPair() else { return nil }
        let parent = getpid()
        let child = csandbox_fork()
        if child == 0 {
            let state = enter(
                keeping: [channel.second],
                parent: parent,
                limits: limits,
                networkFailure: networkFailure
            )
            let bytes = state.bytes
            let told = bytes.withUnsafeBytes { write(firstDescriptor, $0.baseAddress, $0.count) }
            csandbox_exit(told == bytes.count ? 0 : 1)
        }
        guard child > 0 else { return nil }
        let end = ForkedChild(processID: child).wait()
        guard end.exitStatus == 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = recv(channel.first, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 ? SandboxState(bytes: Array(bytes[..<count])) : nil
    }
}

/// Two connected sockets, closed together.
private struct DescriptorPair: ~Copyable {
    let first: CInt
    let second: CInt

    init?() {
        var ends: [CInt] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        (first, second) = (ends[0], ends[1])
    }

    deinit {
        close(first)
        close(second)
    }
}
