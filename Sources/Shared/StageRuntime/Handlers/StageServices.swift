package import JobModel
package import Logging
package import Settings
package import TempFiles

/// The services that a stage's handler is built from.
package struct StageServices: Sendable {
    package let kind: MediaKind
    package let settings: Settings
    package let tracker: TempFileTracker
    package let logger: Logger

    package init(kind: MediaKind, settings: Settings, tracker: TempFileTracker, logger: Logger) {
        self.kind = kind
        self.settings = settings
        self.tracker = tracker
        self.logger = logger
    }
}
