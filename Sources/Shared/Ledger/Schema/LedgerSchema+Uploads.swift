extension LedgerSchema {
    // The uploads in parts that jobs have begun. A row is committed before the first part goes; it goes when the upload
    // is known to be over, or when the job has completed. Names of a store are bytes: SQLite ends a text at a NUL.
    static let uploads = """
        CREATE TABLE upload (
            number INTEGER PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            store BLOB NOT NULL,
            objectKey BLOB NOT NULL,
            id BLOB NOT NULL,
            UNIQUE (job, store, objectKey, id)
        ) STRICT;
        """
}
