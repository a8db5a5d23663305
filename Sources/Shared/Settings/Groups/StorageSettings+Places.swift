internal import Text

extension StorageSettings {
    /// Looks that no destination lies where temp files or the state are, or above: a job could name a place in there.
    func check(_ read: SettingsReader, _ places: PlaceSettings) {
        let own = [places.temporaryDirectory + "/media-processor", places.stateDirectory].map { Self.parts($0.utf8) }
        for prefix in destinationPrefixes {
            // The root is refused by itself.
            guard let parts = Self.parts(ofFileURL: prefix), !parts.isEmpty else { continue }
            for place in own where place.starts(with: parts) || parts.starts(with: place) {
                read.refuse(
                    "DESTINATION_PREFIXES",
                    "a directory is that of temp files or of the state, or above or beneath one of them; take another"
                )
            }
        }
    }

    /// nil for a URL of another scheme, and for one that is refused elsewhere.
    private static func parts(ofFileURL url: String) -> [[UInt8]]? {
        let start = Array("file:".utf8)
        var rest = Array(url.utf8)[...]
        guard rest.prefix(start.count).elementsEqual(start, by: { $0 | 0x20 == $1 | 0x20 }) else { return nil }
        rest = rest.dropFirst(start.count)
        let slash = UInt8(ascii: "/")
        if rest.starts(with: [slash, slash]) { rest = rest.dropFirst(2).drop { $0 != slash } }
        return PercentCoding.decode(rest).map { parts($0.utf8) }
    }

    private static func parts(_ path: some Sequence<UInt8>) -> [[UInt8]] {
        Array(path).split(separator: UInt8(ascii: "/")).map { Array($0) }
    }
}
