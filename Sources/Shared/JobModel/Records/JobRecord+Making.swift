package import FoundationEssentials

extension JobRecord {
    /// A job that was just seen for the first time.
    package init(_ key: JobKey, mediaID: ByteText, at date: Date) {
        self.init(
            key: key,
            mediaID: mediaID,
            source: nil,
            state: .active,
            stage: nil,
            hop: 0,
            attempt: 0,
            redrives: 0,
            progress: 0,
            step: "",
            outcome: nil,
            finishToken: nil,
            isCancelRequested: false,
            createdAt: date,
            updatedAt: date,
            finishedAt: nil,
            announcedAt: nil,
            leftFiles: 0,
            leftBytes: 0,
            record: nil
        )
    }
}
