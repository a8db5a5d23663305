internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import Queues
internal import Settings

/// The dead-letter queues: a list of their letters, and the way back.
struct DeadLetters: Sendable {
    var browser: QueueBrowser
    var queues: QueueLayout
    var logger: Logger

    init(endpoints: AMQPEndpoints, queues: QueueLayout, logger: Logger) {
        browser = QueueBrowser(
            endpoints: endpoints,
            renewingAfter: queues.returnsBeforeRenewal,
            patience: .seconds(60)
        )
        // A quorum queue of RabbitMQ 4 gives up what was looked at too often, and only a whole message can be put there
        // anew.
        if queues.type == .quorum { browser.maximumBodyBytes = AMQPConfiguration.brokerBodyBytes }
        self.queues = queues
        self.logger = logger
    }

    struct List: Sendable, Codable, Equatable {
        /// The oldest first.
        var letters: [DeadLetter] = []
        /// All there are, those beyond the limit included.
        var total = 0
    }

    /// Which letters to send back or to discard.
    enum Selection: Sendable, Hashable {
        case all
        /// The letter of a job with this id, of either kind.
        case id(ByteText)
        case job(JobKey)
        /// By reason code, such as `worker_died`.
        case reason(String)
        /// Letters that cannot be sent back.
        case notJobs

        func includes(_ letter: DeadLetter) -> Bool {
            switch self {
            case .all: true
            case .id(let id): letter.id == id
            case .job(let key): letter.kind == key.kind && letter.id == key.id
            case .reason(let code): ByteText(letter.reasonCode) == ByteText(code)
            case .notJobs: !letter.isRedrivable
            }
        }

        /// Whether it is the id of one job. A message that is no job has the id that its sender wrote, which may be
        /// another job's.
        var namesJob: Bool {
            switch self {
            case .id, .job: true
            case .all, .reason, .notJobs: false
            }
        }

        /// Whether letters of the kind can be among them.
        func concerns(_ kind: MediaKind) -> Bool {
            if case .job(let key) = self { key.kind == kind } else { true }
        }
    }

    struct Redriven: Sendable, Codable, Equatable {
        /// `kind/id` of each job that was sent back, in order.
        var jobs: [String] = []
        /// Letters that were meant and are no jobs, or have the id of another one; they stay, bytes unchanged.
        var unreadable = 0
        /// Jobs that were meant and have become too long to be sent; they stay. Absent when there are none.
        var tooLong: Int?
        /// Letters that were not looked at, as too many wait; ask again.
        var unseen = 0
    }

    struct Discarded: Sendable, Codable, Equatable {
        /// `kind/id` of each job whose letter was deleted, in order.
        var jobs: [String] = []
        /// Letters that were deleted and are no jobs, or have the id of another one.
        var notJobs = 0
        /// Letters with a chosen id that are no jobs; they stay.
        var kept = 0
        /// Letters that were not looked at, as too many wait; ask again.
        var unseen = 0
    }

    /// A list reads so many bytes of letters of each kind: they have to come over the network. Letters beyond are
    /// only counted.
    private static let maximumListBytes: UInt64 = 64 << 20

    /// - Parameter limit: for each kind. Letters beyond it are only counted.
    /// - Throws: ``AMQPError``.
    func list(kinds: [MediaKind] = MediaKind.allCases, limit: Int = 1000) async throws -> List {
        var list = List()
        var browser = browser
        browser.maximumMessages = min(max(limit, 0), browser.maximumMessages)
        browser.maximumBytes = Self.maximumListBytes
        for kind in kinds {
            var letters: [DeadLetter] = []
            let sight = try await browser.browse(queues.names.dead(kind)) { delivery, _ in
                letters.append(DeadLetter(delivery, kind))
                return .next
            }
            list.total += sight.waiting
            list.letters += letters
        }
        return list
    }

    /// Sends jobs back to download for a new run with all attempts.
    ///
    /// A letter is acknowledged once the broker has confirmed its job. Killed in between, the job is sent back and the
    /// letter stays; to send it back again then does nothing, for it is the same run.
    ///
    /// - Throws: ``AMQPError``. A letter that was not sent back stays where it is.
    func redrive(_ selection: Selection, kinds: [MediaKind] = MediaKind.allCases) async throws -> Redriven {
        var result = Redriven()
        for kind in kinds where selection.concerns(kind) {
            var sent: [String] = []
            var unreadable = 0
            var tooLong = 0
            let sight = try await browser.browse(queues.names.dead(kind)) { delivery, client in
                let letter = DeadLetter(delivery, kind)
                guard selection.includes(letter) else { return .next }
                guard letter.isRedrivable, let ticket = DeadLetter.ticket(delivery, kind) else {
                    unreadable += 1
                    return .next
                }
                do {
                    try await send(ticket, client)
                } catch let error as AMQPError where error.code == .invalidArgument {
                    // The job has become too long. The letters behind it are not to wait for that.
                    tooLong += 1
                    return .next
                }
                try await delivery.acknowledge()
                sent.append("\(ticket.key)")
                return .settled
            }
            result.jobs += sent
            result.unreadable += unreadable
            if tooLong > 0 { result.tooLong = (result.tooLong ?? 0) + tooLong }
            result.unseen += sight.waiting - sight.seen
        }
        return result
    }

    /// Deletes letters for good. The jobs among them have ended, and cannot be sent back any more.
    ///
    /// Each letter is acknowledged by itself, so that the others stay when a pass is cut off.
    ///
    /// - Throws: ``AMQPError``. A letter that was not deleted stays where it is.
    func discard(_ selection: Selection, kinds: [MediaKind] = MediaKind.allCases) async throws -> Discarded {
        var result = Discarded()
        for kind in kinds where selection.concerns(kind) {
            var found = Discarded()
            let sight = try await browser.browse(queues.names.dead(kind)) { delivery, _ in
                let letter = DeadLetter(delivery, kind)
                guard selection.includes(letter) else { return .next }
                if selection.namesJob, !letter.isRedrivable {
                    found.kept += 1
                    return .next
                }
                try await delivery.acknowledge()
                noteDiscarded(letter)
                if let id = letter.id, letter.isRedrivable {
                    found.jobs.append("\(JobKey(kind: kind, id: id))")
                } else {
                    found.notJobs += 1
                }
                return .settled
            }
            result.jobs += found.jobs
            result.notJobs += found.notJobs
            result.kept += found.kept
            result.unseen += sight.waiting - sight.seen
        }
        return result
    }

    private func noteDiscarded(_ letter: DeadLetter) {
        logger.notice(
            "a dead letter is discarded",
            metadata: [
                LogKey.jobID: "\(letter.id ?? "unknown")", LogKey.jobKind: "\(letter.kind.rawValue)",
                "failure.code": "\(letter.reasonCode)", "message.bytes": "\(letter.bytes)",
            ]
        )
    }

    private func send(_ ticket: Ticket, _ client: AMQPClient) async throws {
        var again = ticket.redriven()
        again.transfer = UUID().uuidString
        try await client.publish(again, declaring: queues.entry(ticket.kind))
        logger.notice(
            "a job is sent back from the dead letters",
            metadata: [
                LogKey.jobID: "\(again.id)", LogKey.jobKind: "\(again.kind.rawValue)",
                "job.redrives": "\(again.redrives)",
                "failure.code": "\(ticket.failure?.code ?? "unknown")",
            ]
        )
    }
}
