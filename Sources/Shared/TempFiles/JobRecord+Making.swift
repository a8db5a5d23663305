package import FoundationEssentials
package import JobModel

extension JobRecord {
    /// A job that was just seen for the first time.
    package init(_ key: JobKey, mediaID: ByteText, at date: Date) {
        self.init(
            key: key,
            mediaID: mediaID,
            state: .active,
            hop: 0,
            attempt: 0,
            redrives: 0,
            progress: 0,
            step: "",
            isCancelRequested: false,
            createdAt: date,
            updatedAt: date,
            leftFiles: 0,
            leftBytes: 0
        )
    }
}
