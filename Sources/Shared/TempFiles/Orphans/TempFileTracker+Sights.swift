internal import Files
internal import Glibc
internal import JobModel
internal import Ledger
internal import Threads

/// Looking at job directories, many at a time: a workspace has thousands, and most are as they should be.
extension TempFileTracker {
    /// The findings about one directory.
    struct Sight: Sendable {
        var place: JobPlace
        var snapshot: Result<JobDirectorySnapshot, TempFileError>
        var verdicts: [OrphanPolicy.Verdict] = []
    }

    /// The ledger's side of one directory.
    struct PlaceOnBooks: Sendable {
        var job: JobRow?
        var tracked: [ByteText: Int64] = [:]

        init(_ books: Books, _ place: JobPlace) throws {
            job = try books.job(kind: place.kind, directory: place.name)
            guard let job else { return }
            tracked = try books.trackedFiles(job: job.number)
            // A file for which an object stands is no missing one, before it is noted that it is off the disk.
            for file in try books.spilledFiles(job: job.number) where file.object.state == .spilled {
                tracked[ByteText(file.row.name)] = nil
            }
        }
    }

    private static let directoriesAtOnce = 256
    /// Bounds the memory of one batch. A job with more is a batch of its own.
    private static let trackedFilesAtOnce = 20_000

    /// Looks at all of `places`, and calls `body` with each with which something is wrong or that could not be looked
    /// at.
    func forEachSight(
        _ places: [JobPlace],
        _ policy: OrphanPolicy,
        _ body: (Sight) async throws(TempFileError) -> Void
    ) async throws(TempFileError) {
        var rest = places[...]
        var books = try await self.books(rest.prefix(Self.directoriesAtOnce))
        while !books.isEmpty {
            let batch = Array(zip(rest, books))
            rest = rest.dropFirst(batch.count)
            // The ledger before the disk: a file is in the ledger before it is on disk. While the disk is looked at,
            // the ledger of the next batch are read.
            let next = Task { [rest] () -> Result<[PlaceOnBooks], TempFileError> in
                do throws(TempFileError) {
                    return .success(try await self.books(rest.prefix(Self.directoriesAtOnce)))
                } catch {
                    return .failure(error)
                }
            }
            let root = workspace.root
            let sights = try await OwnThread.run { () throws(TempFileError) in
                batch.compactMap { Self.sight($0, $1, policy, root) }
            }
            for sight in sights { try await body(sight) }
            books = try await next.value.get()
        }
    }

    /// The ledger's side of the first of `places`, as many as fit one batch.
    private func books(_ places: ArraySlice<JobPlace>) async throws(TempFileError) -> [PlaceOnBooks] {
        if places.isEmpty { return [] }
        return try await ledger.read { open in
            var (books, files): ([PlaceOnBooks], Int) = ([], 0)
            for place in places where files < Self.trackedFilesAtOnce {
                let entry = try PlaceOnBooks(open, place)
                files += entry.tracked.count
                books.append(entry)
            }
            return books
        }
    }

    /// - Returns: nil when all is as it should be.
    private static func sight(
        _ place: JobPlace,
        _ books: PlaceOnBooks,
        _ policy: OrphanPolicy,
        _ root: RootedDirectory
    ) -> Sight? {
        do throws(TempFileError) {
            let snapshot = try look(place, books, root)
            let verdicts = policy.verdicts(snapshot)
            return verdicts.isEmpty ? nil : Sight(place: place, snapshot: .success(snapshot), verdicts: verdicts)
        } catch {
            return Sight(place: place, snapshot: .failure(error))
        }
    }

    /// Blocks.
    static func look(
        _ place: JobPlace,
        _ books: PlaceOnBooks,
        _ root: RootedDirectory
    ) throws(TempFileError) -> JobDirectorySnapshot {
        let files = books.tracked
        var snapshot = JobDirectorySnapshot(job: books.job, tracked: files)
        do throws(FileSystemError) {
            guard let found = try root.status(place.path) else { return snapshot }
            snapshot.exists = true
            snapshot.modifiedSeconds = found.modifiedSeconds
            snapshot.isDirectory = found.kind == .directory
            snapshot.foreign = found.foreignKind
            if !snapshot.isDirectory { return snapshot }
            let opened: RootedDirectory
            do throws(FileSystemError) {
                opened = try root.openDirectory(place.path)
            } catch  where error.errno == EXDEV {
                snapshot.foreign = OrphanPolicy.mount
                return snapshot
            }
            opened.walkTree(
                visit: { name, status in
                    let isMisplaced = status.kind == .directory && files[ByteText(name)] != nil
                    let isLease = name.utf8.elementsEqual(LeaseFile.name.utf8)
                    if status.kind == .directory && !isMisplaced || isLease { return }
                    snapshot.entries.append(
                        JobDirectorySnapshot.Entry(
                            name: name,
                            sizeBytes: isMisplaced ? 0 : status.sizeBytes,
                            modifiedSeconds: status.modifiedSeconds,
                            foreign: isMisplaced ? "directory in a file's place" : status.foreignKind
                        )
                    )
                },
                didFail: { name, errno in
                    snapshot.isComplete = false
                    guard errno == EXDEV else { return }
                    snapshot.entries.append(
                        JobDirectorySnapshot.Entry(
                            name: name,
                            sizeBytes: 0,
                            modifiedSeconds: found.modifiedSeconds,
                            foreign: OrphanPolicy.mount,
                            isMount: true
                        )
                    )
                }
            )
        } catch  where error.isNotFound || error.isOutsideRoot {
            // Removed or swapped meanwhile; the next sweep sees what has become of it.
            snapshot.isComplete = false
        } catch {
            throw TempFileError(error)
        }
        return snapshot
    }
}
