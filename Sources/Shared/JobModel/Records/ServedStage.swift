/// A stage of one kind, as it is served by workers of its own.
package struct ServedStage: Sendable, Hashable {
    package var kind: MediaKind
    package var stage: Stage

    package init(_ kind: MediaKind, _ stage: Stage) {
        self.kind = kind
        self.stage = stage
    }
}
