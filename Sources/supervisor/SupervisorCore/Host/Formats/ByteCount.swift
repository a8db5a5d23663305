/// Sizes for people: decimal units, as disks and networks count.
enum ByteCount {
    static func text(_ bytes: Int64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(bytes)
        var unit = 0
        while value.magnitude >= 999.5, unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        // 9.96 would print as 10.0.
        return value.magnitude < 9.95
            ? "\(Double(Int((value * 10).rounded())) / 10) \(units[unit])" : "\(Int(value.rounded())) \(units[unit])"
    }
}
