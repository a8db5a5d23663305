internal import ArgumentParser

/// The exit statuses, the same for all commands; from 64 on as in `<sysexits.h>`.
enum CommandExit: Int32, CaseIterable {
    case ok = 0
    /// The order was not carried out, or the thing that was checked is not well.
    case failed = 1
    /// Some of several orders were carried out.
    case partial = 2
    case usage = 64
    case unavailable = 69
    case outputFailed = 74
    case refused = 77
    case configuration = 78
    /// As a shell reports a command that SIGINT ended.
    case interrupted = 130

    /// For the list of all.
    var meaning: String {
        switch self {
        case .ok: "done"
        case .failed: "not done, or what was looked at is not well"
        case .partial: "some of several things were done"
        case .usage: "wrong usage, or an unreadable source"
        case .unavailable: "the supervisor, the broker or the ledger cannot be reached"
        case .outputFailed: "standard output cannot be written"
        case .refused: "the supervisor refuses: a token is missing or wrong, or its settings do not allow a job"
        case .configuration: "wrong settings in the environment or in CONFIG_FILE"
        case .interrupted: "Ctrl-C while it waited; what was ordered goes on"
        }
    }

    /// The exit of a command that carries out its orders one by one.
    static func of(done: Int, failed: Int) -> CommandExit {
        failed == 0 ? .ok : done == 0 ? .failed : .partial
    }

    var code: ExitCode { ExitCode(rawValue) }

    /// Every code with its meaning, a line each, for the help of the whole program.
    static var list: String {
        allCases.map { exit in
            let number = "\(exit.rawValue)"
            return String(repeating: " ", count: 4 - number.count) + "\(number)  \(exit.meaning)"
        }.joined(separator: "\n")
    }

    /// The meaning of a command's own codes, for its help.
    static func text(_ meanings: KeyValuePairs<CommandExit, String>) -> String {
        let lines = meanings.map { "\($0.key.rawValue) \($0.value)" }
        return "Exit status: \(lines.joined(separator: "; ")). Others: see `supervisor --help`."
    }
}
