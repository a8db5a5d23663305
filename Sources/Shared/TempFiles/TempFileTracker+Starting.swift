internal import CrashPoints
internal import Files
internal import FoundationEssentials
public import JobModel
internal import Logging
internal import Threads

extension TempFileTracker {
    /// Gets the right to work on a job, waiting for a holder to give it up, and counts the start of the stage: as one, for most
    /// messages meet a job that is there to be taken.
    ///
    /// - Parameter timeout: zero tries once.
    /// - Throws: ``TempFileError`` with code `cancelled` when the waiting task is cancelled.
    public func enter(
        _ job: JobKey,
        _ message: StageMessage,
        timeout: Duration
    ) async throws(TempFileError) -> StageEntry {
        let hold: LeaseHold
        var lock = try await lock(job, message, timeout: .zero)
        if case .held = lock, timeout > .zero {
            // Whoever has the job may be long at it. A late duplicate has nothing to wait for, nor has another job's message.
            if let head = try await ledger.read({ try Ledger.head($0, job) }), head.end == nil {
                if head.isOther(than: message) { return .otherContent }
                if head.isBeyond(message) { return .stale(currentHop: head.hop) }
            }
            lock = try await self.lock(job, message, timeout: timeout)
        }
        switch lock {
        case .locked(let locked): hold = locked
        case .held: return try await isOther(message, of: job) ? .otherContent : .held
        case .finished(let outcome): return try await isOther(message, of: job) ? .otherContent : .finished(outcome)
        }
        let start: Ledger.Start
        do {
            start = try await beginFreeingSpace(job, message)
        } catch {
            hold.release()
            throw error
        }
        switch start.answer {
        case .finished(let outcome):
            hold.releaseRemovingEmptyDirectory()
            return .finished(outcome)
        case .stale(let hop):
            hold.releaseRemovingEmptyDirectory()
            return .stale(currentHop: hop)
        case .otherContent:
            hold.releaseRemovingEmptyDirectory()
            return .otherContent
        case .proceed(let starts, _, let isCancelRequested):
            return .entered(
                EnteredStage(
                    lease: JobLease(job: job, hold: hold),
                    starts: starts,
                    isCancelRequested: isCancelRequested,
                    news: start.news,
                    isWaitingForSpace: start.isWaitingForSpace,
                    files: workspace.entries(start.files, of: job),
                    hasCompressedFiles: start.files.contains { $0.plainBytes != nil },
                    deaths: start.deaths
                )
            )
        }
    }

    /// Whether the message is of another job with the id of the one that is on the books.
    public func isOther(_ message: StageMessage, of job: JobKey) async throws(TempFileError) -> Bool {
        if message.content == nil { return false }
        return try await ledger.read { try Ledger.head($0, job)?.isOther(than: message) ?? false }
    }

    /// What there is of a job, as far as this host knows. Claims of the job by other hosts say nothing: they have its messages.
    ///
    /// - Parameters:
    ///   - other: the job may be of this kind as well; the livelier of the two counts.
    ///   - node: this host; nil when it is the only one.
    public func presence(
        of job: JobKey,
        or other: MediaKind? = nil,
        node: String?
    ) async throws(TempFileError) -> JobPresence {
        try await ledger.read { try Ledger.presence($0, job, or: other, node: node) }
    }

    /// Counts the start of a stage, and says whether it may go on. Called under the job's lease. A finished job begins anew when
    /// its run is older than the message's.
    ///
    /// Files of the manifest that lie in the job's own directory and are not on the books, as after the loss of the
    /// ledger, are put there again. Anything else a manifest names is ignored for good.
    public func begin(
        _ job: JobKey,
        stage: Stage,
        hop: Int64,
        run: JobRun = JobRun(),
        mediaID: ByteText,
        source: ByteText? = nil,
        manifest: [TempFileEntry]?,
        ticket: [UInt8]? = nil,
        content: [UInt8]? = nil
    ) async throws(TempFileError) -> StageStart {
        let message = StageMessage(
            stage: stage,
            hop: hop,
            run: run,
            mediaID: mediaID,
            source: source,
            manifest: manifest,
            ticket: ticket,
            content: content
        )
        return try await begin(job, message).answer
    }

