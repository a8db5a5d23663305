import CFFmpeg

/// Which streams of a file are the film and its sound.
struct StreamChoice {
    /// One stream with pictures that can be decoded.
    struct Candidate {
        var index: Int
        /// As far as they are known.
        var packets: Int
        /// By the container; nil when it does not say.
        var seconds: Double?
        var isDefault: Bool
        var area: Int
    }

    /// Shares of the most packets, or of the longest, below which a stream is no match for another.
    private static let (leastPackets, leastLength) = (0.1, 0.5)

    /// The stream that moves: those with far fewer packets or far shorter than the others are previews or stills.
    /// Among the rest the default one counts, then the largest, then the first.
    static func film(of candidates: [Candidate]) -> Candidate? {
        let most = candidates.map(\.packets).max() ?? 0
        var rest = candidates.filter {
            Double($0.packets) >= Double(most) * leastPackets && ($0.packets > 1 || most <= 1)
        }
        let longest = rest.compactMap(\.seconds).max() ?? 0
        rest = rest.filter { ($0.seconds ?? longest) >= longest * leastLength }
        return rest.min {
            ($0.isDefault ? 0 : 1, -$0.area, $0.index) < ($1.isDefault ? 0 : 1, -$1.area, $1.index)
        }
    }

    /// Rates of sound that are taken, in Hz. Slower ones would make gigabytes of few bytes.
    static let sampleRates = 4_000...768_000
    /// libswresample takes no more.
    static let channels = 1...64

    /// The sound in the order in which it is tried: that of the film's programme, for everybody, the default one, the
    /// one with the most bits, the first.
    static func sound(
        in context: UnsafeMutablePointer<AVFormatContext>,
        with video: Int
    ) -> [Stream] {
        let related = programme(of: video, in: context)
        func rank(_ stream: Stream) -> (Int, Int, Int, Int64, Int) {
            (
                related.map { shim_program_has_stream($0, Int32(stream.index)) != 0 ? 0 : 1 } ?? 0,
                stream.isForSome ? 1 : 0, stream.isDefault ? 0 : 1, -stream.parameters.pointee.bit_rate, stream.index
            )
        }
        return context.allStreams.filter { $0.kind == AVMEDIA_TYPE_AUDIO }.sorted { rank($0) < rank($1) }
    }

    private static func programme(
        of video: Int,
        in context: UnsafeMutablePointer<AVFormatContext>
    ) -> UnsafeMutablePointer<AVProgram>? {
        av_find_program_from_stream(context, nil, Int32(video))
    }

    /// Why sound cannot be used; nil when it can.
    static func obstacle(to stream: Stream, film: Stream) -> String? {
        let parameters = stream.parameters.pointee
        // Where the film's index is complete, an empty one means an empty track.
        if film.statedPackets > 0, stream.statedPackets == 0, avformat_index_get_entries_count(stream.pointer) == 0 {
            return "empty"
        }
        guard stream.hasDecoder else { return "no decoder" }
        guard sampleRates.contains(Int(parameters.sample_rate)) else {
            return "sample rate \(parameters.sample_rate) Hz"
        }
        guard channels.contains(Int(parameters.ch_layout.nb_channels)) else {
            return "\(parameters.ch_layout.nb_channels) channels"
        }
        do {
            _ = try StreamDecoder(stream: stream.pointer, threads: 1)
            return nil
        } catch {
            return "\(stream.wordyCodecName) cannot be decoded"
        }
    }
}
