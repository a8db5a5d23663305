/// The user that a tree started as root becomes, as `RUN_AS` names it. Nothing is looked up.
package struct RunAs: Sendable, Hashable, CustomStringConvertible {
    /// A name, or a number.
    package var user: String
    /// nil: the user's own.
    package var group: String?

    package var description: String { group.map { "\(user):\($0)" } ?? user }

    /// - Parameter text: `user` or `user:group`.
    init(_ text: String) throws(SettingsReader.ParseFailure) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") }
        }
        guard (1...2).contains(parts.count), isPlain else {
            throw .init(message: "`\(text)` is not USER or USER:GROUP, such as media or media:media")
        }
        user = parts[0]
        group = parts.count == 2 ? parts[1] : nil
    }

    static var format: SettingFormat<Self> {
        SettingFormat(type: "USER or USER:GROUP", text: \.description, parse: Self.init)
    }
}
