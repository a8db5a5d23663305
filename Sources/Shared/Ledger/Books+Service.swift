internal import GRDB
package import JobModel

/// Time of service: how long process trees have run on this ledger, and how long each stage was served meanwhile. The
/// silence of jobs and the memory of finished ones are measured by it, so that neither a clock that jumps nor a host
/// that was off counts.
extension Books {
    /// When the ledger was begun, in milliseconds since 1970.
    package func begunAt() throws -> Int64? {
        try Int64.fetchOne(db, sql: "SELECT createdAt FROM about")
    }

    package func serviceMilliseconds() throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT serviceMilliseconds FROM about") ?? 0
    }

    /// - Parameters:
    ///   - all: milliseconds in which there was a tree and it had the broker.
    ///   - stages: how much of it each stage was served; those that are not listed were not. nil: all were, all the
    ///     time.
    package func addService(_ all: Int64, stages: [ServedStage: Int64]?) throws {
        try db.run(sql: "UPDATE about SET serviceMilliseconds = serviceMilliseconds + ?", arguments: [all])
        guard let stages else {
            return try db.run(sql: "UPDATE service SET milliseconds = milliseconds + ?", arguments: [all])
        }
        for (stage, milliseconds) in stages {
            try db.run(
                sql: "UPDATE service SET milliseconds = milliseconds + ? WHERE kind = ? AND stage = ?",
                arguments: [milliseconds, stage.kind.rawValue, stage.stage.rawValue]
            )
        }
    }

    /// How long each stage was served, in milliseconds.
    package func served() throws -> [ServedStage: Int64] {
        var served: [ServedStage: Int64] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT kind, stage, milliseconds FROM service") {
            guard let kind = MediaKind(rawValue: row[0]), let stage = Stage(rawValue: row[1]) else { continue }
            served[ServedStage(kind, stage)] = row[2]
        }
        return served
    }
}
