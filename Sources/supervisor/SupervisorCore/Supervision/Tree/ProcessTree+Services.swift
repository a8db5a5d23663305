internal import Logging
internal import Logs
internal import Settings
internal import WorkerProtocol

extension ProcessTree {
    /// Steps 3 to 6 of the start, and 1 to 3 of the stop. Every service is a child task of this function.
    ///
    /// - Returns: what kept the tree from serving; nil when it served until it was asked to stop.
    func serve(_ parts: TreeParts) async -> (any Error)? {
        await withTaskGroup(of: Void.self, returning: (any Error)?.self) { calls in
            calls.addTask { await parts.webhook?.run() }
            let failure = await withTaskGroup(of: Void.self, returning: (any Error)?.self) { record in
                // Not cancelled, or what it was told last would be lost: it ends when it is told that nothing more
                // comes.
                record.addTask { await parts.ends.run() }
                defer { parts.ends.finish() }
                return await maintain(parts)
            }
            calls.cancelAll()
            return failure
        }
    }

    private func maintain(_ parts: TreeParts) async -> (any Error)? {
        await withTaskGroup(of: Void.self, returning: (any Error)?.self) { services in
            for watch in parts.watches { services.addTask { await watch.run() } }
            var failure: (any Error)?
            do {
                try await open(parts)
                if await stop.count == 0 {
                    for service in parts.maintenance { services.addTask { await service.run() } }
                    await announce(parts)
                    await stop.wait(for: 1)
                }
            } catch {
                failure = error
            }
            await notifier.stopping()
            services.cancelAll()
            await drain(parts.pools)
            return failure
        }
    }

    private func announce(_ parts: TreeParts) async {
        guard let server else { return }
        let address = await parts.link.address
        logger.info(
            "media processor is up",
            metadata: [
                "http": "http://\(parts.settings.httpAddress):\(server.port)", "broker": "\(address)",
            ]
        )
        await notifier.serving()
    }

    /// Returns when no worker is left.
    private func drain(_ pools: PoolSupervisor) async {
        let settings = await live.settings
        logger.info(
            "stopping: workers finish or hand back their jobs",
            metadata: ["limit.seconds": "\(settings.drainSeconds)"]
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [stop] in
                await stop.wait(for: 2)
                if !Task.isCancelled { await pools.hasten() }
            }
            await pools.drain(limit: settings.drainLimit)
            group.cancelAll()
        }
    }
}
