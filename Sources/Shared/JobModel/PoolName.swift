/// A pool: the workers of one stage for one kind of media.
package struct PoolName: Sendable, Hashable, CustomStringConvertible {
    package var stage: Stage
    package var kind: MediaKind

    package init(stage: Stage, kind: MediaKind) {
        self.stage = stage
        self.kind = kind
    }

    /// `process.video`
    package init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2, let stage = ByteText(utf8: parts[0]).flatMap({ Stage(named: $0) }),
            let kind = ByteText(utf8: parts[1]).flatMap({ MediaKind(named: $0) })
        else { return nil }
        self.init(stage: stage, kind: kind)
    }

    package var description: String { "\(stage.rawValue).\(kind.rawValue)" }

    package static let all = MediaKind.allCases.flatMap { kind in
        Stage.allCases.map { PoolName(stage: $0, kind: kind) }
    }
}
