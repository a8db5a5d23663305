/// The secret that lets a caller change things.
struct APIToken: Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    /// 256 bits of the system's randomness.
    static func random() -> APIToken {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef")
        let text = (0..<64).map { _ in digits[Int.random(in: 0..<16, using: &generator)] }
        return APIToken(String(text))
    }

    /// Takes the same time wherever the two differ.
    func matches(_ other: String) -> Bool {
        let (mine, theirs) = (Array(text.utf8), Array(other.utf8))
        var difference: UInt8 = mine.count == theirs.count ? 0 : 1
        for (index, byte) in mine.enumerated() { difference |= byte ^ (index < theirs.count ? theirs[index] : 0) }
        return difference == 0
    }
}
