internal import Files
internal import JobModel
internal import Ledger

/// The names that files of a job may have.
enum FileName {
    static let maximumBytes = 1024
    static let maximumComponents = 16

    /// - Throws: ``TempFileError`` with code `invalidName`.
    static func check(_ name: String) throws(TempFileError) {
        let reason: String?
        do throws(PathProblem) {
            let path = try RelativePath(name)
            let first = path.parents.first ?? path
            reason =
                if first.bytes.elementsEqual(LeaseFile.name.utf8) {
                    "this name belongs to the job's lease"
                } else if path.bytes.count > maximumBytes || path.depth > maximumComponents {
                    "at most \(maximumComponents) components and \(maximumBytes) bytes"
                } else {
                    nil
                }
        } catch {
            reason = "\(error); it must be a relative path beneath the job's directory"
        }
        guard let reason else { return }
        throw TempFileError(
            code: .invalidName,
            message: "`\(name.clipped(toBytes: 200).shown)` cannot name a temp file: \(reason)",
            isRetriable: false
        )
    }

    /// The directories that lead to `name`, outermost first: `a/b/c` has `a` and `a/b`.
    static func parents(of name: String) -> [String] {
        // Names are checked before they come here.
        (try? RelativePath(name))?.parents.map(\.text) ?? []
    }
}
