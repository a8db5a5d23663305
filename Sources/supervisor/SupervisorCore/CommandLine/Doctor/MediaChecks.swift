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
        func lacking(_ wanted: [String], _ found: [String]) -> String? {
            let lacking = wanted.filter { !found.contains($0) }
            return lacking.isEmpty ? nil : lacking.joined(separator: ", ")
        }
        let names = ["libavcodec", "libavformat"].map { "\($0) \(version($0))" }.joined(separator: ", ")
        var findings = [Finding.ok("media.libav", "FFmpeg \(version("ffmpeg")) (\(names))")]
        if let missing = lacking(MediaLibraries.wantedEncoders, libraries.encoders) {
            findings.append(
                .failure("media.encoders", "libav lacks \(missing)", "install Debian's libavcodec, which has them")
            )
        } else {
            findings.append(.ok("media.encoders", libraries.encoders.joined(separator: ", ")))
        }
        if let missing = lacking(MediaLibraries.wantedDecoders, libraries.decoders) {
            findings.append(
                .warning(
                    "media.decoders",
                    "libav lacks \(missing); such sources fail",
                    "install Debian's libavcodec, which has them"
                )
            )
        } else {
            findings.append(.ok("media.decoders", libraries.decoders.joined(separator: ", ")))
        }
        findings.append(.ok("media.libvips", "libvips \(version("libvips"))"))
        if let missing = lacking(MediaLibraries.wantedImageLoaders, libraries.imageLoaders) {
            findings.append(
                .warning(
                    "media.image-loaders",
                    "libvips cannot read \(missing); such sources fail",
                    "install Debian's libvips42, which can"
                )
            )
        } else {
            findings.append(.ok("media.image-loaders", libraries.imageLoaders.joined(separator: ", ")))
        }
        if let missing = lacking(MediaLibraries.wantedImageSavers, libraries.imageSavers) {
            findings.append(
                .failure(
                    "media.image-savers",
                    "libvips cannot write \(missing)",
                    "install Debian's libvips42, which can"
                )
            )
        } else {
            findings.append(.ok("media.image-savers", libraries.imageSavers.joined(separator: ", ")))
        }
        return findings
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
        let deadline = Task { [timeLimit] in
            try await Task.sleep(for: timeLimit)
            host.signal(id, SIGKILL, to: .group)
        }
        defer { deadline.cancel() }
        var found: MediaLibraries?
        for await event in events {
            switch event {
            case .line(let line): found = found ?? MediaLibraries(line: line)
            case .failed(let error): throw ProbeFailure(cause: error.description)
            case .ended(.status(0)): break
            case .ended(let exit): throw ProbeFailure(cause: "it ended with \(exit)")
            default: break
            }
        }
        guard let found else { throw ProbeFailure(cause: "it said nothing of its libraries") }
        return found
    }
}
