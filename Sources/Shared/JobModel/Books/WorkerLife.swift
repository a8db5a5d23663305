/// One life of a worker.
package struct WorkerLife: Sendable, Hashable {
    /// Such as `process.video.1`; its successor has the same.
    package var name: String
    package var processID: Int32

    package init(name: String, processID: Int32) {
        self.name = name
        self.processID = processID
    }

    /// As the ledger has it, and people see it.
    package var text: String { "\(name) (process \(processID))" }
}
