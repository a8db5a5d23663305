internal import Settings
internal import Storage

/// Verdicts on stores that are no directories: that of the settings, and those of destinations.
struct StoreChecks: Sendable {
    var settings: Settings

    /// A store that takes longer to answer hangs.
    private static let patience = Duration.seconds(15)

    func findings() async -> [Finding] {
        if FileURL.path(settings.storageURL) != nil { return [] }
        var findings = [await finding("store", settings.storageURL, setting: "STORAGE_URL")]
        if findings[0].verdict == .ok, let clock = clock() { findings.append(clock) }
        for url in (try? Destinations(settings.storage).bucketURLs) ?? [] {
            findings.append(await finding("destination", url, setting: "DESTINATION_PREFIXES"))
        }
        return findings
    }

    private func finding(_ check: String, _ url: String, setting: String) async -> Finding {
        let trial = Task { [settings] in try await Stores.trial(url, settings.storage) }
        let deadline = Task {
            try await Task.sleep(for: Self.patience)
            trial.cancel()
        }
        defer { deadline.cancel() }
        do {
            _ = try await trial.value
        } catch let error as StorageError {
            return .failure(
                check,
                error.message,
                "workers fail to upload until it takes objects; see docs/storage.md"
            )
        } catch {
            return .failure(check, "\(setting) cannot be tried: \(error)", "see docs/storage.md")
        }
        return .ok(check, Stores.name(url) + " takes objects")
    }

    /// Signatures of S3 are good for 15 minutes.
    private func clock() -> Finding? {
        guard let seconds = Stores.clockDifference(settings.storageURL), abs(seconds) > 60 else { return nil }
        return .warning(
            "store.clock",
            "the clock of the store is \(abs(seconds)) s \(seconds > 0 ? "ahead of" : "behind") this host's",
            "set this host's clock by NTP; stores refuse a signature that is 15 minutes off"
        )
    }
}
