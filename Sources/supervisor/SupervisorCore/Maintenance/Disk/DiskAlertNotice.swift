internal import Files
internal import TempFiles

/// The notice to a webhook, as JSON. `text` alone says it all, for chat services that show nothing else.
struct DiskAlertNotice: Sendable, Equatable, Codable {
    enum State: String, Sendable, Codable {
        case raised
        case cleared
    }

    var event = "disk_alert"
    var state: State
    var text: String
    var host: String
    /// The workspace.
    var path: String
    var usedPercent: Double
    /// `TEMP_ALERT_PERCENT`.
    var alertPercent: Double
    var freeBytes: Int64
    var totalBytes: Int64
    /// RFC 3339, when the change was noticed.
    var at: String

    init(state: State, space: FileSystemSpace, alertPercent: Double, host: String, path: String, at: String) {
        self.state = state
        self.host = host
        self.path = path
        self.alertPercent = alertPercent
        self.at = at
        usedPercent = (space.usedPercent * 10).rounded() / 10
        freeBytes = space.freeBytes
        totalBytes = space.totalBytes
        let use = "\(Int(space.usedPercent)) % used, \(ByteCount.text(space.freeBytes)) free"
        switch state {
        case .raised: text = "media-processor on \(host): the file system of \(path) is filling up (\(use))"
        case .cleared: text = "media-processor on \(host): the file system of \(path) has room again (\(use))"
        }
    }
}