    func begin(_ job: JobKey, _ message: StageMessage) async throws(TempFileError) -> Ledger.Start {
        let now = nowMilliseconds
        // Processing reads what strangers have made. A file that takes the whole host down must be counted.
        let durability: Ledger.Durability = message.stage == .process ? .powerCut : .death
        var start = try await ledger.write(outliving: durability, for: message.purpose) { db in
            try Ledger.begin(db, job, message, now: now)
        }
        CrashPoint.startCounted.cross()
        logger.debug(
            "stage \(message.stage.rawValue) on hop \(message.hop): \(start.answer)",
            metadata: Logger.Metadata(job: job)
        )
        if start.isReopened {
            logger.notice("a job that had ended begins anew", metadata: Logger.Metadata(job: job))
        }
        guard case .proceed(let starts, _, _) = start.answer else { return start }
        do throws(TempFileError) {
            if let files = try await takeOver(message, start.files, job) { start.files = files }
        } catch {
            // No worker has died, and nobody was told of the start.
            try? await handBack(job, stage: message.stage, hop: message.hop, start: starts)
            throw error
        }
        return start
    }

    /// Puts on the books what a message's manifest knows and they do not.
    ///
    /// - Returns: all of the job's files then; nil when there was nothing to add.
    private func takeOver(
        _ message: StageMessage,
        _ known: [FileRow],
        _ job: JobKey
    ) async throws(TempFileError) -> [FileRow]? {
        let news = news(in: message.manifest, known, job)
        if news.isEmpty { return nil }
        let (imports, now) = (try await existing(news, job), nowMilliseconds)
        if imports.isEmpty { return nil }
        return try await ledger.write(outliving: .death, for: message.purpose) { db in
            let number = try Ledger.ensureLiveJob(db, job, now: now).number
            for file in imports { try Ledger.importFile(db, file, job: number) }
            return try Ledger.files(db, job: number)
        }
    }

    /// The files that a manifest names, and of which it says what the books do not.
    private func news(in manifest: [TempFileEntry], _ known: [FileRow], _ job: JobKey) -> [FileRow] {
        if manifest.isEmpty { return [] }
        let extras = Dictionary(known.map { (ByteText($0.name), $0.extra.map { ByteText($0) }) }) { first, _ in first }
        let now = nowMilliseconds
        var (foreign, first) = (0, "")
        defer {
            if foreign > 0 {
                logger.warning(
                    "a manifest names files outside its job's directory; they are ignored",
                    metadata: Logger.Metadata(job: job).with(LogKey.fileCount, foreign).with(LogKey.filePath, first)
                )
            }
        }
        return manifest.compactMap { entry in
            guard let name = trackableName(entry.path.string, job: job) else {
                if foreign == 0 { first = entry.path.string.clipped(toBytes: 300) }
                foreign += 1
                return nil
            }
            let extra = entry.unknown.isEmpty ? nil : String(decoding: entry.unknown.serialized(), as: UTF8.self)
            if let known = extras[ByteText(name)], extra == nil || extra.map({ ByteText($0) }) == known { return nil }
            var row = FileRow(
                name: name,
                state: entry.isMarkedForCleanup ? .marked : .present,
                type: entry.type,
                stage: entry.stage,
                description: entry.description,
                sizeBytes: entry.sizeBytes,
                createdAt: entry.createdAt.flatMap { Timestamp.date($0)?.milliseconds } ?? now
            )
            row.extra = extra
            return row
        }
    }

    /// Those of the files that are in the job's own directory.
    private func existing(_ rows: [FileRow], _ job: JobKey) async throws(TempFileError) -> [FileRow] {
        let (workspace, logger) = (workspace, logger)
        return try await OwnThread.run { () throws(TempFileError) in
            let directory: RootedDirectory
            do throws(FileSystemError) {
                directory = try workspace.open(job)
            } catch  where error.isNotFound {
                return []
            } catch {
                throw TempFileError(error)
            }
            return rows.compactMap { row in
                // A link or a directory is nothing that a stage of ours made.
                guard let found = try? directory.status(row.name), found.kind == .file else {
                    logger.debug(
                        "a file of the manifest is not there",
                        metadata: Logger.Metadata(job: job).with(LogKey.filePath, row.name)
                    )
                    return nil
                }
                var present = row
                present.sizeBytes = found.sizeBytes
                return present
            }
        }
    }
}
