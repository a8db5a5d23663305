internal import JobModel
internal import StageRuntime

/// Looks at how a source begins, and refuses what surely is no video or image, or surely one of the other kind. What
/// can be told in any other way is left to the engines.
struct ContentCheck {
    private let kind: MediaKind
    private var head: [UInt8] = []
    private var isDone = false

    /// So many bytes tell it.
    private static let headBytes = 4096

    init(_ kind: MediaKind) { self.kind = kind }

    /// - Parameter piece: the next bytes of the source.
    /// - Throws: `StageFailure` as soon as enough of them are there.
    mutating func look(_ piece: UnsafeRawBufferPointer) throws(StageFailure) {
        if isDone { return }
        head += piece.prefix(Self.headBytes - head.count)
        if head.count >= Self.headBytes { try finish() }
    }

    /// No more bytes come.
    mutating func finish() throws(StageFailure) {
        if isDone { return }
        isDone = true
        defer { head = [] }
        if let refusal = Self.refusal(of: head, for: kind) { throw refusal }
    }

    // MARK: - Formats

    /// - Parameter head: the source's first bytes, some thousand or all.
    static func refusal(of head: [UInt8], for kind: MediaKind) -> StageFailure? {
        if let text = textRefusal(head) { return text }
        for (signatures, what) in others {
            guard signatures.contains(where: { $0.isBeginning(of: head) }) else { continue }
            return notMedia("is \(what)")
        }
        if isWindowsExecutable(head) { return notMedia("is an executable (Windows)") }
        guard let found = mediaKind(head), found.kind != kind else { return nil }
        return StageFailure(
            .permanent,
            code: "wrong_kind",
            "the source is \(found.name), and the job is one for \(kind == .video ? "videos" : "images"); send it as "
                + "\(found.kind.mediaType)"
        )
    }

    private static func textRefusal(_ head: [UInt8]) -> StageFailure? {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = head.dropFirst(head.starts(with: mark) ? mark.count : 0)
            .drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
            .map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        func begins(_ word: String) -> Bool { text.starts(with: word.utf8) }
        func has(_ word: String) -> Bool { text.firstRange(of: Array(word.utf8)) != nil }
        if begins("#extm3u") { return playlist("a playlist (M3U)") }
        if begins("[playlist]") { return playlist("a playlist (PLS)") }
        let isPage = begins("<!doctype html") || begins("<html")
        if isPage { return notMedia("is an HTML page, as of an error or a log-in") }
        guard begins("<?xml") || begins("<error") || begins("<mpd") || begins("<smil") else { return nil }
        if has("<mpd") || has("<smil") { return playlist("a playlist (XML)") }
        // An engine tells what is wrong with it.
        if has("<svg") { return nil }
        if has("<html") { return notMedia("is an HTML page, as of an error or a log-in") }
        return notMedia("is an XML document, as stores send with an error\(code(in: head))")
    }

    /// The code of a store's error document.
    private static func code(in head: [UInt8]) -> String {
        guard let start = head.firstRange(of: Array("<Code>".utf8))?.upperBound,
            let end = head[start...].firstRange(of: Array("<".utf8))?.lowerBound, (1...64).contains(end - start),
            head[start..<end].allSatisfy({ (48...57).contains($0) || (97...122).contains($0 | 0x20) })
        else { return "" }
        return " (\(String(decoding: head[start..<end], as: UTF8.self)))"
    }

    private static func notMedia(_ what: String) -> StageFailure {
        StageFailure(
            .permanent,
            code: "not_media",
            "the source \(what), and no video or image; give the URL or key of the file itself"
        )
    }

    private static func playlist(_ what: String) -> StageFailure {
        StageFailure(
            .permanent,
            code: "container_not_allowed",
            "the source is \(what), which leads to other files; give the URL or key of a file with the media itself"
        )
    }

    /// Bytes at a place of a file.
    private struct Signature {
        var bytes: [UInt8]
        var offset = 0

        init(_ bytes: [UInt8], at offset: Int = 0) { (self.bytes, self.offset) = (bytes, offset) }
        init(_ text: String, at offset: Int = 0) { self.init(Array(text.utf8), at: offset) }

        func isBeginning(of head: [UInt8]) -> Bool {
            head.count >= offset + bytes.count && head[offset...].starts(with: bytes)
        }
    }

    /// None of them begins a file that an engine reads.
    private static let others: [(signatures: [Signature], what: String)] = [
        ([Signature("PK\u{3}\u{4}"), Signature("PK\u{5}\u{6}")], "an archive (ZIP, or an office document)"),
        ([Signature([0x1F, 0x8B, 0x08])], "packed (gzip)"), ([Signature("BZh")], "packed (bzip2)"),
        ([Signature([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00])], "packed (xz)"),
        ([Signature([0x28, 0xB5, 0x2F, 0xFD])], "packed (Zstandard)"),
        ([Signature([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C])], "an archive (7z)"),
        ([Signature("Rar!\u{1A}\u{7}")], "an archive (RAR)"), ([Signature("ustar", at: 257)], "an archive (tar)"),
        ([Signature([0x7F, 0x45, 0x4C, 0x46])], "an executable (ELF)"),
        (
            [
                [0xFE, 0xED, 0xFA, 0xCE], [0xFE, 0xED, 0xFA, 0xCF], [0xCF, 0xFA, 0xED, 0xFE], [0xCE, 0xFA, 0xED, 0xFE],
            ]
            .map { Signature($0, at: 0) }, "an executable (Mach-O)"
        ),
        ([Signature("#!/")], "a script"),
    ]

    /// Two letters alone would be a guess: they lead to four more.
    private static func isWindowsExecutable(_ head: [UInt8]) -> Bool {
        guard Signature("MZ").isBeginning(of: head), head.count >= 0x40 else { return false }
        let place = head[0x3C..<0x40].reversed().reduce(0) { $0 << 8 | Int($1) }
        return Signature("PE\0\0", at: place).isBeginning(of: head)
    }

    /// The kind of a file that is surely of one kind, with its name.
    private static func mediaKind(_ head: [UInt8]) -> (kind: MediaKind, name: String)? {
        let images: [(Signature, String)] = [
            (Signature([0xFF, 0xD8, 0xFF]), "a JPEG image"),
            (Signature([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), "a PNG image"),
            (Signature("WEBP", at: 8), "a WebP image"),
        ]
        for (signature, name) in images where signature.isBeginning(of: head) {
            if signature.offset > 0, !Signature("RIFF").isBeginning(of: head) { continue }
            return (.image, name)
        }
        let videos: [(Signature, String)] = [
            (Signature([0x1A, 0x45, 0xDF, 0xA3]), "a Matroska or WebM video"), (Signature("FLV\u{1}"), "an FLV video"),
        ]
        for (signature, name) in videos where signature.isBeginning(of: head) { return (.video, name) }
        if Signature("RIFF").isBeginning(of: head), Signature("AVI ", at: 8).isBeginning(of: head) {
            return (.video, "an AVI video")
        }
        guard Signature("ftyp", at: 4).isBeginning(of: head), head.count >= 12,
            films.contains(Array(head[8..<12]))
        else { return nil }
        return (.video, "a video (MP4 or QuickTime)")
    }

    /// Brands of ISO/IEC 14496-12 files that only films have.
    private static let films = Set(
        ["isom", "iso2", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1", "M4V ", "qt  ", "dash", "3gp4", "3gp5"].map {
            Array($0.utf8)
        }
    )
}
