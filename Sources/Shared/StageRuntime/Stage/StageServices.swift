package import JobModel
package import Logging
package import ServiceKit
package import TempFiles

/// What a stage's handler is built from.
package struct StageServices: Sendable {
    package let kind: MediaKind
    package let settings: Settings
    package let tracker: TempFileTracker
    package let logger: Logger
}
