extension LedgerSchema {
    // The objects that jobs put into stores. A row is committed before the object is put; it goes when the job has
    // completed, or when the object of one that has not is gone. So the rows of a job that has ended are those of
    // objects that are left. Keys are bytes: SQLite ends a text at a NUL.
    static let objects = """
        CREATE TABLE object (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            store BLOB NOT NULL,
            objectKey BLOB NOT NULL,
            state TEXT NOT NULL,
            name TEXT,
            validator BLOB,
            PRIMARY KEY (job, store, objectKey)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE job ADD COLUMN leftObjects INTEGER NOT NULL DEFAULT 0;
        """
}
