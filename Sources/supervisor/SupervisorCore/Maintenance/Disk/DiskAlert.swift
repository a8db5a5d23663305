/// Tells when a file system gets too full and when it has recovered. Pure; the two thresholds lie apart, so that a disk
/// that hovers at one of them is not reported over and over.
struct DiskAlert: Sendable {
    enum Change: Sendable, Equatable {
        case raised
        case cleared
    }

    /// Below the alert, in per cent.
    static let recovery = 2.0

    let percent: Double
    private(set) var isRaised = false

    init(percent: Double) { self.percent = percent }

    mutating func change(usedPercent: Double) -> Change? {
        if !isRaised, usedPercent >= percent {
            isRaised = true
            return .raised
        }
        if isRaised, usedPercent < percent - Self.recovery {
            isRaised = false
            return .cleared
        }
        return nil
    }
}
