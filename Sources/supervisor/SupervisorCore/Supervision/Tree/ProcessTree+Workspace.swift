internal import JobModel
internal import JobStore
internal import Logging
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

extension ProcessTree {
    /// Carries out `SHUTDOWN_CLEANUP`, once no worker is left. No failure of it keeps the tree from stopping.
    func emptyWorkspace() async {
        let settings = await live.settings
        guard settings.shutdownCleanup == .all, pools != nil, let link, let tracker else { return }
        guard await stop.count < 2 else {
            logger.notice("cleanup: asked again to stop: temp files stay, and their jobs go on at the next start")
            return
        }
        let returning: JobReturn
        do {
            returning = JobReturn(
                tracker: tracker,
                client: try await link.connected(),
                settings: settings,
                logger: logger
            )
            logger.info("jobs that wait with temp files are given back to download")
            let count = try await returning.run(isHastened: { [stop] in await stop.count > 1 })
            let kept = try await tracker.jobs.jobsHoldingFiles(in: JobReturn.stages)
            // No stage needs the files of the other jobs: download begins anew, and clean-up only deletes.
            let report = try await tracker.cleanupAllTempFiles(sparing: JobReturn.stages)
            // Those that cannot be deleted now stay in the ledger, for the next start.
            if try await tracker.hasSpilledObjects() {
                _ = try await tracker.deleteLeavingObjects(in: SpillStores(settings))
            }
            logger.log(
                level: kept == 0 && report.failures.isEmpty ? .info : .warning,
                kept == 0
                    ? "cleanup: the workspace is emptied"
                    : "cleanup: some jobs keep their temp files and go on from there",
                metadata: [
                    "jobs.returned": "\(count)", "jobs.kept": "\(kept)", LogKey.fileCount: "\(report.filesCleaned)",
                    LogKey.fileBytes: "\(report.bytesFreed)", "failures": "\(report.failures.count)",
                ]
            )
        } catch {
            logger.warning(
                "cleanup: temp files stay, and their jobs go on at the next start",
                metadata: [LogKey.cause: "\(error)"]
            )
        }
    }
}
