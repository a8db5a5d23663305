/// One process of a worker, from its start to its end.
package struct WorkerLife: Sendable, Hashable {
    /// The worker's name, such as `process.video.1`; the process that follows it has the same.
    package var name: String
    package var processID: Int32

    package init(name: String, processID: Int32) {
        self.name = name
        self.processID = processID
    }

    /// The text that the ledger stores and people see: name and process number.
    package var text: String { "\(name) (process \(processID))" }
}
