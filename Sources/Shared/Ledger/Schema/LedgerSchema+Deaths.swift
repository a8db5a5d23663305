internal import FoundationEssentials
internal import GRDB
internal import JobModel

extension LedgerSchema {
    // The names by which jobs are found, as bytes: SQLite ends a text at a NUL. A row has long columns before these, so
    // that finding one without an index would read through all rows of a week of jobs.
    static let names = """
        ALTER TABLE job ADD COLUMN media BLOB NOT NULL DEFAULT x'';
        ALTER TABLE job ADD COLUMN source BLOB;
        UPDATE job SET media = CAST(mediaID AS BLOB);
        ALTER TABLE job DROP COLUMN mediaID;
        CREATE INDEX jobByMedia ON job (media);
        CREATE INDEX jobBySource ON job (source) WHERE source IS NOT NULL;
        """

    // `worker` is who has begun a stage, until the job is handed over, given back or over. If another start finds it
    // there, that worker has died, and so it has if the supervisor says so. Whoever is first notes it; what the worker
    // died of the supervisor alone knows, and until it says so `lastDeath`, and the event that a trigger makes of it,
    // is who it was.
    static let deaths = """
        ALTER TABLE job ADD COLUMN worker TEXT;
        ALTER TABLE job ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN lastDeath TEXT;
        CREATE INDEX jobOfWorker ON job (worker) WHERE worker IS NOT NULL;
        CREATE INDEX deathOfWorker ON event (detail) WHERE what = 'workerDied';
        CREATE TRIGGER eventOfDeath AFTER UPDATE OF deaths ON job WHEN NEW.deaths > OLD.deaths BEGIN
            \(event("NEW.number", "'workerDied'", "NEW.stage", "NEW.hop", "NEW.lastDeath"))
        END;
        """

    /// Takes the sources of jobs that are in the ledger already from their messages.
    static func noteSources(_ db: Database) throws {
        let update = try db.makeStatement(sql: "UPDATE job SET source = ? WHERE number = ?")
        let rows = try Row.fetchCursor(
            db,
            sql: "SELECT number, kind, COALESCE(record, ticket) FROM job WHERE COALESCE(record, ticket) IS NOT NULL"
        )
        var sources: [(job: Int64, source: Data)] = []
        while let row = try rows.next() {
            let message: Data = row[2]
            // A message that is no ticket names no source.
            guard let kind = MediaKind(rawValue: row[1]),
                let source = (try? Ticket(parsing: message, expecting: kind))?.sourceText,
                source.count <= JobRecord.maximumSourceBytes
            else { continue }
            sources.append((row[0], Data(source.utf8)))
        }
        for (job, source) in sources { try update.execute(arguments: [source, job]) }
    }
}
