internal import AMQP
internal import JobModel
internal import Queues
package import Storage
internal import TempFiles

/// Why a stage did not do its work, with the verdict that decides what happens to the job.
package struct StageFailure: Error, Sendable, CustomStringConvertible {
    package enum Verdict: String, Sendable {
        /// May work later: the job is tried again after a delay, until its attempts are used up.
        case transient
        /// The disk has no room now: the job waits, and loses no attempt.
        case noRoom
        /// Another job puts objects under the same keys: the job waits, and loses no attempt.
        case otherJob
        /// A host that the stage needs is away or overloaded: the job waits, and loses no attempt for
        /// ``RetryPolicy/awaySeconds``. After that it is transient.
        case away
        /// Will never work: the job fails.
        case permanent
        /// A temp file that the stage needs is gone: the job goes back to download.
        case sourceGone
    }

    package var verdict: Verdict
    /// A short word for programs, such as `invalid_media`.
    package var code: String
    /// A sentence for people: the cause, and what to do.
    package var message: String
    /// How long the other side asks to be left alone: the next try comes no sooner, if there is a delay as long.
    package var retryAfter: Duration?
    /// The host that is away, as ``HostAbsence/host`` has it; nil where none is known.
    package var host: String?

    package init(
        _ verdict: Verdict,
        code: String,
        _ message: String,
        retryAfter: Duration? = nil,
        host: String? = nil
    ) {
        self.verdict = verdict
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
        self.host = host
    }

    package var description: String { message }

    /// The failure that trouble with a source or the store means.
    ///
    /// - Parameter advice: goes behind the message.
    package init(_ error: StorageError, advice: String = "") {
        self.init(
            !error.isRetriable ? .permanent : error.isHostAway ? .away : .transient,
            code: error.code.rawValue,
            error.message + advice,
            retryAfter: error.retryAfter,
            host: error.away?.host?.description
        )
    }

    /// The failure that an error of the runtime's own modules means. An error nobody classified is transient: the
    /// attempts bound it, and a permanent verdict could not be taken back.
    init(_ error: any Error) {
        switch error {
        case let failure as StageFailure: self = failure
        case let error as TempFileError:
            self.init(error.isRetriable ? .transient : .permanent, code: "temp_files", error.message)
        case let error as SpillError:
            // What the store does not give now or ever is made again from the job's source.
            let verdict: Verdict =
                switch error.verdict {
                case .away: .away
                case .transient: .transient
                case .lost, .permanent: .sourceGone
                }
            self.init(verdict, code: "spill_store", error.message, retryAfter: error.retryAfter)
        case let error as TicketTooLong:
            self.init(.permanent, code: TicketTooLong.code, error.description)
        case let error as AMQPError:
            // The protocol cannot carry such a message later either.
            self.init(error.code == .invalidArgument ? .permanent : .transient, code: "broker", error.message)
        default: self.init(.transient, code: "unexpected", "\(error)")
        }
    }
}
