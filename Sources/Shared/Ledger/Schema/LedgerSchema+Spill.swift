extension LedgerSchema {
    // An object of the spill store gets its row before it is put, and keeps it until it is deleted: whatever becomes of
    // its file and its job meanwhile. `file.spill` is the row that stands for a file; a row that stands for none is
    // `leaving`, and triggers see to that, so that no way of dropping or renewing a file can forget its object.
    //
    // States: `planned`, the object may exist and the file on the disk counts; `spilled`, the object is durable and
    // known to be the file, which may still be on the disk as well; `leaving`, to be deleted. `file.spilledBytes` is
    // set once the file is off the disk, and `file.sizeBytes` is 0 then.
    //
    // `job.spillReservation` is the room that the job held before it spilled, which it needs again to go on.
    static let spill = """
        ALTER TABLE about ADD COLUMN installation TEXT NOT NULL DEFAULT '';
        UPDATE about SET installation = lower(hex(randomblob(8)));

        ALTER TABLE file ADD COLUMN spill INTEGER;
        ALTER TABLE file ADD COLUMN spilledBytes INTEGER;
        CREATE INDEX fileWithSpill ON file (job) WHERE spill IS NOT NULL;
        ALTER TABLE job ADD COLUMN spillReservation INTEGER NOT NULL DEFAULT 0;

        CREATE TABLE spill (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            id BLOB NOT NULL,
            store TEXT NOT NULL,
            objectKey TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL,
            sizeBytes INTEGER NOT NULL,
            sha256 BLOB NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            retryAt INTEGER,
            cause TEXT,
            createdAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX leavingSpill ON spill (number) WHERE state = 'leaving';
        CREATE INDEX spillOfJob ON spill (kind, id);

        CREATE TABLE spillCount (
            kind TEXT PRIMARY KEY,
            spills INTEGER NOT NULL DEFAULT 0,
            spilledBytes INTEGER NOT NULL DEFAULT 0,
            fetches INTEGER NOT NULL DEFAULT 0,
            fetchedBytes INTEGER NOT NULL DEFAULT 0,
            failures INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        INSERT INTO spillCount (kind) VALUES ('video'), ('image');

        CREATE TRIGGER spillOfRemovedFile AFTER DELETE ON file WHEN OLD.spill IS NOT NULL BEGIN
            UPDATE spill SET state = 'leaving', attempts = 0, retryAt = NULL WHERE number = OLD.spill;
        END;
        CREATE TRIGGER spillOfChangedFile AFTER UPDATE OF spill ON file
        WHEN OLD.spill IS NOT NULL AND NEW.spill IS NOT OLD.spill BEGIN
            UPDATE spill SET state = 'leaving', attempts = 0, retryAt = NULL WHERE number = OLD.spill;
        END;
        """
}
