extension AMQPDelivery {
    /// Where in its stream a message stands, counted from 0; nil for one that comes from a queue of another type.
    public var streamPosition: Int64? {
        guard case .int(let position) = headers["x-stream-offset"], position >= 0, position < .max else { return nil }
        return position
    }
}
