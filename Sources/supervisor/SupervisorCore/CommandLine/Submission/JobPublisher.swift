internal import AMQP
internal import JobModel
internal import Logging
internal import Queues

/// Puts jobs into the download queues.
struct JobPublisher: Sendable {
    var brokerURL: String
    var queues: QueueLayout

    /// Returns when the broker has taken responsibility for every job.
    func publish(_ submissions: [Submission]) async throws(AMQPError) {
        let client = AMQPClient(
            endpoints: try AMQPEndpoints(parsing: brokerURL),
            connectionName: "supervisor submit",
            configuration: AMQPConfiguration(replyTimeout: .seconds(10), publishTimeout: .seconds(10)),
            // Failures are thrown; standard output belongs to the command.
            logger: Logger(label: "submit") { _ in SwiftLogNoOpLogHandler() }
        )
        try client.start()
        do throws(AMQPError) {
            for submission in submissions {
                try await client.publish(submission.message, declaring: queues.entry(submission.ticket.kind))
            }
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }
}
