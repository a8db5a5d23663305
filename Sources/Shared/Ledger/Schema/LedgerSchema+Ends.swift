extension LedgerSchema {
    // Earlier versions claimed a job's end (state `finishing`) before they recorded it. Both are one step now. A job
    // whose end was claimed and not recorded is active again: it keeps its outcome, and the token of the message that
    // may end it.
    //
    // The timeline of a job still has both events, for those who read it.
    static let ends = """
        UPDATE job SET state = 'active' WHERE state = 'finishing';
        DROP TRIGGER eventOfEnd;
        CREATE TRIGGER eventOfEnd AFTER UPDATE OF state ON job
        WHEN NEW.state <> OLD.state AND NEW.state = 'finished' BEGIN
            \(event("NEW.number", "'finishing'", "NEW.stage", "NEW.hop", "NEW.outcome"))
            \(event("NEW.number", "'finished'", "NEW.stage", "NEW.hop", "NEW.outcome"))
        END;
        """
}
