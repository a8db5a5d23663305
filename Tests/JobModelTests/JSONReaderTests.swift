import Foundation
import Testing

@testable import JobModel

@Suite struct JSONReaderTests {
    private static func read(_ text: String) throws -> JSONValue { try JSONReader.value(of: Array(text.utf8)) }

    @Test(
        arguments: [
            ("null", .null), (" \t\r\n true ", .bool(true)), ("false", .bool(false)),
            ("0", 0), ("-0", 0), ("-12", -12), ("1.0", 1), ("1e3", 1000), ("1E+2", 100), ("100e-2", 1),
            ("1.5", 1.5), ("-2.5e-3", -0.0025), ("1e-400", 0),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .unsigned(1 << 63)), ("18446744073709551615", .unsigned(.max)),
            ("18446744073709551616", .double(0x1p64)), ("-9223372036854775809", .double(-0x1p63)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
            (#""""#, ""), (#""a\"\\\/\b\f\n\r\té☃""#, "a\"\\/\u{8}\u{C}\n\r\té☃"),
            (#""\u0041\u00e9\u2603\ud83d\uDE00\u0000""#, "Aé☃😀\0"), ("\"\u{7F}🎬\"", "\u{7F}🎬"),
            ("[]", []), ("[ 1 , [ ] , { } ]", [1, [], [:]]),
            (#"{ "a" : 1 , "b" : { "c" : [ null ] } }"#, ["a": 1, "b": ["c": [.null]]]),
            (#"{"":1,"a":1,"a":2}"#, ["": 1, "a": 2]),
            ("\u{FEFF}{}", [:]),
        ] as [(String, JSONValue)]
    )
    func reads(_ text: String, _ value: JSONValue) throws { #expect(try Self.read(text) == value) }

    @Test(arguments: [
        ("", 0), ("  ", 2), ("nul", 3), ("nulL", 3), ("True", 0), ("truex", 4), ("1 2", 2), ("NaN", 0), ("-", 1),
        ("+1", 0), ("01", 1), (".5", 0), ("1.", 2), ("1.e1", 2), ("1e", 2), ("1e+", 3), ("0x10", 1), ("--1", 1),
        ("1e999", 0), ("-1e999", 0),
        ("[", 1), ("[1", 2), ("[1,", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("]", 0),
        ("{", 1), ("{\"a\"", 4), ("{\"a\":", 5), ("{\"a\":1", 6), ("{\"a\":1,", 7), ("{\"a\":1,}", 7), ("{a:1}", 1),
        ("{\"a\" 1}", 5), ("{1:1}", 1), ("{\"a\":1]", 6),
        ("\"", 0), ("\"abc", 0), ("\"\\", 2), ("\"\\x\"", 2), ("\"\\u12\"", 5), ("\"\\uD800\"", 7), ("\"\\uDC00\"", 7),
        ("\"\\uD800\\n\"", 8), ("\"\\uD800\\u0041\"", 13), ("\"a\u{1}\"", 2), ("\"a\nb\"", 2), ("'a'", 0),
        ("// c\n1", 0), ("1 // c", 2), ("{\"\\ud800\":1}", 8),
    ])
    func refuses(_ text: String, _ offset: Int) {
        let failure = #expect(throws: JSONReader.Failure.self) { try Self.read(text) }
        #expect(failure?.offset == offset, "\(text): \(failure.map { "\($0)" } ?? "")")
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
            [0x22, 0xC3, 0x22], [0xFF, 0xFE, 0x31, 0x00], [0x22, 0x5C, 0x6E, 0xFF, 0x22], [0x00],
        ] as [[UInt8]]
    )
    func refusesWhatIsNotUTF8(_ bytes: [UInt8]) {
        #expect(throws: JSONReader.Failure.self) { try JSONReader.value(of: bytes) }
        #expect(throws: MessageError.self) { try JSONValue(parsing: bytes) }
    }

    @Test(.timeLimit(.minutes(1)))
    func depthIsLimitedAndCostsNothing() throws {
        func text(_ depth: Int, _ inner: String) -> String {
            String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try Self.read(text(JSONReader.maximumDepth, "1")) }
        #expect(throws: JSONReader.Failure.self) { try Self.read(text(JSONReader.maximumDepth + 1, "1")) }
        #expect(throws: JSONReader.Failure.self) { try Self.read(text(1_000_000, "")) }
        #expect(throws: JSONReader.Failure.self) { try Self.read(String(repeating: #"{"a":"#, count: 1_000_000)) }
        // Each of these took the decoder that guesses hours.
        let numbers = String(repeating: "1.5,", count: 1_000_000) + "0"
        let deep = try JSONValue(parsing: text(JSONReader.maximumDepth, numbers).utf8)
        #expect(deep.serialized().count > 4_000_000)
        #expect(throws: Never.self) { try Self.read(text(1, String(repeating: "[],{},", count: 500_000) + "0")) }
        #expect(throws: Never.self) { try Self.read(String(repeating: "7", count: 300)) }
        #expect(throws: JSONReader.Failure.self) { try Self.read(String(repeating: "7", count: 1_000_000)) }
        #expect(throws: JSONReader.Failure.self) { try Self.read("\"" + String(repeating: "\\n", count: 1_000_000)) }
    }

    /// Written values are read back, and randomly changed bytes are read as Foundation reads them, or refused.
    @Test func agreesWithFoundation() throws {
        var generator = Generator(state: 20_261_126)
        for _ in 0..<2_000 {
            let value = Self.value(&generator, depth: 4)
            let bytes = value.serialized()
            #expect(try JSONReader.value(of: bytes) == value)
            var changed = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !changed.isEmpty {
                let place = changed.indices.randomElement(using: &generator) ?? 0
                let byte = UInt8.random(in: 0...255, using: &generator)
                changed[place] = Bool.random(using: &generator) ? byte : Array(#"{}[],:"\-0"#.utf8)[Int(byte) % 10]
            }
            guard let read = try? JSONReader.value(of: changed) else { continue }
            let known = try? JSONSerialization.jsonObject(with: Data(changed), options: .fragmentsAllowed)
            #expect(known != nil, "\(String(decoding: changed, as: UTF8.self))")
            let again = try JSONSerialization.jsonObject(with: Data(read.serialized()), options: .fragmentsAllowed)
            if let known { #expect(Self.equal(known, again), "\(String(decoding: changed, as: UTF8.self))") }
        }
    }

    private static func equal(_ one: Any, _ other: Any) -> Bool {
        guard let one = one as? NSObject, let other = other as? NSObject else { return false }
        return one == other
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    private static func value(_ generator: inout Generator, depth: Int) -> JSONValue {
        func text(_ generator: inout Generator) -> String {
            let letters = ["a", "\"", "\\", "/", "\n", "\u{1}", "é", "☃", "🎬", "\u{2028}", " ", "0"]
            return (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                letters.randomElement(using: &generator) ?? ""
            }.joined()
        }
        switch Int.random(in: 0...(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(.random(in: .min ... .max, using: &generator))
        case 3: return .integer(.random(in: -9...9, using: &generator))
        case 4: return .unsigned(.random(in: (1 << 63)...UInt64.max, using: &generator))
        case 5: return .double(Double.random(in: -1...1, using: &generator))
        case 6: return .string(text(&generator))
        case 7:
            return .array(
                (0..<Int.random(in: 0...4, using: &generator)).map { _ in value(&generator, depth: depth - 1) }
            )
        default:
            var fields: [ByteText: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                fields[ByteText(text(&generator))] = value(&generator, depth: depth - 1)
            }
            return .object(fields)
        }
    }
}
