internal import Glibc

/// The environment variables of this process.
enum CurrentEnvironment {
    /// The variables to pass on to children: all but those that a service manager meant for this process alone.
    static var variables: [String: String] { all.filter { !own.contains($0.key) } }

    /// Variables of a service manager that are for this process alone: children that inherited them would speak in its
    /// name.
    static let own: Set<String> = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

    /// The variables that this process was started with.
    static var all: [String: String] {
        var variables: [String: String] = [:]
        // `environ` is a global variable of C, which Swift cannot prove safe; the kernel keeps the start's copy, and
        // nothing here changes it.
        let text = SmallFile.read("/proc/self/environ", limit: 16 << 20) ?? ""
        for entry in text.split(separator: "\0") {
            guard let equals = entry.firstIndex(of: "="), equals != entry.startIndex else { continue }
            variables[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        return variables
    }
}
