internal import FoundationEssentials
internal import GRDB

/// The ledger's tables. A migration that was released is never changed; a new one is added after it.
enum LedgerSchema {
    static func migrator(createdAt: Date) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: jobs, starts, files, usage") { db in
            try db.execute(sql: tables)
            try db.execute(sql: counters)
            try db.execute(sql: "INSERT INTO about (createdAt) VALUES (?)", arguments: [createdAt.milliseconds])
        }
        migrator.registerMigration("2: silence, tickets, published outputs") { db in try db.execute(sql: silence) }
        migrator.registerMigration("3: reservations") { db in try db.execute(sql: reservations) }
        migrator.registerMigration("4: removal in bulk") { db in try db.execute(sql: bulk) }
        migrator.registerMigration("5: compression") { db in try db.execute(sql: compression) }
        migrator.registerMigration("6: redrives, attempts, updates") { db in try db.execute(sql: runs) }
        migrator.registerMigration("7: events") { db in try db.execute(sql: events) }
        migrator.registerMigration("8: announced ends") { db in try db.execute(sql: announcements) }
        migrator.registerMigration("9: quiet looks for space") { db in try db.execute(sql: quietLooks) }
        migrator.registerMigration("10: service ends") { db in try db.execute(sql: serviceEnds) }
        migrator.registerMigration("11: claims of several hosts") { db in try db.execute(sql: claims) }
        migrator.registerMigration("12: what jobs ask for") { db in try db.execute(sql: content) }
        migrator.registerMigration("13: names to find jobs by, deaths of workers") { db in
            try db.execute(sql: names)
            try noteSources(db)
            try db.execute(sql: deaths)
        }
        migrator.registerMigration("14: ends in one step") { db in try db.execute(sql: ends) }
        migrator.registerMigration("15: objects that jobs put") { db in try db.execute(sql: objects) }
        migrator.registerMigration("16: spilled files") { db in try db.execute(sql: spill) }
        migrator.registerMigration("17: uploads that jobs have begun") { db in try db.execute(sql: uploads) }
        migrator.registerMigration("18: keys that jobs hold") { db in try db.execute(sql: keys) }
        return migrator
    }

    // Times are milliseconds since 1970. A job's id is bytes: SQLite would end a text at a NUL, and two ids could
    // become one. STRICT keeps every column of its type, so that reading one back cannot fail.
    private static let tables = """
        CREATE TABLE about (createdAt INTEGER NOT NULL) STRICT;

        CREATE TABLE job (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            id BLOB NOT NULL,
            directory TEXT NOT NULL,
            mediaID TEXT NOT NULL DEFAULT '',
            state TEXT NOT NULL DEFAULT 'active',
            stage TEXT,
            hop INTEGER NOT NULL DEFAULT 0,
            progress INTEGER NOT NULL DEFAULT 0,
            step TEXT NOT NULL DEFAULT '',
            outcome TEXT,
            finishToken TEXT,
            isCancelRequested INTEGER NOT NULL DEFAULT 0,
            record BLOB,
            fileCount INTEGER NOT NULL DEFAULT 0,
            createdAt INTEGER NOT NULL,
            updatedAt INTEGER NOT NULL,
            finishedAt INTEGER,
            UNIQUE (kind, id),
            UNIQUE (kind, directory)
        ) STRICT;
        CREATE INDEX jobByState ON job (state, number);
        CREATE INDEX jobWithFiles ON job (number) WHERE fileCount > 0;

        CREATE TABLE start (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            stage TEXT NOT NULL,
            hop INTEGER NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (job, stage, hop)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE file (
            number INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES job (number),
            name TEXT NOT NULL,
            state TEXT NOT NULL,
            type TEXT NOT NULL,
            stage TEXT,
            description TEXT NOT NULL,
            sizeBytes INTEGER NOT NULL,
            extra TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            errno INTEGER,
            createdAt INTEGER NOT NULL,
            UNIQUE (job, name)
        ) STRICT;

        CREATE TABLE usage (
            kind TEXT PRIMARY KEY,
            jobs INTEGER NOT NULL DEFAULT 0,
            files INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        INSERT INTO usage (kind) VALUES ('video'), ('image');
        """

    // Silence is measured by service time, which only passes while a process tree runs: a clock that jumps and a host
    // that was off make nobody silent. `quietMark` is the job's `updatedAt` when it was first seen silent.
    private static let silence = """
        ALTER TABLE about ADD COLUMN serviceMilliseconds INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN quietSince INTEGER;
        ALTER TABLE job ADD COLUMN quietMark INTEGER;
        ALTER TABLE job ADD COLUMN ticket BLOB;
        CREATE INDEX stuckFile ON file (job) WHERE attempts > 0;

        CREATE TABLE published (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            name TEXT NOT NULL,
            objectKey TEXT NOT NULL,
            location TEXT NOT NULL,
            sizeBytes INTEGER NOT NULL,
            PRIMARY KEY (job, name)
        ) STRICT, WITHOUT ROWID;
        """

    private static let reservations = """
        ALTER TABLE job ADD COLUMN reservedBytes INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX jobWithReservation ON job (reservedBytes) WHERE reservedBytes > 0;
        """

    // A job of a hundred thousand files leaves the ledger in one statement, which counts for itself.
    private static let bulk = """
        ALTER TABLE about ADD COLUMN isBulk INTEGER NOT NULL DEFAULT 0;
        DROP TRIGGER fileRemoved;
        CREATE TRIGGER fileRemoved AFTER DELETE ON file WHEN NOT (SELECT isBulk FROM about) BEGIN
            UPDATE job SET fileCount = fileCount - 1 WHERE number = OLD.job;
            UPDATE usage SET
                files = files - 1,
                bytes = bytes - OLD.sizeBytes,
                jobs = jobs - (SELECT fileCount = 0 FROM job WHERE number = OLD.job)
            WHERE kind = (SELECT kind FROM job WHERE number = OLD.job);
        END;
        """

    // `compression` is NULL for a file that nobody thought of compressing, a word for one that does not shrink, and
    // otherwise the token of the compressed file that is, or was about to be, in its place. Then `plainBytes` is the
    // size of the content.
    private static let compression = """
        ALTER TABLE file ADD COLUMN plainBytes INTEGER;
        ALTER TABLE file ADD COLUMN compression TEXT;
        CREATE INDEX compressedFile ON file (job) WHERE plainBytes IS NOT NULL;
        """

    // `redrives` tells the runs of a job apart, `updateSentAt` when clients last heard of it.
    private static let runs = """
        ALTER TABLE job ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN updateSentAt INTEGER;
        """

    // When the broker is known to have the terminal update of a finished job. Those of before are all taken to be
    // known.
    private static let announcements = """
        ALTER TABLE job ADD COLUMN announcedAt INTEGER;
        UPDATE job SET announcedAt = finishedAt WHERE state = 'finished';
        """

    // `service` is the time in which there were workers of a stage: a job's silence is measured in that of the stage it
    // waits for. `rememberedSince` is the service time at which a job ended, or at which one was to be cancelled that
    // never came.
    private static let serviceEnds = """
        CREATE TABLE service (
            kind TEXT NOT NULL,
            stage TEXT NOT NULL,
            milliseconds INTEGER NOT NULL,
            PRIMARY KEY (kind, stage)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO service (kind, stage, milliseconds)
            WITH kinds (kind) AS (VALUES ('video'), ('image')),
                stages (stage) AS (VALUES ('download'), ('process'), ('upload'), ('cleanup'))
            SELECT kind, stage, serviceMilliseconds FROM about, kinds, stages;

        ALTER TABLE job ADD COLUMN rememberedSince INTEGER;
        ALTER TABLE job ADD COLUMN leftFiles INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN leftBytes INTEGER NOT NULL DEFAULT 0;
        UPDATE job SET rememberedSince = (SELECT serviceMilliseconds FROM about)
            WHERE state = 'finished' OR state = 'active' AND stage IS NULL AND isCancelRequested;
        CREATE INDEX finishedJobWithFiles ON job (number) WHERE state = 'finished' AND fileCount > 0;
        """

    // The SHA-256 of what the job asks for, which tells a second message of the job from one of another job with its
    // id. NULL when no download has begun with it: of older jobs, or since the ledger was lost.
    private static let content = "ALTER TABLE job ADD COLUMN content BLOB;"

    // Statistics are asked for at every health check; counting a million rows would take too long.
    private static let counters = """
        CREATE TRIGGER fileAdded AFTER INSERT ON file BEGIN
            UPDATE job SET fileCount = fileCount + 1 WHERE number = NEW.job;
            UPDATE usage SET
                files = files + 1,
                bytes = bytes + NEW.sizeBytes,
                jobs = jobs + (SELECT fileCount = 1 FROM job WHERE number = NEW.job)
            WHERE kind = (SELECT kind FROM job WHERE number = NEW.job);
        END;
        CREATE TRIGGER fileRemoved AFTER DELETE ON file BEGIN
            UPDATE job SET fileCount = fileCount - 1 WHERE number = OLD.job;
            UPDATE usage SET
                files = files - 1,
                bytes = bytes - OLD.sizeBytes,
                jobs = jobs - (SELECT fileCount = 0 FROM job WHERE number = OLD.job)
            WHERE kind = (SELECT kind FROM job WHERE number = OLD.job);
        END;
        CREATE TRIGGER fileResized AFTER UPDATE OF sizeBytes ON file WHEN NEW.sizeBytes <> OLD.sizeBytes BEGIN
            UPDATE usage SET bytes = bytes + NEW.sizeBytes - OLD.sizeBytes
            WHERE kind = (SELECT kind FROM job WHERE number = NEW.job);
        END;
        """
}
