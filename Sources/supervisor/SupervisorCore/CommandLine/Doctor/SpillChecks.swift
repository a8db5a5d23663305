internal import Files
internal import Settings
internal import Storage

/// Verdicts on the store of spilled files.
struct SpillChecks: Sendable {
    var settings: Settings

    private static let check = "spill"
    func findings() async -> [Finding] {
        guard let url = settings.spillURL else { return [] }
        do {
            let isThere = try await StoreTrial.run(Stores.name(url)) { [settings] in
                try await Stores.trial(url, settings.storage)
            }
            guard isThere else {
                return [
                    .warning(
                        Self.check,
                        Stores.name(url) + " is not there, and is made when the first file is moved",
                        "make it, or mount the disk that belongs there"
                    )
                ]
            }
        } catch let error as StorageError {
            return [
                .failure(
                    Self.check,
                    error.message.replacing("STORAGE_URL", with: "SPILL_URL"),
                    StoreTrial.advice(error, "SPILL_URL", "files of waiting jobs stay on this disk")
                )
            ]
        } catch {
            return [.failure(Self.check, "SPILL_URL cannot be tried: \(error)", "see docs/temp-files.md")]
        }
        return [.ok(Self.check, Stores.name(url) + " takes temp files"), sameDisk(url)].compactMap(\.self)
    }

    private func sameDisk(_ url: String) -> Finding? {
        guard let path = FileURL.path(url), let spill = Self.device(path),
            let temp = Self.device(settings.temporaryDirectory), spill == temp
        else { return nil }
        return .warning(
            Self.check + ".disk",
            "SPILL_URL is on the file system of TEMP_DIR, so spilling frees the budget and not the disk",
            "set SPILL_URL to a bucket, or to a directory on another disk"
        )
    }

    private static func device(_ path: String) -> UInt64? {
        (try? RootedDirectory(opening: path, crossesMounts: true).status()).map { UInt64($0.device) }
    }
}
