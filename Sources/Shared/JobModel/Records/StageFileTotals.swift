/// The temp files that one stage's work on one kind has left in the ledger.
package struct StageFileTotals: Sendable, Hashable {
    package var kind: MediaKind
    /// nil for files that an older producer's manifest named without it.
    package var stage: JobPhase?
    package var totals: FileTotals

    package init(kind: MediaKind, stage: JobPhase?, totals: FileTotals) {
        self.kind = kind
        self.stage = stage
        self.totals = totals
    }
}
