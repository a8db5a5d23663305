internal import JobModel
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
                try await upload.put(object.path, contentType: object.contentType, didWrite: didWrite)
            }
        }
    }

    /// Of the outputs that have no URL of their own.
    let store: any Store
    /// Outputs that are put at a time.
    let width: Int
    private let uploads: [Int: SignedUpload]

    /// - Throws: `StageFailure` when the job's destination is not allowed.
    init(_ ticket: Ticket, _ stores: Stores, _ settings: StorageSettings) throws {
        do throws(StorageError) {
            store = try stores.store(of: ticket)
        } catch {
            throw Self.failure(error)
        }
        uploads = ticket.uploadURLsByOutput.mapValues {
            SignedUpload($0.url, name: $0.name.string, settings.webSources)
        }
        width = store.gainsByParallelPuts || !uploads.isEmpty ? settings.s3.parallelOutputs : 1
    }

    /// - Parameter index: of the output in the ticket.
    subscript(index: Int) -> Place { if let upload = uploads[index] { .url(upload) } else { .store(store) } }

    static func failure(_ error: StorageError) -> StageFailure {
        StageFailure(
            !error.isRetriable ? .permanent : error.isHostAway ? .away : .transient,
            code: error.code.rawValue,
            error.message,
            retryAfter: error.retryAfter,
            host: error.away?.host?.description
        )
    }
}
