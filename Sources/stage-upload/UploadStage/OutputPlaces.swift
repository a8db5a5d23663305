internal import JobModel
internal import Logging
internal import Settings
internal import StageRuntime
internal import Storage

/// Where the outputs of a job go: to the store, or the job's destination, and single ones to URLs that were signed for
/// them.
struct OutputPlaces: Sendable {
    enum Place: Sendable {
        case store(any Store)
        case url(SignedUpload)

        var isStore: Bool { if case .store = self { true } else { false } }

        /// - Throws: `StorageError`, `CancellationError`, or what `didWrite` threw.
        func put(
            _ object: NewObject,
            didWrite: @escaping @Sendable (Int64) throws -> Void
        ) async throws -> PublishedObject {
            switch self {
            case .store(let store): try await store.put(object, didWrite: didWrite)
            case .url(let upload):
                try await upload.put(object.content, contentType: object.contentType, didWrite: didWrite)
            }
        }
    }

    /// Of the outputs that have no URL of their own.
    let store: any Store
    /// Outputs that are put at a time.
    let width: Int
    private let uploads: [Int: SignedUpload]

    /// Whether the job has brought URLs, were they for outputs that it does not have.
    let haveURLs: Bool

    /// - Throws: `StageFailure` when the job's destination is not allowed.
    init(_ ticket: Ticket, _ stores: Stores, _ settings: StorageSettings) throws {
        do throws(StorageError) { store = try stores.store(of: ticket) } catch { throw StageFailure(error) }
        uploads = ticket.uploadURLsByOutput.mapValues {
            SignedUpload($0.url, name: $0.name.string, settings)
        }
        haveURLs = !uploads.isEmpty || !ticket.unusedUploadURLs.isEmpty
        width = store.gainsByParallelPuts || !uploads.isEmpty ? settings.s3.parallelOutputs : 1
    }

    /// - Parameter index: of the output in the ticket.
    subscript(index: Int) -> Place { if let upload = uploads[index] { .url(upload) } else { .store(store) } }

    /// The places of outputs in the ticket, in the order in which they are put: those with a URL last, as nobody can
    /// take them back should another one fail.
    func order(of outputs: [JobOutput]) -> [Int] {
        outputs.indices.filter { uploads[$0] == nil } + outputs.indices.filter { uploads[$0] != nil }
    }

    /// Looks at the URLs alone, so that a job that cannot succeed puts nothing.
    ///
    /// - Parameter isNeeded: whether an output, by its place, is still to be put.
    /// - Throws: `StageFailure` when one is not allowed, or was signed for a time that is over.
    func checkURLs(_ isNeeded: (Int) -> Bool) throws {
        for (index, upload) in uploads.sorted(by: { $0.key < $1.key }) where isNeeded(index) {
            do throws(StorageError) { try upload.checkAllowed() } catch { throw StageFailure(error) }
        }
    }

    /// Tells the log of URLs for outputs that the job does not have: a name may be misspelt.
    func noteUnused(of ticket: Ticket, _ logger: Logger) {
        let unused = ticket.unusedUploadURLs
        if unused.isEmpty { return }
        let names = unused.prefix(10).map { $0.string.clipped(toBytes: 64).shown }.joined(separator: ", ")
        logger.notice(
            "`uploadUrls` names outputs that the job does not have; their URLs are not used",
            metadata: ["output.names": "\(names)", "output.count": "\(unused.count)"]
        )
    }
}
