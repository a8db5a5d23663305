internal import Files
internal import FoundationEssentials
package import JobModel
package import Ledger
internal import Logging
internal import Threads

/// Manifests that messages bring, as after the loss of the ledger.
extension TempFileTracker {
    /// Puts in the ledger what a message's manifest knows and they do not: files that lie in the job's own directory.
    /// Anything else that a manifest names is ignored.
    ///
    /// - Parameters:
    ///   - known: the job's files that are in the ledger.
    ///   - takesSpilled: a file that is not on the disk and that another host has spilled, by its line of the manifest,
    ///     is put there as well: if its object is beneath `SPILL_URL`, at the place of this very job and file.
    /// - Returns: all of the job's files then; nil when there was nothing to add.
    package func adopt(
        _ manifest: [TempFileEntry],
        knowing known: [FileRow],
        of job: JobKey,
        takesSpilled: Bool = false,
        for purpose: Ledger.Purpose
    ) async throws(TempFileError) -> [FileRow]? {
        let news = news(in: manifest, known, job)
        if news.isEmpty { return nil }
        let (imports, now) = (try await existing(news, job), nowMilliseconds)
        let spilled = takesSpilled ? spilledElsewhere(news, except: imports, known, job) : []
        if imports.isEmpty, spilled.isEmpty { return nil }
        return try await ledger.write(outliving: .death, for: purpose) { books in
            let number = try books.ensureLiveJob(job, now: now).number
            for file in imports { try books.importFile(file, job: number) }
            for (file, object) in spilled { try books.adoptSpilled(file, object, job: number, now: now) }
            return try books.files(job: number)
        }
    }

    /// The files that a manifest names, and about which it says more than the ledger.
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
            row.copy = entry.spill
            return row
        }
    }

    /// Those of the files that are spilled, by what the manifest says of them, at a place where they can be.
    private func spilledElsewhere(
        _ rows: [FileRow],
        except existing: [FileRow],
        _ known: [FileRow],
        _ job: JobKey
    ) -> [(file: FileRow, object: SpilledObject)] {
        guard let spillStore, rows.contains(where: { $0.copy != nil }) else { return [] }
        let others = Set((existing + known).map { ByteText($0.name) })
        return rows.prefix(Books.maximumSpilledFiles).compactMap { row in
            guard let copy = row.copy, !others.contains(ByteText(row.name)) else { return nil }
            guard let key = SpillKey.beneath(spillStore, url: copy.url), key.isOf(row.name, job: job) else {
                logger.warning(
                    "a manifest says that a file is spilled where none of this job can be; it is not fetched",
                    metadata: Logger.Metadata(job: job).with(LogKey.filePath, row.name)
                        .with("object.location", copy.url.string.clipped(toBytes: 300).shown)
                )
                return nil
            }
            var file = row
            if copy.compression != nil { (file.plainBytes, file.compression) = (row.sizeBytes, copy.compression) }
            let object = SpilledObject(
                job: job,
                store: spillStore,
                key: key.text,
                sizeBytes: copy.sizeBytes,
                sha256: copy.sha256,
                state: .spilled
            )
            return (file, object)
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
