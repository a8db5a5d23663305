internal import Text

/// The name of one of several hosts that share a broker (`NODE_ID`). It is a part of queues' names, whose parts dots
/// separate.
package enum NodeName {
    /// Whether a host can have this name: 1 to 64 ASCII letters, digits, `-` and `_`.
    package static func isValid(_ name: some StringProtocol) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.allSatisfy(\.isPlainInNames)
    }
}
