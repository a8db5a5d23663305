extension UTCTime {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .map { Array($0.utf8) }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110, 5.6.7), which is the only form that servers of
    /// this century send. The day of the week is not looked at.
    init?(httpDate text: [UInt8]) {
        let separators: [(Int, Character)] = [(3, ","), (4, " "), (7, " "), (11, " "), (16, " "), (19, ":"), (22, ":")]
        guard text.count == 29, text.suffix(4).elementsEqual(" GMT".utf8),
            separators.allSatisfy({ text[$0.0] == $0.1.asciiValue }),
            let month = Self.months.firstIndex(where: { text[8..<11].elementsEqual($0) })
        else { return nil }
        self.init([text[12..<16], [], text[5..<7], text[17..<19], text[20..<22], text[23..<25]], month: month + 1)
    }

    /// Reads `20301231T235959Z`, as in `X-Amz-Date` and `X-Goog-Date`.
    init?(signatureDate text: [UInt8]) {
        guard text.count == 16, text[8] == UInt8(ascii: "T"), text[15] == UInt8(ascii: "Z") else { return nil }
        self.init([text[0..<4], text[4..<6], text[6..<8], text[9..<11], text[11..<13], text[13..<15]])
    }

    /// Reads `2030-12-31T23:59:59Z`, with fewer parts of the day, or with none, as in `se` of Azure.
    init?(azureDate text: [UInt8]) {
        let zero = Array("00".utf8)[...]
        guard text.count >= 10, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-") else { return nil }
        let day = [text[0..<4], text[5..<7], text[8..<10]]
        if text.count == 10 {
            self.init(day + [zero, zero, zero])
            return
        }
        guard text[10] == UInt8(ascii: "T"), text.last == UInt8(ascii: "Z") else { return nil }
        // Fractions of a second are left out.
        let clock = text[11...].dropLast().prefix { $0 != UInt8(ascii: ".") }.split(separator: UInt8(ascii: ":"))
        guard (2...3).contains(clock.count) else { return nil }
        self.init(day + clock + (clock.count == 2 ? [zero] : []))
    }

    /// - Parameters:
    ///   - parts: year, month, day, hour, minute and second as digits.
    ///   - given: the month, where it does not stand as digits.
    private init?(_ parts: [ArraySlice<UInt8>], month given: Int? = nil) {
        let numbers = parts.indices.map { index -> Int64? in
            if index == 1, let given { return Int64(given) }
            return Self.number(parts[index])
        }
        guard numbers.count == 6, let year = numbers[0], let month = numbers[1], let day = numbers[2],
            let hour = numbers[3], let minute = numbers[4], let second = numbers[5],
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second <= 60
        else { return nil }
        let days = Self.day(year: year, month: month, day: day)
        self.init(secondsSince1970: days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard (1...4).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 48) }
    }
}
