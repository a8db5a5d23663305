/// One life of a worker.
public struct WorkerLife: Sendable, Hashable {
    /// Such as `process.video.1`; its successor has the same.
    public var name: String
    public var processID: Int32

    public init(name: String, processID: Int32) {
        self.name = name
        self.processID = processID
    }

    /// As the ledger has it, and people see it.
    package var text: String { "\(name) (process \(processID))" }
}
