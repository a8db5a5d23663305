internal import GRDB
internal import JobModel

/// Jobs that have ended, and are remembered for a time.
extension Books {
    /// Forgets finished jobs without files.
    ///
    /// - Parameter age: in milliseconds of service.
    package func prune(olderThan age: Int64, limit: Int) throws -> Int {
        try makeWishesOfJobsThatNeverCame()
        try db.run(
            sql: """
                DELETE FROM job WHERE number IN (
                    SELECT number FROM job WHERE fileCount = 0 AND state = 'finished'
                        AND rememberedSince < (SELECT serviceMilliseconds FROM about) - ?
                    LIMIT ?)
                """,
            arguments: [age, limit]
        )
        return db.changesCount
    }

    /// Earlier versions kept the wish to cancel a job that nobody had seen as a job, which then seemed to be under way.
    private func makeWishesOfJobsThatNeverCame() throws {
        let those = "state = 'active' AND stage IS NULL AND isCancelRequested AND fileCount = 0"
        try db.run(
            sql: """
                INSERT INTO wish (kind, id, redrives, since)
                    SELECT kind, id, NULL, COALESCE(rememberedSince, 0) FROM job WHERE \(those)
                    ON CONFLICT (kind, id) DO NOTHING
                """
        )
        try db.run(sql: "DELETE FROM job WHERE \(those)")
    }
}
