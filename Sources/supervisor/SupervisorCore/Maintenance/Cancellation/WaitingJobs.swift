internal import AMQP
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import TempFiles

/// The jobs that wait for their download and that no stage has seen.
///
/// They are looked for only where a look costs the other messages nothing: in classic queues that are this host's
/// alone. A look takes the messages from the workers while it goes on, so there is one at a time, for all jobs that are
/// to be cancelled.
struct WaitingJobs: Sendable {
    enum Search: Sendable, Equatable {
        /// The job waited, and is on its way to clean-up.
        case cancelled
        /// All messages were looked at.
        case absent
        case unknown
    }

    private let look: SharedLook<JobKey, Search>

    init(tracker: TempFileTracker, broker: BrokerLink, queues: QueueLayout, logger: Logger) {
        let pass = Pass(tracker: tracker, broker: broker, queues: queues, logger: logger)
        look = SharedLook(pass.run)
    }

    /// Looks for the message of a job that is to be cancelled, and sends it to clean-up.
    func cancel(_ job: JobKey) async -> Search { await look.answer(job) ?? .unknown }

    /// One look through the queues.
    private struct Pass: Sendable {
        var tracker: TempFileTracker
        var broker: BrokerLink
        var queues: QueueLayout
        var logger: Logger

        @Sendable func run(_ jobs: Set<JobKey>) async -> [JobKey: Search] {
            // A quorum queue counts each look at a message, and gives up what was looked at too often.
            guard queues.type == .classic else { return [:] }
            var found: [JobKey: Search] = [:]
            for kind in MediaKind.allCases {
                let wanted = jobs.filter { $0.kind == kind }
                if !wanted.isEmpty { found.merge(await run(wanted, kind)) { $1 } }
            }
            return found
        }

        private func run(_ jobs: Set<JobKey>, _ kind: MediaKind) async -> [JobKey: Search] {
            var results: [JobKey: Search] = [:]
            do {
                // The workers move messages from the first to the second.
                for queue in [queues.names.legacyRequests(kind), queues.names.work(kind, .download)] {
                    let left = jobs.filter { results[$0] != .cancelled }
                    if left.isEmpty { break }
                    for (job, search) in try await run(left, in: queue) {
                        // Absent is only a job that is in neither.
                        results[job] = search == .absent && results[job] == .unknown ? .unknown : search
                        if search == .cancelled {
                            logger.naming(job).info("the job waited for its download; it goes to clean-up")
                        }
                    }
                }
            } catch {
                for job in jobs where results[job] != .cancelled {
                    results[job] = .unknown
                    logger.naming(job).cancelsLater(error)
                }
            }
            return results
        }

        private func run(_ jobs: Set<JobKey>, in queue: String) async throws -> [JobKey: Search] {
            guard let endpoints = await broker.endpoints else { return unknown(jobs) }
            var results: [JobKey: Search] = [:]
            let browser = QueueBrowser(endpoints: endpoints, renewingAfter: queues.returnsBeforeRenewal)
            let sight = try await browser.browse(queue) { delivery, client in
                guard let kind = jobs.first?.kind,
                    let ticket = try? Ticket(parsing: delivery.body, expecting: kind),
                    jobs.contains(ticket.key), results[ticket.key] == nil
                else { return .next }
                results[ticket.key] = .unknown
                let isSettled = try await end(ticket, delivery, client)
                if isSettled { results[ticket.key] = .cancelled }
                if results.count == jobs.count { return .stop }
                return isSettled ? .settled : .next
            }
            let isComplete = sight.seen >= sight.waiting
            for job in jobs where results[job] == nil { results[job] = isComplete ? .absent : .unknown }
            return results
        }

        private func unknown(_ jobs: Set<JobKey>) -> [JobKey: Search] {
            Dictionary(uniqueKeysWithValues: jobs.map { ($0, .unknown) })
        }

        /// - Returns: false when somebody else has the job.
        private func end(_ ticket: Ticket, _ delivery: AMQPDelivery, _ client: AMQPClient) async throws -> Bool {
            // Under its lease the job is put in the ledger, as a worker would do it.
            guard case .acquired(let lease) = try await tracker.acquireLease(ticket.key, timeout: .zero) else {
                return false
            }
            var message = StageMessage(ticket, at: .download, record: ticket.json.serialized())
            message.manifest = []
            _ = try await tracker.jobs.begin(ticket.key, message)
            lease.release()
            let ender = AbandonedJobNotice.ender(client, queues: queues)
            guard try await tracker.jobs.endCancelled(ticket.key, ender) else {
                return false
            }
            try? await delivery.acknowledge()
            return true
        }
    }
}
