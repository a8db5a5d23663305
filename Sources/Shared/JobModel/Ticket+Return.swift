extension Ticket {
    /// The ticket on its way back to download, because its temp files are gone or about to go. What the stages added is
    /// dropped; the manifest is not, until someone has looked at the files.
    public func returning(from stage: Stage) -> Ticket {
        var ticket = self
        ticket.previousPhase = stage.working
        ticket.phase = .downloading
        ticket.localMediaPath = nil
        ticket.outputs = []
        return ticket
    }
}
