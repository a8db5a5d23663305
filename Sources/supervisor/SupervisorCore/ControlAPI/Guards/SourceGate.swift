internal import JobModel
internal import Settings
internal import Storage

/// Refuses jobs whose source no download of this tree would read, sooner than a dead letter would tell.
actor SourceGate {
    /// A file system may take so long to answer. A source that is not known to be bad by then is left to the download.
    private static let patience = Duration.seconds(5)
    /// The most looks that wait for file systems at a time.
    private static let maximumLooks = 8
    private var looks = 0

    /// - Parameter settings: as in effect.
    /// - Throws: ``Problem`` with the stage's code and words.
    func check(_ ticket: Ticket, _ settings: Settings) async throws {
        try checkPlaces(ticket, settings)
        try checkMediaID(ticket, settings)
        guard let source = ticket.source else { return }
        do {
            let found = try Sources(settings.storage).source(source)
            // Another of several hosts may have the directory.
            guard settings.nodeID == nil, looks < Self.maximumLooks else { return }
            try await look(found)
        } catch let error as StorageError {
            throw Problem(
                title: "Unusable source",
                status: 422,
                detail: error.message,
                code: error.code.rawValue
            )
        }
    }

    /// Where the outputs are to be put. Nothing is looked up.
    private func checkPlaces(_ ticket: Ticket, _ settings: Settings) throws {
        do throws(StorageError) {
            if let destination = ticket.destination { try Destinations(settings.storage).check(destination) }
            for entry in ticket.uploadURLs {
                try SignedUpload(entry.url, name: entry.name.string, settings.storage).checkAllowed()
            }
        } catch {
            throw Problem(title: "Unusable destination", status: 422, detail: error.message, code: error.code.rawValue)
        }
    }

    /// A media id that makes no keys at all is left to the download stage, which knows the store.
    private func checkMediaID(_ ticket: Ticket, _ settings: Settings) throws {
        guard Stores.keysArePaths(ticket.destination ?? settings.storageURL),
            let problem = try? settings.directoryProblem(of: ticket)
        else { return }
        throw Problem(
            title: "Unusable media id",
            status: 422,
            detail: "the job's `mediaId` cannot be used in a directory: \(problem)",
            code: "invalid_media_id"
        )
    }

    private func look(_ source: any Source) async throws {
        looks += 1
        // Nobody can end a call to a file system that hangs, so nobody waits for the end of a look. It counts until
        // then.
        let look = Question { [self] () -> StorageError? in
            let found = await Self.fault(of: source)
            await endLook()
            return found
        }
        if let found = await look.answer(within: Self.patience), let fault = found { throw fault }
    }

    private func endLook() { looks -= 1 }

    private static func fault(of source: any Source) async -> StorageError? {
        do throws(StorageError) {
            try await source.checkAllowed()
            return nil
        } catch {
            return error
        }
    }
}
