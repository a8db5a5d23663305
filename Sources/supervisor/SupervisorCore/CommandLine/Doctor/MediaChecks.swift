internal import Glibc
internal import JobModel
internal import WorkerProtocol

/// Verdicts on the stages' executables and on the media libraries, which only stage-process links.
struct MediaChecks: Sendable {
    var executablesDirectory: String
    /// Within which `stage-process --probe` must have answered.
    var timeLimit = Duration.seconds(20)

    func findings() async -> [Finding] {
        let paths = Stage.allCases.map { "\(executablesDirectory)/stage-\($0.rawValue)" }
        let missing = paths.filter { access($0, X_OK) != 0 }
        guard missing.isEmpty else {
            return [
                .failure(
                    "executables",
                    "missing: \(missing.joined(separator: ", "))",
                    "install all executables in one directory; `make build` makes them"
                )
            ]
        }
        let executables = Finding.ok("executables", "all stages are in \(executablesDirectory)")
        do throws(ProbeFailure) {
            return [executables] + Self.findings(try await probe())
        } catch {
            return [
                executables,
                .failure(
                    "media",
                    "stage-process does not run: \(error.cause)",
                    "install libav and libvips (`scripts/bootstrap` does); `ldd \(executablesDirectory)/stage-process` "
                        + "shows what is missing"
                ),
            ]
        }
    }

    static func findings(_ libraries: MediaLibraries) -> [Finding] {
        func version(_ name: String) -> String { libraries.versions[name] ?? "unknown" }
        let names = ["libavcodec", "libavformat"].map { "\($0) \(version($0))" }.joined(separator: ", ")
        let libav = "install Debian's libavcodec, which has them"
        let libvips = "install Debian's libvips42, and libheif1 with its plug-ins (`scripts/bootstrap run`), which can"
        return [
            .ok("media.libav", "FFmpeg \(version("ffmpeg")) (\(names))"),
            finding("media.encoders", MediaLibraries.wantedEncoders, libraries.encoders) {
                .failure($0, "libav lacks \($1)", libav)
            },
            finding("media.decoders", MediaLibraries.wantedDecoders, libraries.decoders) {
                .warning($0, "libav lacks \($1); such sources fail", libav)
            },
            .ok("media.libvips", "libvips \(version("libvips"))"),
            finding("media.image-loaders", MediaLibraries.wantedImageLoaders, libraries.imageLoaders) {
                .warning($0, "libvips cannot read \($1); such sources fail", libvips)
            },
            finding("media.image-savers", MediaLibraries.wantedImageSavers, libraries.imageSavers) {
                .failure($0, "libvips cannot write \($1)", libvips)
            },
        ] + libheif(libraries.versions["libheif"])
    }

    /// Nothing without a version: the loaders that are missing say it then.
    private static func libheif(_ version: String?) -> [Finding] {
        guard let version else { return [] }
        let wanted = MediaLibraries.wantedHEIFVersion
        func parts(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
        guard parts(version).lexicographicallyPrecedes(parts(wanted)) else {
            return [.ok("media.libheif", "libheif \(version)")]
        }
        return [
            .warning(
                "media.libheif",
                "libheif is \(version), and photos of iOS 18 need libheif \(wanted); they fail",
                "`scripts/bootstrap run` installs it with its plug-ins from bookworm-backports"
            )
        ]
    }

    /// - Parameter lack: the finding for the names of the wanted parts that are missing.
    private static func finding(
        _ check: String,
        _ wanted: [String],
        _ found: [String],
        lack: (_ check: String, _ missing: String) -> Finding
    ) -> Finding {
        let missing = wanted.filter { !found.contains($0) }
        if missing.isEmpty { return .ok(check, found.joined(separator: ", ")) }
        return lack(check, missing.joined(separator: ", "))
    }

    private struct ProbeFailure: Error {
        var cause: String
    }

    private func probe() async throws(ProbeFailure) -> MediaLibraries {
        let host: ProcessHost
        do { host = try ProcessHost() } catch { throw ProbeFailure(cause: "\(error)") }
        let request = SpawnRequest(
            executable: executablesDirectory + "/stage-process",
            arguments: [MediaLibraries.option],
            environment: CurrentEnvironment.variables
        )
        let id = ProcessHost.ChildID.next()
        let (events, continuation) = AsyncStream.makeStream(of: ProcessHost.Event.self)
        host.start(id, request, reports: .descriptor(STDOUT_FILENO)) { event in
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            default: break
            }
        }
        let outcome = await withTaskGroup(of: Void.self) { group in
            group.addTask { [timeLimit] in
                do { try await Task.sleep(for: timeLimit) } catch { return }
                host.signal(id, SIGKILL, to: .group)
            }
            defer {
                // It has ended, unless this task was cancelled.
                host.signal(id, SIGKILL, to: .group)
                group.cancelAll()
            }
            return await Self.outcome(of: events)
        }
        return try outcome.get()
    }

    private static func outcome(
        of events: AsyncStream<ProcessHost.Event>
    ) async -> Result<MediaLibraries, ProbeFailure> {
        var found: MediaLibraries?
        for await event in events {
            switch event {
            case .line(let line): found = found ?? MediaLibraries(line: line)
            case .failed(let error): return .failure(ProbeFailure(cause: error.description))
            case .ended(.status(0)): break
            case .ended(let exit): return .failure(ProbeFailure(cause: "it ended with \(exit)"))
            default: break
            }
        }
        guard let found else { return .failure(ProbeFailure(cause: "it said nothing of its libraries")) }
        return .success(found)
    }
}
