/// The doctor's verdict on one thing that it checked.
struct Finding: Sendable, Codable, Equatable {
    enum Verdict: String, Sendable, Codable, CaseIterable, Comparable {
        case ok
        /// Jobs go on, with a limit or a risk.
        case warning
        /// Some or all jobs cannot be done.
        case failure

        static func < (left: Verdict, right: Verdict) -> Bool { left.severity < right.severity }

        private var severity: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .failure: 2
            }
        }
    }

    /// Such as `broker.version`.
    var check: String
    var verdict: Verdict
    /// The observation, in words.
    var message: String
    /// The advice; nil when there is nothing to do.
    var advice: String?

    static func ok(_ check: String, _ message: String) -> Finding {
        Finding(check: check, verdict: .ok, message: message)
    }

    static func warning(_ check: String, _ message: String, _ advice: String) -> Finding {
        Finding(check: check, verdict: .warning, message: message, advice: advice)
    }

    static func failure(_ check: String, _ message: String, _ advice: String) -> Finding {
        Finding(check: check, verdict: .failure, message: message, advice: advice)
    }

    /// The same, where jobs go on without the missing thing.
    var asWarning: Finding { Finding(check: check, verdict: min(verdict, .warning), message: message, advice: advice) }
}

/// All findings, as `supervisor doctor --json` prints them.
struct DoctorReport: Sendable, Codable, Equatable {
    var version: String
    /// The worst of all.
    var verdict: Finding.Verdict
    var findings: [Finding]

    init(version: String, findings: [Finding]) {
        self.version = version
        self.findings = findings
        verdict = findings.map(\.verdict).max() ?? .ok
    }

    /// For people.
    func lines(usesColours: Bool) -> [String] {
        let width = findings.reduce(0) { max($0, $1.check.count) }
        var lines: [String] = []
        for finding in findings {
            let padding = String(repeating: " ", count: width - finding.check.count)
            let verdict = Self.word(finding.verdict, usesColours: usesColours)
            lines.append("\(verdict)  \(finding.check)\(padding)  \(OrphanText.plain(finding.message))")
            if let advice = finding.advice {
                let indent = String(repeating: " ", count: Self.wordWidth + width + 4)
                lines.append("\(indent)→ \(OrphanText.plain(advice))")
            }
        }
        func count(_ verdict: Finding.Verdict) -> Int { findings.count { $0.verdict == verdict } }
        return lines + ["", "\(count(.ok)) ok, \(count(.warning)) with a warning, \(count(.failure)) failed"]
    }

    private static let wordWidth = 7

    private static func word(_ verdict: Finding.Verdict, usesColours: Bool) -> String {
        let word = verdict.rawValue + String(repeating: " ", count: wordWidth - verdict.rawValue.count)
        guard usesColours else { return word }
        let colour =
            switch verdict {
            case .ok: "32"
            case .warning: "33"
            case .failure: "31"
            }
        return "\u{1B}[\(colour)m\(word)\u{1B}[0m"
    }
}
