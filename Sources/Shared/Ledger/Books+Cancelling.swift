internal import FoundationEssentials
internal import GRDB
package import JobModel

/// Wishes to cancel jobs.
extension Books {
    /// Once the clean-up stage has the job, its outputs are published and its end is decided.
    ///
    /// A job that no stage has seen is none: the wish is kept apart from jobs, until the job's message takes it or it
    /// is forgotten.
    ///
    /// - Parameter isRemembered: whether a job that no stage has seen is given up when its message comes.
    package func requestCancel(
        _ key: JobKey,
        isRemembered: Bool = true,
        now: Int64
    ) throws -> CancelAnswer {
        guard let row = try head(key), row.stage != nil || row.state != .active else {
            if isRemembered { try rememberWish(key) }
            return .unknown
        }
        if row.state == .active, !row.isCancelRequested, row.stage != .cleanup {
            try db.run(
                sql: "UPDATE job SET isCancelRequested = 1, updatedAt = ? WHERE number = ?",
                arguments: [now, row.number]
            )
        } else if row.state != .active || !row.isCancelRequested {
            return .over(row.end)
        }
        return .requested
    }

    package func isCancelRequested(_ key: JobKey) throws -> Bool {
        let sql = "SELECT isCancelRequested FROM job WHERE kind = ? AND id = ?"
        let arguments: StatementArguments = [key.kind.rawValue, Data(key.id.utf8)]
        return try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? false
    }
}
