internal import Files
internal import Glibc
internal import Settings
internal import TempFiles
internal import Text
internal import WorkerProtocol

/// Verdicts on the directories of the settings, for the user that this process runs as.
struct DirectoryChecks: Sendable {
    var settings: Settings

    func findings() -> [Finding] {
        temporary() + [
            state(),
            Self.writable("log.directory", settings.logDirectory, setting: "LOG_DIR"),
        ] + store() + destinations() + settings.fileSourceRoots.map(sourceRoot) + authorities()
    }

    private func authorities() -> [Finding] {
        guard let path = settings.webSources.authoritiesFile else { return [] }
        guard let problem = AuthoritiesFile.problem(path) else { return [.ok("source.authorities", path)] }
        return [
            .failure(
                "source.authorities",
                problem,
                "bring it back or correct TLS_CA_FILE; jobs with sources by https: fail at download until then"
            )
        ]
    }

    // MARK: - TEMP_DIR

    private func temporary() -> [Finding] {
        let check = "temp.directory"
        let path = settings.temporaryDirectory
        let place = Self.writable(check, path, setting: "TEMP_DIR")
        guard place.verdict != .failure else { return [place] }
        let existing = Self.nearestExisting(path)
        var findings = [workspace() ?? place]
        findings.append(Self.fileSystem(FileSystemIdentity(path: existing), path: existing))
        do throws(FileSystemError) {
            let space = try RootedDirectory(opening: existing, crossesMounts: true).space()
            findings.append(
                Self.space(
                    space,
                    minimumFreeBytes: settings.temporaryMinimumFreeBytes,
                    maximumBytes: settings.temporaryMaximumBytes,
                    alertPercent: settings.alertPercent
                )
            )
        } catch {
            findings.append(.failure("temp.space", "unknown: \(error)", "set TEMP_DIR to a directory on a local disk"))
        }
        return findings
    }

    /// The reason why an existing workspace cannot be used; nil when it can.
    private func workspace() -> Finding? {
        let path = settings.temporaryDirectory + "/" + Workspace.directoryName
        guard let status = FileStatus(entry: path) else { return nil }
        let problem: String? =
            if status.kind != .directory {
                "\(path) is not a directory"
            } else if status.owner != geteuid() {
                "\(path) belongs to user \(status.owner), and this process runs as \(geteuid())"
            } else if status.permissions & 0o022 != 0 {
                "\(path) can be written by other users"
            } else {
                nil
            }
        return problem.map {
            .failure(
                "temp.directory",
                $0,
                "run as its owner and keep it private (`chmod 700`), or set TEMP_DIR elsewhere"
            )
        }
    }

    static func fileSystem(_ identity: FileSystemIdentity?, path: String) -> Finding {
        let check = "temp.file-system"
        guard let identity else { return .warning(check, "unknown at \(path)", "see `findmnt -T \(path)`") }
        if let network = identity.networkName {
            return .failure(
                check,
                "\(path) is on a network file system (\(network)), where locks and the ledger cannot be relied on",
                "set TEMP_DIR to a directory on a local disk"
            )
        }
        if identity.type == "tmpfs" || identity.type == "ramfs" {
            return .warning(
                check,
                "\(path) is in memory (\(identity.type)); large sources may not fit, and a reboot starts jobs anew",
                "set TEMP_DIR to a directory on a local disk"
            )
        }
        return .ok(check, "\(path) is on \(identity.type)")
    }

    static func space(
        _ space: FileSystemSpace,
        minimumFreeBytes: Int64,
        maximumBytes: Int64,
        alertPercent: Double
    ) -> Finding {
        let check = "temp.space"
        let text =
            "\(ByteCount.text(space.freeBytes)) of \(ByteCount.text(space.totalBytes)) are free, budget "
            + (maximumBytes == 0 ? "without limit" : ByteCount.text(maximumBytes))
        if space.freeBytes <= minimumFreeBytes {
            return .failure(
                check,
                text + "; TEMP_MIN_FREE_BYTES must stay free, so every job waits",
                "free some space, or set TEMP_DIR to a larger disk"
            )
        }
        if space.usedPercent >= alertPercent {
            return .warning(
                check,
                text + "; \(Int(space.usedPercent)) % are used",
                "see docs/operations.md, \"The disk fills up\""
            )
        }
        if maximumBytes > space.totalBytes {
            return .warning(
                check,
                text + ", which is more than the disk has",
                "lower TEMP_MAX_BYTES, or set TEMP_DIR to a larger disk"
            )
        }
        return .ok(check, text)
    }

    // MARK: - The others

    /// A directory that we write to, and make where it is missing.
    static func writable(_ check: String, _ path: String, setting: String) -> Finding {
        let existing = nearestExisting(path)
        guard isDirectory(existing) else {
            return .failure(check, "\(existing) is not a directory", "remove it, or set \(setting) elsewhere")
        }
        guard access(existing, W_OK | X_OK) == 0 else {
            return .failure(
                check,
                "user \(geteuid()) cannot write to \(existing): \(systemMessage(errno))",
                "give it to that user, or set \(setting) elsewhere"
            )
        }
        return .ok(check, existing == path ? path : "\(path) will be made")
    }

    private func state() -> Finding {
        let check = "state.directory"
        if let problem = StateDirectory(settings).problem() { return .failure(check, problem.cause, problem.remedy) }
        return Self.writable(check, settings.stateDirectory, setting: "STATE_DIR")
    }

    /// ``StoreChecks`` looks at a store that is no directory.
    private func store() -> [Finding] {
        FileURL.path(settings.storageURL).map { [Self.writable("store", $0, setting: "STORAGE_URL")] } ?? []
    }

    /// Directories that jobs may have their outputs put in; ``StoreChecks`` looks at buckets.
    private func destinations() -> [Finding] {
        settings.storage.destinationPrefixes.compactMap { FileURL.path($0) }
            .map { Self.writable("destination", $0, setting: "DESTINATION_PREFIXES") }
    }

    private func sourceRoot(_ path: String) -> Finding {
        let check = "source.root"
        guard Self.isDirectory(path), access(path, R_OK | X_OK) == 0 else {
            return .warning(
                check,
                "\(path) is not a directory that user \(geteuid()) can read; file: sources in it fail",
                "correct FILE_SOURCE_ROOTS, or the directory's permissions"
            )
        }
        if path == "/", settings.brokerURL != nil {
            return .warning(
                check,
                "on a shared broker anyone who can publish can have any file processed that this user can read",
                "set FILE_SOURCE_ROOTS to the directories that sources are in"
            )
        }
        return .ok(check, path)
    }

    /// The path itself, or the closest directory above it that is there.
    private static func nearestExisting(_ path: String) -> String {
        var path = Paths.absolute(path)
        while access(path, F_OK) != 0, let parent = parentPath(path) { path = parent }
        return path
    }

    private static func isDirectory(_ path: String) -> Bool {
        FileStatus(path: path)?.kind == .directory
    }
}
