internal import JobModel
internal import Logging
internal import Logs
internal import Settings
internal import WorkerProtocol

extension ProcessTree {
    /// Makes all workers open their log file anew.
    func reopenLogs() async { await pools?.reopenLogs() }

    /// Reads the configuration again. An invalid one changes nothing. A valid one takes effect as far as it can without
    /// another start of the tree. Pools get the sizes of `WORKERS` back.
    func reload() async {
        guard let pools else {
            logger.warning("the configuration is not read again: the tree is still starting")
            return
        }
        await notifier.reloading()
        let isRefused = await !reload(pools)
        await notifier.reloaded(isRefused: isRefused)
    }

    /// - Returns: false when the new configuration is invalid.
    private func reload(_ pools: PoolSupervisor) async -> Bool {
        let change: ConfigurationChange
        do throws(SettingsError) {
            change = try await live.reload()
        } catch {
            for problem in error.problems {
                logger.error(
                    "the new configuration is wrong, and nothing of it takes effect",
                    metadata: ["setting": "\(problem.key)", LogKey.cause: "\(problem.message)"]
                )
            }
            return false
        }
        setLogLevel(change.settings.logLevel)
        await pools.reconfigure(
            counts: change.settings.workers,
            environment: await workerEnvironment(),
            replacingWorkers: change.needsNewWorkers
        )
        if !change.postponed.isEmpty {
            logger.warning(
                "these settings need a restart of the supervisor; the old values go on",
                metadata: ["settings": "\(change.postponed.joined(separator: ", "))"]
            )
        }
        logger.notice(
            "the configuration was read again",
            metadata: ["changed": "\(change.applied.joined(separator: ", "))"]
        )
        return true
    }
}
