internal import JobModel
internal import Settings

/// Warnings about files that decide what the tree does and that others than root and this process's user could change.
/// They keep it from nothing: where they lie is the operator's choice, and some file systems show modes that mean
/// nothing.
enum TrustedFiles {
    struct Warning: Sendable, Equatable {
        /// As the doctor calls it.
        var check: String
        var problem: PathTrust.Problem
    }

    static func warnings(_ settings: Settings, executablesDirectory: String) -> [Warning] {
        var warnings: [Warning] = []
        func look(_ check: String, _ path: String, _ elsewhere: String) {
            do throws(PathTrust.Problem) {
                try PathTrust(elsewhere: elsewhere).check(path)
            } catch {
                warnings.append(Warning(check: check, problem: error))
            }
        }
        if let file = settings.configurationFile {
            look("config.file", file, "set CONFIG_FILE to another place")
        }
        let names = ["", "/lib", "/supervisor"] + Stage.allCases.map { "/stage-" + $0.rawValue }
        for name in names where warnings.last?.check != "executables" {
            look("executables", executablesDirectory + name, "install the executables elsewhere")
        }
        return warnings
    }
}
