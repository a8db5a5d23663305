internal import JobModel

extension LedgerSchema {
    // The events of a job, written by triggers, so that no way of changing a job can forget them. The time is SQLite's:
    // not every statement brings its own. A job that comes back over and over keeps its newest events.
    static let events = """
        CREATE TABLE event (
            job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
            what TEXT NOT NULL,
            stage TEXT,
            hop INTEGER NOT NULL,
            detail TEXT,
            PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX failedJob ON job (number) WHERE state = 'finished' AND outcome = 'failed';

        CREATE TRIGGER eventOfFirstStart AFTER INSERT ON start BEGIN
            \(event("NEW.job", "'started'", "NEW.stage", "NEW.hop", "NULL"))
        END;
        CREATE TRIGGER eventOfStart AFTER UPDATE OF count ON start WHEN NEW.count <> OLD.count BEGIN
            \(event("NEW.job", "iif(NEW.count > OLD.count, 'started', 'handedBack')", "NEW.stage", "NEW.hop", "NULL"))
        END;
        CREATE TRIGGER eventOfHandOver AFTER UPDATE OF hop ON job WHEN NEW.hop > OLD.hop AND NEW.stage IS NOT NULL BEGIN
            \(event("NEW.number", "'handedOver'", "NEW.stage", "NEW.hop", "NULL"))
        END;
        CREATE TRIGGER eventOfStep AFTER UPDATE OF step ON job WHEN NEW.step <> OLD.step AND NEW.step <> '' BEGIN
            \(event("NEW.number", "'step'", "NEW.stage", "NEW.hop", "NEW.step"))
        END;
        CREATE TRIGGER eventOfCancel AFTER UPDATE OF isCancelRequested ON job
        WHEN NEW.isCancelRequested > OLD.isCancelRequested BEGIN
            \(event("NEW.number", "'cancelRequested'", "NEW.stage", "NEW.hop", "NULL"))
        END;
        CREATE TRIGGER eventOfEnd AFTER UPDATE OF state ON job
        WHEN NEW.state <> OLD.state AND NEW.state <> 'active' BEGIN
            \(event("NEW.number", "NEW.state", "NEW.stage", "NEW.hop", "NEW.outcome"))
        END;
        """

    // A job that waits for space is started and handed back every few seconds, maybe for days. That it begins to wait
    // and goes on are steps; the looks in between are no events.
    static let quietLooks = """
        DROP TRIGGER eventOfFirstStart;
        DROP TRIGGER eventOfStart;
        CREATE TRIGGER eventOfFirstStart AFTER INSERT ON start WHEN \(isNoLook) BEGIN
            \(event("NEW.job", "'started'", "NEW.stage", "NEW.hop", "NULL"))
        END;
        CREATE TRIGGER eventOfStart AFTER UPDATE OF count ON start WHEN NEW.count <> OLD.count AND \(isNoLook) BEGIN
            \(event("NEW.job", "iif(NEW.count > OLD.count, 'started', 'handedBack')", "NEW.stage", "NEW.hop", "NULL"))
        END;
        """

    private static let isNoLook = """
        (NEW.stage = 'cleanup' OR (SELECT step FROM job WHERE number = NEW.job) <> '\(UpdateStep.waitingForSpace)')
        """

    static func event(
        _ job: String,
        _ what: String,
        _ stage: String,
        _ hop: String,
        _ detail: String
    ) -> String {
        """
        INSERT INTO event (job, number, what, stage, hop, detail) VALUES (
            \(job), (SELECT COALESCE(MAX(number), 0) + 1 FROM event WHERE job = \(job)),
            \(what), \(stage), \(hop), \(detail));
        DELETE FROM event WHERE job = \(job)
            AND number <= (SELECT MAX(number) FROM event WHERE job = \(job)) - \(JobDetail.maximumEvents);
        """
    }
}
