internal import Text

/// Which layers hold, and why others do not.
package struct SandboxState: Sendable, Codable, Equatable {
    /// By layer that does not hold, the errno of the system call that failed.
    package var failures: [SandboxLayer: Int32]

    package init(failures: [SandboxLayer: Int32] = [:]) { self.failures = failures }

    /// No layer could be tried.
    package static var unknown: SandboxState {
        SandboxState(failures: Dictionary(uniqueKeysWithValues: SandboxLayer.allCases.map { ($0, 125) }))
    }

    package var isComplete: Bool { failures.isEmpty }

    package func holds(_ layer: SandboxLayer) -> Bool { failures[layer] == nil }

    /// The names of the layers that hold, in their order.
    package var held: [String] { SandboxLayer.allCases.filter(holds).map(\.rawValue) }

    /// By name of a layer that does not hold, the system's words.
    package var missing: [String: String] {
        failures.reduce(into: [:]) { $0[$1.key.rawValue] = systemMessage($1.value) }
    }

    /// One byte for each layer: 0, or the errno.
    package var bytes: [UInt8] { SandboxLayer.allCases.map { UInt8(clamping: failures[$0] ?? 0) } }

    /// - Returns: nil for bytes that are none of ``bytes``.
    package init?(bytes: [UInt8]) {
        guard bytes.count == SandboxLayer.allCases.count else { return nil }
        failures = [:]
        for (layer, byte) in zip(SandboxLayer.allCases, bytes) where byte != 0 { failures[layer] = Int32(byte) }
    }
}
