extension LedgerSchema {
    // The part of the claims logs that this host has read. `position` is the last record that was read of a log, and
    // `mark` tells whether a log is still the one that it was read of. A claim has the position of its record, -1 when
    // that was in a log that is gone. `since` is service time, as silence is measured by.
    //
    // A wish is to cancel a job that this host has not seen. `redrives` is the run that it is for, NULL while no host
    // has claimed the job.
    static let claims = """
        CREATE TABLE claim (
            kind TEXT NOT NULL,
            id BLOB NOT NULL,
            redrives INTEGER NOT NULL,
            hop INTEGER NOT NULL,
            node TEXT NOT NULL,
            position INTEGER NOT NULL,
            since INTEGER NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX claimByAge ON claim (since);

        CREATE TABLE claimsRead (
            log TEXT PRIMARY KEY,
            position INTEGER NOT NULL,
            mark BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE wish (
            kind TEXT NOT NULL,
            id BLOB NOT NULL,
            redrives INTEGER,
            since INTEGER NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT, WITHOUT ROWID;
        """
}
