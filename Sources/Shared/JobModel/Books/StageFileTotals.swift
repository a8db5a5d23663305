/// The temp files that one stage's work on one kind has left in the ledger.
public struct StageFileTotals: Sendable, Hashable {
    public var kind: MediaKind
    /// nil for files that an older producer's manifest named without it.
    public var stage: JobPhase?
    public var totals: FileTotals

    public init(kind: MediaKind, stage: JobPhase?, totals: FileTotals) {
        self.kind = kind
        self.stage = stage
        self.totals = totals
    }
}
