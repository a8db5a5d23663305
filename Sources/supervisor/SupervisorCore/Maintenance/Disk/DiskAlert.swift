/// Tells when a file system gets too full and when it has recovered. Pure. The two thresholds differ, so that a disk
/// whose use hovers around one of them is not reported again and again.
struct DiskAlert: Sendable {
    enum Change: Sendable, Equatable {
        case raised
        case cleared
    }

    /// How far below the alert the use must fall to count as recovered, in per cent of the disk.
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
