internal import Glibc
internal import Settings

/// Looks at everything that the tree needs, without changing any of it.
struct Doctor: Sendable {
    var settings: Settings
    /// The directory of the stages' executables.
    var executablesDirectory: String

    func report() async -> DoctorReport {
        let running = RunFile.read(stateDirectory: settings.stateDirectory)
        let stranger = running == nil ? RunFile.stranger(stateDirectory: settings.stateDirectory) : nil
        var findings = [
            supervisor(running, stranger), HostChecks.user(geteuid(), runAs: settings.runAs),
            HostChecks.port(settings.port, address: settings.httpAddress, running: running, stranger: stranger),
        ]
        var tree: InfoReport?
        if let running {
            do {
                let info = try await RunningSupervisor(SupervisorPlace.find(settings)).info()
                findings += TreeChecks(settings: settings, running: running, tree: info).findings()
                tree = info
            } catch {
                findings.append(Self.notCompared(error))
            }
        }
        findings += await BrokerChecks(settings: settings, running: running, tree: tree).findings()
        findings += DirectoryChecks(settings: settings).findings()
        findings += await StoreChecks(settings: settings).findings()
        findings += await SpillChecks(settings: settings).findings()
        findings += TrustedFiles.warnings(settings, executablesDirectory: executablesDirectory).map {
            .warning($0.check, $0.problem.cause, $0.problem.remedy)
        }
        findings += KernelChecks.findings(KernelFeatures.present())
        findings += HostChecks.findings(workers: settings.workers)
        findings += await MediaChecks(executablesDirectory: executablesDirectory).findings()
        return DoctorReport(version: Version.text, findings: findings)
    }

    private static func notCompared(_ error: any Error) -> Finding {
        let cause = (error as? Problem).map(CommandFailure.words) ?? "\(error)"
        return .warning(
            "settings",
            "these could not be compared with the running supervisor's: \(cause)",
            "it is busy, stopping or gone: see its log in LOG_DIR"
        )
    }

    private func supervisor(_ running: RunFile?, _ stranger: uid_t?) -> Finding {
        let check = "supervisor"
        if let running {
            return .ok(check, "process \(running.pid), version \(running.version), since \(running.startedAt)")
        }
        if let starting = SupervisorLock.holder(directory: settings.stateDirectory) {
            return .ok(check, "process \(starting) is starting or ending")
        }
        guard let stranger else { return .ok(check, "none runs from \(settings.stateDirectory)") }
        return .warning(
            check,
            "\(RunFile.path(stateDirectory: settings.stateDirectory)) belongs to \(Account.text(ofUser: stranger)), "
                + "so only "
                + "that user is told whether a supervisor runs there",
            "run the doctor as that user, or as root with RUN_AS; for a tree of your own set STATE_DIR elsewhere"
        )
    }
}
