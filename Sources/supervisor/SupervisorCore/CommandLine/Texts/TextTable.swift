/// A table in plain text.
struct TextTable: Sendable {
    enum Alignment: Sendable {
        case left
        case right
    }

    var columns: [(title: String, alignment: Alignment)]
    var rows: [[String]] = []

    /// Lines without trailing spaces, the titles first.
    var lines: [String] {
        let all = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in
            all.reduce(0) { max($0, column < $1.count ? $1[column].count : 0) }
        }
        return all.map { row in
            var line = ""
            for (column, cell) in row.prefix(columns.count).enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                if column > 0 { line += "  " }
                line += columns[column].alignment == .right ? padding + cell : cell + padding
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
