internal import Files
internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import Queues
internal import Text

/// A job that the command line submits.
struct Submission: Sendable, Equatable {
    /// As the user gave it; a URL without the parts that may be secret, as this goes to terminals and logs.
    var source: String
    let message: EntryMessage

    var ticket: Ticket { message.ticket }

    struct Options: Sendable {
        var kind: MediaKind?
        var mediaID: String?
        var userID: String?
        var destination: String?
        var uploadURLs: [UploadURL] = []
        /// Whether the store is a directory, in which keys are paths.
        var keysArePaths = true
    }

    /// Looks at the source and makes the job message.
    ///
    /// - Parameters:
    ///   - id: the job's, unique.
    /// - Throws: ``UsageProblem`` that names the problem of the source.
    init(
        _ text: String,
        options: Options,
        workingDirectory: String,
        id: String = UUID().uuidString.lowercased(),
        now: Date = Date()
    ) throws(UsageProblem) {
        let place = try CommandLineSource(text, workingDirectory: workingDirectory)
        source = text
        if case .url = place { source = SourceURL.redacted(text, atMost: JobRecord.maximumSourceBytes) }
        var format = MediaFormat(fileName: place.fileName)
        var sizeBytes: Int64?
        if case .file(let path) = place {
            let head = try LocalFile.head(path)
            format = MediaFormat(head: head.bytes) ?? format
            sizeBytes = head.sizeBytes
        }
        guard let kind = options.kind ?? format?.kind else {
            throw UsageProblem(
                message: "cannot tell whether `\(source.shown)` is a video or an image; say so with --kind"
            )
        }
        let mediaID = options.mediaID ?? Self.mediaID(fileName: place.fileName, jobID: id)
        if let problem = Self.problem(mediaID: mediaID, options) { throw UsageProblem(message: problem) }
        var ticket = Ticket(id: ByteText(id), mediaID: ByteText(mediaID), kind: kind)
        ticket.userID = options.userID
        ticket.destination = options.destination
        ticket.uploadURLs = options.uploadURLs
        ticket.originalFilename = place.fileName
        ticket.mimeType = format.flatMap { $0.kind == kind ? $0.mimeType : nil }
        ticket.fileSizeBytes = sizeBytes
        ticket.createdAt = Timestamp.string(now)
        ticket.phase = .downloading
        switch place {
        case .file(let path): ticket.source = FileURL.text(path)
        case .url(let url): ticket.source = url
        case .key(let key): ticket.sourceKey = key
        }
        do throws(MessageError) {
            message = try EntryMessage(ticket)
        } catch {
            throw UsageProblem(message: "`\(text)` cannot be submitted: \(error.message)")
        }
    }

    /// Reads `NAME=URL`. A name ends at the first `=`.
    ///
    /// - Throws: ``UsageProblem``, which repeats no URL: each is a secret.
    static func uploadURLs(_ arguments: [String]) throws(UsageProblem) -> [UploadURL] {
        var urls: [UploadURL] = []
        for argument in arguments {
            let name = ByteText(String(decoding: argument.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self))
            let url = String(decoding: argument.utf8.dropFirst(name.count + 1), as: UTF8.self)
            // A name with a colon would be the beginning of a URL that has no name before it.
            guard !name.isEmpty, !url.utf8.isEmpty, !name.utf8.contains(UInt8(ascii: ":")) else {
                throw UsageProblem(
                    message: "--upload-url needs the name of an output and a URL, as in 720p=https://host/place"
                )
            }
            guard !urls.contains(where: { $0.name == name }) else {
                throw UsageProblem(message: "--upload-url names the output `\(name.string.shown)` twice")
            }
            urls.append(UploadURL(name: name, url: url))
        }
        return urls
    }

    /// The file's name without its extension, made safe for keys, and part of the job's id, so that two files of one
    /// name do not overwrite each other's outputs.
    static func mediaID(fileName: String, jobID: String) -> String {
        var stem = fileName[...]
        if let dot = stem.lastIndex(of: "."), dot != stem.startIndex { stem = stem[..<dot] }
        let safe = stem.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_")
                ? Character(scalar) : "-"
        }
        let words = String(safe).split(separator: "-").joined(separator: "-")
        return "\(words.isEmpty ? "media" : String(words.prefix(64)))-\(jobID.prefix(8))"
    }

    private static func problem(mediaID: String, _ options: Options) -> String? {
        func words(_ problem: String) -> String {
            "the media id is part of the outputs' keys, and `\(mediaID.clipped(toBytes: 300).shown)` can be none: "
                + "\(problem)"
        }
        do {
            _ = try ObjectKey(mediaID)
            if options.keysArePaths { _ = try RelativePath(mediaID) }
            return nil
        } catch let error as ObjectKeyError {
            return words(error.reason)
        } catch {
            return words("\(error)")
        }
    }
}

/// A file of the user's.
enum LocalFile {
    /// - Throws: ``UsageProblem`` when it is no readable file.
    static func head(_ path: String) throws(UsageProblem) -> (bytes: [UInt8], sizeBytes: Int64) {
        // O_NONBLOCK: a named pipe must not hold the command.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw UsageProblem(message: "cannot read \(path.shown): \(systemMessage(errno))") }
        defer { close(file) }
        guard let status = FileStatus(descriptor: file), status.kind == .file else {
            throw UsageProblem(message: "cannot read \(path.shown): it is not a regular file")
        }
        var bytes = [UInt8](repeating: 0, count: MediaFormat.signatureBytes)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else { throw UsageProblem(message: "cannot read \(path.shown): \(systemMessage(errno))") }
        return (Array(bytes[..<count]), status.sizeBytes)
    }
}
