internal import Settings
internal import Storage

/// Verdicts on stores that are no directories: that of the settings, those of destinations, and buckets of sources.
struct StoreChecks: Sendable {
    var settings: Settings

    /// Buckets that are tried at a time.
    private static let width = 8

    func findings() async -> [Finding] {
        await store() + buckets()
    }

    private func store() async -> [Finding] {
        if FileURL.path(settings.storageURL) != nil { return [] }
        var findings = [await finding("store", settings.storageURL, setting: "STORAGE_URL")]
        if findings.first?.verdict == .ok, let clock = clock() { findings.append(clock) }
        for url in (try? Destinations(settings.storage).bucketURLs) ?? [] {
            findings.append(await finding("destination", url, setting: "DESTINATION_PREFIXES"))
        }
        return findings
    }

    private func finding(_ check: String, _ url: String, setting: String) async -> Finding {
        do {
            _ = try await StoreTrial.run(Stores.name(url)) { [settings] in try await Stores.trial(url, settings.storage)
            }
        } catch let error as StorageError {
            return .failure(
                check,
                error.message,
                // Destinations have the endpoint of the store.
                StoreTrial.advice(error, "STORAGE_URL", "workers fail to upload, or wait with it,")
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

    // MARK: - Sources

    /// In the order of the setting.
    private func buckets() async -> [Finding] {
        let entries = Array(settings.s3.sourceBuckets.enumerated())
        return await withTaskGroup(of: (Int, Finding).self) { group in
            var rest = entries.makeIterator()
            func startNext() {
                guard let (index, entry) = rest.next() else { return }
                group.addTask { (index, await bucket(entry)) }
            }
            for _ in 0..<Self.width { startNext() }
            var found: [(Int, Finding)] = []
            for await finding in group {
                found.append(finding)
                startNext()
            }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func bucket(_ entry: String) async -> Finding {
        let check = "source.bucket"
        let name = S3Source.name(ofBucket: entry, settings.storage)
        do {
            let canList = try await StoreTrial.run(name) { [settings] in
                try await S3Source.trial(bucket: entry, settings.storage)
            }
            if canList { return .ok(check, "\(name) can be listed") }
        } catch let error as StorageError {
            let cause = error.message.replacing("STORAGE_URL or in the job's source", with: "S3_SOURCE_BUCKETS")
            let setting = entry.utf8.contains(UInt8(ascii: ":")) ? "S3_SOURCE_BUCKETS" : "STORAGE_URL"
            return .failure(
                check,
                "a bucket of S3_SOURCE_BUCKETS cannot be read: " + cause.replacing("STORAGE_URL", with: setting),
                StoreTrial.advice(error, setting, "jobs with sources there fail at download, or wait,")
            )
        } catch {
            return .failure(check, "\(name) (S3_SOURCE_BUCKETS) cannot be tried: \(error)", "see docs/storage.md")
        }
        return .warning(
            check,
            "\(name) (S3_SOURCE_BUCKETS) may not be listed with these credentials, so it is not known whether its "
                + "objects may be read",
            "allow s3:GetObject and s3:ListBucket on it; without the latter a source that is missing looks like one "
                + "that may not be read"
        )
    }
}
