package import AMQP

extension QueueDifference {
    /// The harm that the difference does as long as the queue stays as it is.
    package var cost: String {
        switch (argument, wanted) {
        case ("x-queue-type", "quorum"?):
            "one node keeps the queue, so its messages wait while that node is down, and are gone when its disk is"
        case ("x-queue-type", "stream"?): "no host takes jobs from the shared queues"
        case ("x-queue-type", _): "clients that declare it without arguments are refused"
        case ("x-delivery-limit", .some): "a message that kills whoever reads it is delivered without end"
        case ("x-delivery-limit", nil): "a message that is given back too often leaves the queue"
        case ("x-dead-letter-exchange", .some), ("x-dead-letter-routing-key", .some):
            "messages that expire or are given up are lost, or go elsewhere"
        case ("x-dead-letter-strategy", .some), ("x-overflow", .some):
            "a message that leaves the queue can be lost on its way when a node dies"
        case ("x-message-ttl", .some): "jobs come back after another time, or never"
        case ("x-message-ttl", nil), ("x-expires", nil), ("x-max-length", nil), ("x-max-length-bytes", nil):
            "the broker may drop messages"
        case ("x-max-priority", .some): "priorities have no effect"
        default: "it may behave otherwise than documented"
        }
    }
}
