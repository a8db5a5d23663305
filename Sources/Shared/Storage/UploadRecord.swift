package import JobModel

/// The open uploads of one object by one job, where the job finds them again after its worker has died.
///
/// Another job may upload an object under the same key at the same time. So an upload is gone on with, or aborted, by
/// the job alone that has it in its record.
package protocol UploadRecord: Sendable {
    /// The store's names of the uploads, the newest first.
    func open() async throws -> [ByteText]

    /// Called before the first byte of an upload goes.
    func note(_ id: ByteText) async throws

    /// Called when an upload is no longer open.
    func forget(_ id: ByteText) async throws
}
