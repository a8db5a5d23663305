internal import AMQP
internal import JobModel
internal import TempFiles

extension Problem {
    static let brokerAway = "The broker cannot be reached"

    /// Runs `body`, and turns errors of the broker into problems.
    static func onBroker<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as TreeError {
            throw Problem(title: Problem.brokerAway, status: 503, detail: error.message)
        } catch let error as AMQPError {
            throw Problem(title: "The broker did not take it", status: 503, detail: error.message)
        }
    }

    /// Runs `body`, and turns errors of the ledger and the workspace into problems.
    static func onLedger<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as TempFileError where error.code == .sweepInProgress {
            throw Problem(title: "A sweep is under way", status: 409, detail: error.message)
        } catch let error as TempFileError {
            throw Problem(title: "The ledger cannot be read", status: 503, detail: error.message)
        }
    }
}
