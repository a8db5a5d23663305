internal import Glibc
internal import ServiceKit

/// Looks at everything that the tree needs, without changing any of it.
struct Doctor: Sendable {
    var settings: Settings
    /// Where the stages' executables are.
    var executablesDirectory: String

    func report() async -> DoctorReport {
        let running = RunFile.read(stateDirectory: settings.stateDirectory)
        var findings = [supervisor(running), HostChecks.user(geteuid(), runAs: settings.runAs)]
        findings += [HostChecks.port(settings.port, running: running)]
        findings += await BrokerChecks(settings: settings, running: running).findings()
        findings += DirectoryChecks(settings: settings).findings()
        findings += TrustedFiles.warnings(settings, executablesDirectory: executablesDirectory).map {
            .warning($0.check, $0.problem.cause, $0.problem.remedy)
        }
        findings += KernelChecks.findings(KernelFeatures.present())
        findings += HostChecks.findings(workers: settings.workers)
        findings += await MediaChecks(executablesDirectory: executablesDirectory).findings()
        return DoctorReport(version: Version.text, findings: findings)
    }

    private func supervisor(_ running: RunFile?) -> Finding {
        guard let running else { return .ok("supervisor", "none runs from \(settings.stateDirectory)") }
        return .ok("supervisor", "process \(running.pid), version \(running.version), since \(running.startedAt)")
    }
}
