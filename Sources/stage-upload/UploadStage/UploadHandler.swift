internal import CrashPoints
internal import FoundationEssentials
package import JobModel
internal import JobObjects
internal import Logging
internal import Settings
package import StageRuntime
internal import Storage
internal import Synchronization
internal import TempFiles

/// Publishes a job's outputs in the object store, and then the result index that lists them.
package struct UploadHandler: StageHandler {
    private let stores: Stores
    private let accepting = AcceptingStores()
    let settings: Settings

    init(_ services: StageServices) throws {
        settings = services.settings
        stores = try Stores(settings.storage)
    }

    package var hostsAway: [HostAbsence] { HostWatch.shared.absences }

    package static func main() async -> Never {
        await StageWorker.main(.upload) { try UploadHandler($0) }
    }

    package func run(_ job: JobContext) async throws -> Ticket {
        var ticket = job.ticket
        let indexKey = try indexKey(of: ticket)
        let places = try OutputPlaces(ticket, stores, settings.storage)
        if places.haveURLs {
            let earlier = published(ticket, as: try await job.tracker.published(job.key), job)
            try places.checkURLs { earlier[$0] == nil }
            places.noteUnused(of: ticket, job.logger)
        }
        let store = ByteText(places.store.description)
        let puts = BegunPuts(try await job.tracker.objects(job.key), in: store)
        let earlier = try await planObjects(of: ticket, indexKey, places, job)
        // All are checked before the first is published: a job that must go back to download publishes nothing half.
        // Files that an earlier run has published may be gone.
        for (index, output) in ticket.outputs.enumerated() where earlier[index] == nil {
            _ = try await job.requireFile(output.localPath, name(of: output))
        }
        let totalBytes = ticket.outputs.reduce(Int64(0)) { $0 &+ max($1.sizeBytes ?? 0, 0) }
        let progress = UploadedBytes { done in
            if totalBytes > 0 { job.telemetry.note(fraction: Double(done) / Double(totalBytes)) }
        }
        var published = PublishedOutputs()
        do {
            // Not those that the ticket gets meanwhile.
            let outputs = ticket.outputs
            try await withThrowingTaskGroup(of: (Int, PublishedObject).self) { group in
                var rest = places.order(of: outputs).makeIterator()
                func startNext() {
                    guard let index = rest.next() else { return }
                    group.addTask {
                        if let known = earlier[index] { return (index, known) }
                        return (
                            index,
                            try await publish(outputs[index], at: places[index], puts, job) {
                                progress.note($0, of: index)
                            }
                        )
                    }
                }
                var width = accepting.contains(store) ? places.width : 1
                for _ in 0..<width { startNext() }
                while let (index, object) = try await group.next() {
                    progress.note(object.sizeBytes, of: index)
                    ticket.outputs[index].location = object.location
                    ticket.outputs[index].sizeBytes = object.sizeBytes
                    published.add(object, outputs[index], isInStore: places[index].isStore)
                    if published.isDue { try await release(&published, places, job) }
                    try Task.checkCancellation()
                    accepting.insert(store)
                    for _ in width..<places.width { startNext() }
                    width = places.width
                    startNext()
                }
            }
        } catch {
            // The next run need not publish them again.
            try? await release(&published, places, job)
            if (error as? StageFailure)?.verdict == .permanent {
                accepting.remove(store)
                await puts.forgetOthers(job)
            }
            throw error
        }
        try await release(&published, places, job, isLast: true)
        job.telemetry.note(inputs: ticket.outputs.count, bytes: totalBytes)
        job.telemetry.note(outputs: ticket.outputs.count, bytes: progress.total)
        for index in ticket.outputs.indices { ticket.outputs[index].localPath = nil }
        ticket.resultKey = indexKey.map { ByteText($0.rawValue) }
        guard try await objectsAreOwn(ticket, indexKey, places, job) else { return ticket }
        if let indexKey { try await publishIndex(of: ticket, under: indexKey, in: places.store, job) }
        return ticket
    }

    /// Notes what the job is about to put, so that it can be removed should the job not complete. While another job of
    /// this host puts objects under one of the keys, nothing is noted, and this one waits.
    ///
    /// - Returns: the outputs that an earlier run of this message has published, by their places; see
    ///   docs/decisions/0007-outputs-are-released-at-once.md.
    private func planObjects(
        of ticket: Ticket,
        _ indexKey: ObjectKey?,
        _ places: OutputPlaces,
        _ job: JobContext
    ) async throws -> [Int: PublishedObject] {
        let store = ByteText(places.store.description)
        var objects = ticket.outputs.enumerated().filter { places[$0.offset].isStore }.map { _, output in
            let name = output.localPath.flatMap { try? job.tracker.file($0.string, job: job.key).name }
            return JobObject(key: output.key, store: store, state: .planned, name: name)
        }
        if let indexKey {
            let key = ByteText(indexKey.rawValue)
            objects.append(JobObject(key: key, store: store, state: .planned, name: JobObject.indexName))
        }
        switch try await job.tracker.holdKeys(of: objects, job: job.key, node: settings.nodeID) {
        case .held(let known):
            CrashPoint.objectsPlanned.cross()
            await job.telemetry.goOn(from: .otherJob)
            return published(ticket, as: known, job)
        case .busy(let holder, let waited): throw otherJobFailure(holder, waited)
        }
    }

    /// - Parameter waited: so far, in time in which there were workers of this stage.
    private func otherJobFailure(_ holder: JobKey, _ waited: Duration) -> StageFailure {
        let words = "the job \(holder) puts objects under the same keys and has not ended"
        guard waited < .seconds(settings.jobMaximumAgeHours * 3600) else {
            return StageFailure(
                .permanent,
                code: "output_in_use",
                "\(words), for longer than JOB_MAX_AGE_HOURS; end that one, and submit this one again, or give jobs of "
                    + "one `mediaId` a `destination` each"
            )
        }
        return StageFailure(.otherJob, code: "output_in_use", "\(words); this one goes on after that")
    }

    private func published(
        _ ticket: Ticket,
        as known: [ByteText: PublishedFile],
        _ job: JobContext
    ) -> [Int: PublishedObject] {
        var objects: [Int: PublishedObject] = [:]
        for (index, output) in ticket.outputs.enumerated() {
            guard let path = output.localPath, let file = try? job.tracker.file(path.string, job: job.key),
                let object = known[ByteText(file.absolutePath)], ByteText(object.key) == output.key
            else { continue }
            objects[index] = PublishedObject(sizeBytes: object.sizeBytes, location: object.location)
        }
        return objects
    }

    /// Gives back the space of outputs. First the ledger, then the files: were it the other way round, a run cut off in
    /// between would miss a file and send the job back to download.
    ///
    /// - Parameter isLast: with it goes what the job has reserved and does not use.
    private func release(
        _ published: inout PublishedOutputs,
        _ places: OutputPlaces,
        _ job: JobContext,
        isLast: Bool = false
    ) async throws {
        let (stored, sent) = published.take()
        if stored.isEmpty, sent.isEmpty {
            if isLast { try await job.tracker.trimReservation(job.key) }
            return
        }
        do {
            try await places.store.synchronize(stored.values.map { try ObjectKey($0.key) })
        } catch let error as StorageError {
            throw StageFailure(error)
        }
        CrashPoint.objectDurable.cross()
        if !stored.isEmpty {
            try await job.tracker.notePublished(stored, job: job.key, in: ByteText(places.store.description))
        }
        // Nobody can remove what was put to a signed URL.
        if !sent.isEmpty { try await job.tracker.notePublished(sent, job: job.key) }
        CrashPoint.outputNoted.cross()
        // Files that cannot be removed now stay in the ledger, and the clean-up tries again.
        let paths = (Array(stored.keys) + Array(sent.keys)).sorted().map(\.string)
        _ = await job.tracker.releaseFiles(paths, job: job.key, isLast: isLast)
        CrashPoint.outputReleased.cross()
    }

    private func publish(
        _ output: JobOutput,
        at place: OutputPlaces.Place,
        _ puts: BegunPuts,
        _ job: JobContext,
        didWrite: @escaping @Sendable (Int64) -> Void
    ) async throws -> PublishedObject {
        let path = try await job.requireFile(output.localPath, name(of: output))
        do {
            var object = NewObject(
                path: path,
                key: try ObjectKey(output.key.string),
                contentType: output.mimeType,
                owner: job.key.objectOwner
            )
            if case .store(let store) = place {
                let name = ByteText(store.description)
                object.uploads = JobUploads(tracker: job.tracker, job: job.key, store: name, key: output.key)
            }
            puts.begin(output.key)
            let published = try await place.put(object, didWrite: didWrite)
            job.logger.log(
                level: job.tracker.fileLevel,
                "uploaded",
                metadata: [
                    LogKey.filePath: "\(path)", LogKey.fileBytes: "\(published.sizeBytes)",
                    "object.location": "\(published.location)",
                ]
            )
            return published
        } catch let error as ObjectKeyError {
            throw StageFailure(.permanent, code: "invalid_key", "\(error)")
        } catch let error as StorageError {
            if error.leavesNothing { puts.takeBack(output.key) }
            throw StageFailure(error)
        }
    }

    private func name(of output: JobOutput) -> String {
        "\(output.kind.rawValue) output \(output.quality ?? output.key.string)"
    }
}

/// The bytes of all outputs of a job that the store has got.
private final class UploadedBytes: Sendable {
    /// By output.
    private let bytes = Mutex<[Int: Int64]>([:])
    private let tell: @Sendable (Int64) -> Void

    init(_ tell: @escaping @Sendable (Int64) -> Void) { self.tell = tell }

    var total: Int64 { bytes.withLock { $0.values.reduce(0, &+) } }

    func note(_ written: Int64, of output: Int) {
        bytes.withLock { $0[output] = written }
        tell(total)
    }
}
