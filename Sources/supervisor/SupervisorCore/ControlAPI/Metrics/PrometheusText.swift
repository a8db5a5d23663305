/// Writes metrics in the Prometheus text format, version 0.0.4.
struct PrometheusText: Sendable {
    enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    typealias Labels = KeyValuePairs<String, String>

    struct Sample: Sendable {
        var labels: [(name: String, value: String)]
        var value: Double

        init(_ labels: Labels = [:], _ value: some BinaryInteger) { self.init(labels, Double(value)) }

        init(_ labels: Labels = [:], _ value: Double) {
            self.labels = labels.map { ($0.key, $0.value) }
            self.value = value
        }
    }

    private(set) var text = ""

    /// A family without samples is left out.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        begin(name, kind, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    /// - Parameter histograms: each with bounds in seconds, counts that are not cumulative and one longer, and the sum.
    mutating func add(
        _ name: String,
        _ help: String,
        histograms: [(labels: Labels, bounds: [Double], counts: [Int], sum: Double)]
    ) {
        guard !histograms.isEmpty else { return }
        begin(name, .histogram, help)
        for histogram in histograms {
            let labels = histogram.labels.map { (name: $0.key, value: $0.value) }
            var total = 0.0
            for (index, count) in histogram.counts.enumerated() {
                total += Double(count)
                let bound = index < histogram.bounds.count ? Self.number(histogram.bounds[index]) : "+Inf"
                line(name + "_bucket", labels + [("le", bound)], total)
            }
            line(name + "_sum", labels, histogram.sum)
            line(name + "_count", labels, total)
        }
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text +=
                "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
                + "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// Whole numbers without a fraction, as people write them.
    private static func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { return "\(whole)" }
        return value.isNaN ? "NaN" : value == .infinity ? "+Inf" : value == -.infinity ? "-Inf" : "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
