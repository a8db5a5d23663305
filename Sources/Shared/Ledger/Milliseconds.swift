package import FoundationEssentials
internal import JobModel

extension Date {
    /// Since 1970. Any moment fits: what 64 bits cannot hold becomes the nearest they can.
    package var milliseconds: Int64 {
        let value = (timeIntervalSince1970 * 1000).rounded()
        return Int64(exactly: value) ?? (value > 0 ? .max : .min)
    }

    // A quarter more, so that a formatter that cuts off the digits it does not show writes this millisecond and not the
    // one before.
    package init(milliseconds: Int64) { self.init(timeIntervalSince1970: (Double(milliseconds) + 0.25) / 1000) }
}

extension Duration {
    /// Whole milliseconds, as many as there is room for.
    package var clampedMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        return whole.addingClamped(attoseconds / 1_000_000_000_000_000)
    }
}
