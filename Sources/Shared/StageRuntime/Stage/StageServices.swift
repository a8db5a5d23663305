public import JobModel
public import Logging
public import Settings
public import TempFiles

/// What a stage's handler is built from.
public struct StageServices: Sendable {
    public let kind: MediaKind
    public let settings: Settings
    public let tracker: TempFileTracker
    public let logger: Logger
}
