internal import HTTPClient
internal import Settings
internal import Synchronization

/// The limits to what this process moves in a second, as its settings say. All of its sources and stores share them,
/// the one of spilled files too.
enum TransferLimits {
    private struct Key: Hashable {
        var isSending: Bool
        var bytesPerSecond: Int64
    }

    /// A limit of the same value is the same one: settings that are read anew change nothing for what is under way.
    private static let known = Mutex<[Key: Bandwidth]>([:])

    static func of(_ settings: StorageSettings) -> WebLimits {
        WebLimits(
            receiving: bandwidth(settings.maximumSourceBytesPerSecond, isSending: false),
            sending: bandwidth(settings.maximumUploadBytesPerSecond, isSending: true)
        )
    }

    private static func bandwidth(_ bytesPerSecond: Int64, isSending: Bool) -> Bandwidth? {
        guard bytesPerSecond > 0 else { return nil }
        let key = Key(isSending: isSending, bytesPerSecond: bytesPerSecond)
        return known.withLock { known in
            if let bandwidth = known[key] { return bandwidth }
            let bandwidth = Bandwidth(bytesPerSecond: bytesPerSecond)
            known[key] = bandwidth
            return bandwidth
        }
    }
}
