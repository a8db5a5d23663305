extension Ticket {
    /// The ticket on its way back to download, because its temp files are gone or about to go. Fields that the stages
    /// added are dropped; the manifest is kept until a stage has looked at the files.
    package func returning(from stage: Stage) -> Ticket {
        var ticket = self
        ticket.previousPhase = stage.working
        ticket.phase = .downloading
        ticket.localMediaPath = nil
        ticket.outputs = []
        ticket.resultKey = nil
        ticket.warnings = []
        return ticket
    }

    /// The ticket of a failed job on its way to a new run, with all its attempts. Earlier failures stay in ``history``.
    ///
    /// Only for one that ``canRunAgain``.
    package func redriven() -> Ticket {
        var ticket = returning(from: failure?.stage ?? .cleanup)
        ticket.attempt = 0
        ticket.downloads = 0
        ticket.waitedSeconds = 0
        ticket.waitingFor = nil
        // Above all messages of the earlier run, which are late duplicates from now on.
        ticket.hop = Self.counted(hop)
        ticket.redrives = Self.counted(redrives)
        ticket.failure = nil
        ticket.outcome = nil
        ticket.node = nil
        ticket.tempFiles = nil
        return ticket
    }

    /// Whether a new run could be told from this one: counters that somebody has sent at their ends count no further.
    package var canRunAgain: Bool { Self.counted(hop) > hop && Self.counted(redrives) > redrives }
}
