internal import FoundationEssentials

/// Moments in the forms that HTTP and signed URLs have them in. Pure, by bytes.
enum CivilTime {
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). The day of the week is not looked at, and obsolete forms are
    /// none.
    static func ofHTTP(_ text: [UInt8]) -> Date? {
        let parts = text.split(separator: UInt8(ascii: " "))
        guard parts.count == 6, parts[5].elementsEqual("GMT".utf8), parts[0].last == UInt8(ascii: ",") else {
            return nil
        }
        let months = "JanFebMarAprMayJunJulAugSepOctNovDec"
        guard let month = (0..<12).first(where: { parts[2].elementsEqual(months.utf8.dropFirst($0 * 3).prefix(3)) })
        else { return nil }
        let clock = parts[4].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard clock.count == 3 else { return nil }
        return date([parts[3], parts[2], parts[1]] + clock, month: month + 1)
    }

    /// `20301231T235959Z`, as in `X-Amz-Date` and `X-Goog-Date`.
    static func ofSignature(_ text: [UInt8]) -> Date? {
        guard text.count == 16, text[8] == UInt8(ascii: "T"), text[15] == UInt8(ascii: "Z") else { return nil }
        return date([text[0..<4], text[4..<6], text[6..<8], text[9..<11], text[11..<13], text[13..<15]])
    }

    /// `2030-12-31T23:59:59Z`, with fewer parts of the day, or with none, as in `se` of Azure.
    static func ofAzure(_ text: [UInt8]) -> Date? {
        let zero = Array("00".utf8)[...]
        guard text.count >= 10, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-") else { return nil }
        let day = [text[0..<4], text[5..<7], text[8..<10]]
        if text.count == 10 { return date(day + [zero, zero, zero]) }
        guard text[10] == UInt8(ascii: "T"), text.last == UInt8(ascii: "Z") else { return nil }
        // Fractions of a second are left out.
        let clock = text[11...].dropLast().prefix { $0 != UInt8(ascii: ".") }.split(separator: UInt8(ascii: ":"))
        guard (2...3).contains(clock.count) else { return nil }
        return date(day + clock + (clock.count == 2 ? [zero] : []))
    }

    /// - Parameters:
    ///   - parts: year, month, day, hour, minute and second as digits.
    ///   - given: the month, where it does not stand as digits.
    private static func date(_ parts: [ArraySlice<UInt8>], month given: Int? = nil) -> Date? {
        let numbers = parts.indices.map { index -> Int? in
            if index == 1, let given { return given }
            return number(parts[index])
        }
        guard numbers.count == 6, let year = numbers[0], let month = numbers[1], let day = numbers[2],
            let hour = numbers[3], let minute = numbers[4], let second = numbers[5],
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second <= 60
        else { return nil }
        let days = UTCTime.day(year: Int64(year), month: Int64(month), day: Int64(day))
        return Date(timeIntervalSince1970: Double(days * 86_400 + Int64(hour * 3600 + minute * 60 + second)))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...4).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }
}
