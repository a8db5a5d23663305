package import JobModel

/// The number of attempts of each stage before a transient failure becomes the job's: `MAX_ATTEMPTS` and
/// `STAGE_MAX_ATTEMPTS`.
package struct AttemptLimits: Sendable, Hashable, CustomStringConvertible {
    package static let range: ClosedRange<Int64> = 1...100

    private let common: Int64
    private var limits: [Stage: Int64] = [:]

    /// - Parameter common: of every stage.
    package init(_ common: Int64) { self.common = common }

    /// Attempts of this stage, the first one included.
    package subscript(stage: Stage) -> Int64 { limits[stage] ?? common }

    /// Reads `download=8,upload=10`. Stages that are not named have the common limit.
    init(parsing text: String, common: Int64) throws(SettingsReader.ParseFailure) {
        self.init(common)
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let stage = Stage(rawValue: sides[0].trimmed) else {
                let stages = Stage.allCases.map(\.rawValue).joined(separator: ", ")
                throw .init(message: "`\(part)` is not STAGE=COUNT; stages are \(stages)")
            }
            guard let count = Int64(sides[1].trimmed), Self.range.contains(count) else {
                throw .init(message: "the count of \(stage.rawValue) must be 1 to 100, not `\(sides[1])`")
            }
            guard limits.updateValue(count, forKey: stage) == nil else {
                throw .init(message: "\(stage.rawValue) is named twice")
            }
        }
    }

    package var description: String { Stage.allCases.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: ",") }

    /// - Parameter common: of stages that are not named.
    static func format(common: Int64) -> SettingFormat<Self> {
        SettingFormat(
            type: "STAGE=COUNT, `,` between",
            range: "1 to 100 for each stage",
            text: { limits in limits.overrides },
            parse: { (text) throws(SettingsReader.ParseFailure) in try Self(parsing: text, common: common) }
        )
    }

    /// The stages that have a limit of their own.
    private var overrides: String {
        Stage.allCases.compactMap { stage in limits[stage].map { "\(stage.rawValue)=\($0)" } }.joined(separator: ",")
    }
}
