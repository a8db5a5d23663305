/// A stage of one kind, as it is served by workers of its own.
public struct ServedStage: Sendable, Hashable {
    public var kind: MediaKind
    public var stage: Stage

    public init(_ kind: MediaKind, _ stage: Stage) {
        self.kind = kind
        self.stage = stage
    }
}
