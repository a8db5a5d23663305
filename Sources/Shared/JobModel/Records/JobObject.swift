/// An object that a job puts into a store, as the ledger has it: from before its first byte until the job has
/// completed, or until the object is gone.
package struct JobObject: Sendable, Hashable {
    package enum State: String, Sendable, Hashable {
        /// The job may have put it.
        case planned
        /// The job has put it.
        case put
        /// Another host has put it, as the job's message says.
        case told
    }

    /// In place of the name of a file: the object is the job's result index, which is made of no file and whose bytes
    /// name the job.
    package static let indexName = "result.json"

    package var key: ByteText
    /// The store, as it describes itself.
    package var store: ByteText
    package var state: State
    /// The job's file that it is made of, relative to the job's directory; nil where no file of this host is.
    /// ``indexName`` for the result index.
    package var name: String?
    /// The validator of the object that was put, as bytes; nil where the store has none, and unless ``state`` is `put`.
    package var validator: [UInt8]?

    package init(
        key: ByteText,
        store: ByteText,
        state: State,
        name: String? = nil,
        validator: [UInt8]? = nil
    ) {
        self.key = key
        self.store = store
        self.state = state
        self.name = name
        self.validator = validator
    }
}
