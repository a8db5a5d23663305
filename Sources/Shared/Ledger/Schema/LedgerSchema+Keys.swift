internal import JobModel

extension LedgerSchema {
    // A job that puts objects holds their keys until it has ended, so that no other one puts others there meanwhile.
    // Rows of before this version hold theirs as well: their jobs have put something. `waitsSince` is the service time
    // of the upload stage since which a job has found its keys held.
    //
    // A job that waits for another one is started and handed back every few seconds, as one that waits for space.
    static let keys = """
        ALTER TABLE object ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;
        UPDATE object SET holds = 1
            WHERE state <> 'told' AND job IN (SELECT number FROM job WHERE state = 'active');
        CREATE INDEX heldKey ON object (objectKey, store) WHERE holds = 1;
        ALTER TABLE job ADD COLUMN waitsSince INTEGER;

        DROP TRIGGER eventOfFirstStart;
        DROP TRIGGER eventOfStart;
        CREATE TRIGGER eventOfFirstStart AFTER INSERT ON start WHEN \(isNoLookOfAnyWait) BEGIN
            \(event("NEW.job", "'started'", "NEW.stage", "NEW.hop", "NULL"))
        END;
        CREATE TRIGGER eventOfStart AFTER UPDATE OF count ON start
        WHEN NEW.count <> OLD.count AND \(isNoLookOfAnyWait) BEGIN
            \(event("NEW.job", "iif(NEW.count > OLD.count, 'started', 'handedBack')", "NEW.stage", "NEW.hop", "NULL"))
        END;
        """

    private static let isNoLookOfAnyWait = """
        (NEW.stage = 'cleanup' OR (SELECT step FROM job WHERE number = NEW.job)
            NOT IN ('waiting_for_space', 'waiting_for_other_job'))
        """
}
