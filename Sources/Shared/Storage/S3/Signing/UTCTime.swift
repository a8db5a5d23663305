internal import Glibc

/// A moment in whole seconds, as HTTP and signatures write it. Pure but for ``now``.
struct UTCTime: Sendable, Hashable, Comparable {
    /// Leap seconds aside, as POSIX counts.
    var secondsSince1970: Int64

    static var now: UTCTime { UTCTime(secondsSince1970: Int64(time(nil))) }

    static func < (left: UTCTime, right: UTCTime) -> Bool { left.secondsSince1970 < right.secondsSince1970 }

    /// Moves by seconds, and not beyond what a number holds.
    static func + (time: UTCTime, seconds: Int64) -> UTCTime {
        let (sum, overflow) = time.secondsSince1970.addingReportingOverflow(seconds)
        return overflow ? time : UTCTime(secondsSince1970: sum)
    }

    /// `20130524T000000Z`: ISO 8601 in its basic form, as signatures want it.
    var basicText: String {
        let day = secondsSince1970 >= 0 ? secondsSince1970 / 86_400 : (secondsSince1970 - 86_399) / 86_400
        let second = secondsSince1970 - day * 86_400
        let date = Self.date(ofDay: day)
        return Self.digits(date.year, 4) + Self.digits(date.month, 2) + Self.digits(date.day, 2) + "T"
            + Self.digits(second / 3600, 2) + Self.digits(second / 60 % 60, 2) + Self.digits(second % 60, 2) + "Z"
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(count - text.utf8.count, 0)) + text
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .map { Array($0.utf8) }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110, 5.6.7), which is the only form that servers of
    /// this century send.
    init?(httpDate text: [UInt8]) {
        guard text.count == 29, text[3] == UInt8(ascii: ","), text.suffix(4).elementsEqual(" GMT".utf8),
            let day = Self.number(text[5..<7]),
            let month = Self.months.firstIndex(where: { text[8..<11].elementsEqual($0) }),
            let year = Self.number(text[12..<16]), let hour = Self.number(text[17..<19]),
            let minute = Self.number(text[20..<22]), let second = Self.number(text[23..<25]),
            (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let days = Self.day(year: year, month: Int64(month) + 1, day: day)
        self.init(secondsSince1970: days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }

    // Days and dates of the Gregorian calendar in eras of 400 years that begin with March, so that a leap day is the
    // last day of a year: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil and
    // civil_from_days.

    private static let daysOfEra: Int64 = 146_097
    /// 1 March of the year 0 to 1 January 1970.
    private static let daysBefore1970: Int64 = 719_468

    /// Days from 1 January 1970 to another day.
    static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * daysOfEra + dayOfEra - daysBefore1970
    }

    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let day = day + daysBefore1970
        let era = (day >= 0 ? day : day - (daysOfEra - 1)) / daysOfEra
        let dayOfEra = day - era * daysOfEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        return (
            yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
    }
}
