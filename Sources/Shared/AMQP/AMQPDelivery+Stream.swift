extension AMQPDelivery {
    /// The position of the message in its stream, counted from 0; nil for a message from a queue of another type.
    package var streamPosition: Int64? {
        guard case .int(let position) = headers["x-stream-offset"], position >= 0, position < .max else { return nil }
        return position
    }
}
