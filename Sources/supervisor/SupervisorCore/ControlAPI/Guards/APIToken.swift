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

    /// The comparison takes as long as the token is, wherever the two differ.
    func matches(_ other: some Collection<UInt8>) -> Bool {
        let (mine, theirs) = (Array(text.utf8), Array(other))
        var difference = mine.count ^ theirs.count
        for (index, byte) in mine.enumerated() {
            difference |= Int(byte ^ (theirs.isEmpty ? ~byte : theirs[index % theirs.count]))
        }
        return difference == 0
    }
}
