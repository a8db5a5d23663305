internal import JobModel
internal import Storage
internal import TempFiles

/// The uploads that a job has begun under one key, in the ledger.
struct JobUploads: UploadRecord {
    let tracker: TempFileTracker
    let job: JobKey
    /// The store, as it describes itself.
    let store: ByteText
    let key: ByteText

    func open() async throws -> [ByteText] {
        try await tracker.uploads(job).filter { $0.store == store && $0.key == key }.map(\.id)
    }

    func note(_ id: ByteText) async throws { try await tracker.noteUpload(upload(id), job: job) }

    func forget(_ id: ByteText) async throws { try await tracker.forgetUpload(upload(id), job: job) }

    private func upload(_ id: ByteText) -> JobUpload { JobUpload(store: store, key: key, id: id) }
}
