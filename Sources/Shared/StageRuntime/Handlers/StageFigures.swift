internal import JobModel
internal import Logging

/// A stage's work on one job in figures: files that it has read, made and removed, and their bytes. nil where there are
/// none.
struct StageFigures: Sendable {
    var inputs: Int?
    var inputBytes: Int64?
    var outputs: Int?
    var outputBytes: Int64?
    var removed: Int?
    var removedBytes: Int64?

    var metadata: Logger.Metadata {
        let figures: [(key: String, value: Int64?)] = [
            (LogKey.inputCount, inputs.map(Int64.init)), (LogKey.inputBytes, inputBytes),
            (LogKey.outputCount, outputs.map(Int64.init)), (LogKey.outputBytes, outputBytes),
            (LogKey.fileCount, removed.map(Int64.init)), (LogKey.fileBytes, removedBytes),
        ]
        return figures.reduce(into: [:]) { metadata, figure in
            if let value = figure.value { metadata[figure.key] = "\(value)" }
        }
    }
}
