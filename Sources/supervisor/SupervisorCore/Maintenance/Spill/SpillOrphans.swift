internal import JobModel
internal import Logging
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

/// Spilled objects that nobody owns: lists them, and deletes them.
struct SpillOrphans: Sendable {
    private let tracker: TempFileTracker
    private let store: any SpillStore
    private let rules: SpillSweepRules

    /// - Returns: nil without `SPILL_URL`.
    init?(tracker: TempFileTracker, store: any SpillStore, settings: Settings) {
        guard let url = settings.spillURL else { return nil }
        self.tracker = tracker
        self.store = store
        rules = SpillSweepRules(
            store: url,
            node: settings.nodeName,
            graceTime: .seconds(settings.orphanGraceMinutes * 60),
            foreignAge: settings.spillForeignHours > 0 ? .seconds(settings.spillForeignHours * 3600) : nil
        )
    }

    /// What was found, or why it could not be looked for.
    struct Findings: Sendable {
        var orphans: [OrphanedFile] = []
        var problem: String?
    }

    func find() async throws(TempFileError) -> Findings {
        do {
            return Findings(orphans: try await tracker.findOrphanedObjects(rules, in: store))
        } catch let error as TempFileError {
            throw error
        } catch {
            return Findings(problem: "the spilled objects cannot be listed: \(error)")
        }
    }

    /// - Returns: also why not all are gone.
    func clean() async throws(TempFileError) -> (report: CleanupReport, problem: String?) {
        do {
            let (report, failures) = try await tracker.cleanupOrphanedObjects(rules, in: store)
            let problem = failures.first.map { first in
                "\(failures.count) spilled objects cannot be deleted, the first \(first.location): \(first.cause)"
            }
            return (report, problem)
        } catch let error as TempFileError {
            throw error
        } catch {
            return (CleanupReport(), "the spilled objects cannot be listed: \(error)")
        }
    }
}
