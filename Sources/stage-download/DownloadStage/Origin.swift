internal import JobModel
internal import StageRuntime
internal import Storage

/// Where a job's source is.
enum Origin: Sendable, Hashable, CustomStringConvertible {
    case key(ObjectKey)
    case file(url: String)

    init(_ ticket: Ticket) throws(StageFailure) {
        if let source = ticket.source {
            do throws(StorageError) {
                try SourceURL.checkScheme(source)
            } catch {
                throw StageFailure(.permanent, code: error.code.rawValue, error.message)
            }
            self = .file(url: source)
        } else if let key = ticket.sourceKey {
            do {
                self = .key(try ObjectKey(key))
            } catch {
                throw StageFailure(.permanent, code: "invalid_key", "\(error); correct the job's `s3Key`")
            }
        } else {
            throw StageFailure(
                .permanent,
                code: "no_source",
                "the job names no source; give it an `s3Key` or a `source`"
            )
        }
    }

    var description: String {
        switch self {
        case .key(let key): "\(key)"
        case .file(let url): SourceURL.redacted(url)
        }
    }
}
