import Foundation

/// Chance that can be had again: `CRASH_TEST_SEED` is the seed that an earlier run printed.
struct Seed: RandomNumberGenerator {
    private var state: UInt64

    init(_ value: UInt64) { state = value }

    static func generator(_ purpose: String = #function) -> Seed { Seed(value(purpose)) }

    /// Says it as well, so that the same chance can be had again.
    static func value(_ purpose: String = #function) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["CRASH_TEST_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64(Int64.max))
        print("\(purpose): CRASH_TEST_SEED=\(seed)")
        return seed
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The length of the tests: `CRASH_TEST_ROUNDS`, 1 without it, as in CI.
enum Rounds {
    static var count: Int {
        max(ProcessInfo.processInfo.environment["CRASH_TEST_ROUNDS"].flatMap { Int($0) } ?? 1, 1)
    }
    static var isShort: Bool { count == 1 }
}
