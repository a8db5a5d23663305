import CFFmpeg

/// What one stream of an opened file says of itself. Valid as long as the file is open.
struct Stream {
    let pointer: UnsafeMutablePointer<AVStream>
    let parameters: UnsafeMutablePointer<AVCodecParameters>

    init?(_ pointer: UnsafeMutablePointer<AVStream>?) {
        guard let pointer, let parameters = pointer.pointee.codecpar else { return nil }
        self.pointer = pointer
        self.parameters = parameters
    }

    var index: Int { Int(pointer.pointee.index) }
    var kind: AVMediaType { parameters.pointee.codec_type }
    var isDefault: Bool { pointer.pointee.disposition & AV_DISPOSITION_DEFAULT != 0 }
    /// A cover, or the pictures of a scrubber: neither is the film.
    var isCover: Bool {
        pointer.pointee.disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS) != 0
    }
    /// For people who cannot hear or see, or a commentary: never the first choice.
    var isForSome: Bool {
        let some =
            AV_DISPOSITION_HEARING_IMPAIRED | AV_DISPOSITION_VISUAL_IMPAIRED | AV_DISPOSITION_COMMENT
            | AV_DISPOSITION_DESCRIPTIONS
        return pointer.pointee.disposition & some != 0
    }
    var hasDecoder: Bool { avcodec_find_decoder(parameters.pointee.codec_id) != nil }
    var area: Int { Int(parameters.pointee.width) * Int(parameters.pointee.height) }
    /// The number of samples by the container's index; 0 when it does not say.
    var statedPackets: Int {
        max(Int(clamping: pointer.pointee.nb_frames), 0)
    }
    /// Whether the container's index has every sample that the header speaks of.
    var hasCompleteIndex: Bool {
        statedPackets > 0 && Int(avformat_index_get_entries_count(pointer)) >= statedPackets
    }
    /// By the container; nil when it does not say.
    var statedSeconds: Double? {
        let duration = pointer.pointee.duration
        guard duration != shim_nopts, duration > 0 else { return nil }
        return Timeline.seconds(duration, pointer.pointee.time_base)
    }

    /// libav's short name, or the file's own four letters where libav does not know the codec.
    var codecName: String {
        let tag = parameters.pointee.codec_tag
        guard parameters.pointee.codec_id == AV_CODEC_ID_NONE, tag != 0 else {
            return String(cString: avcodec_get_name(parameters.pointee.codec_id))
        }
        return Self.letters(tag) ?? "unknown"
    }

    /// The codec as people call it: xHE-AAC and AAC have one name in libav.
    var wordyCodecName: String { isExtendedAAC ? "xHE-AAC (USAC)" : codecName }

    var kindName: String {
        av_get_media_type_string(kind).map { String(cString: $0) } ?? "unknown"
    }

    var profileName: String? {
        avcodec_profile_name(parameters.pointee.codec_id, parameters.pointee.profile).map { String(cString: $0) }
    }

    var language: String? {
        guard let text = shim_stream_option(pointer, "language").map({ String(cString: $0) }),
            text != "und", !text.isEmpty, text.utf8.count <= 32
        else { return nil }
        return text
    }

    /// xHE-AAC: the audio object type at the start of the decoder's configuration (ISO 14496-3, 1.6.2.1) is 42.
    var isExtendedAAC: Bool {
        guard parameters.pointee.codec_id == AV_CODEC_ID_AAC, parameters.pointee.extradata_size >= 2,
            let bytes = parameters.pointee.extradata
        else { return false }
        let bits = UInt(bytes[0]) << 8 | UInt(bytes[1])
        let type = bits >> 11
        return (type == 31 ? 32 + (bits >> 5 & 0x3F) : type) == 42
    }

    /// DRM that the container tells of: protected sample entries, or a key's identifier for the stream.
    var isEncrypted: Bool {
        if let letters = Self.letters(parameters.pointee.codec_tag), SampleEntries.protected.contains(letters) {
            return true
        }
        var size = 0
        return shim_stream_side_data(pointer, AV_PKT_DATA_ENCRYPTION_INIT_INFO, &size) != nil
    }

    private static func letters(_ tag: UInt32) -> String? {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: tag >> ($0 * 8)) }
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension UnsafeMutablePointer<AVFormatContext> {
    /// All streams, in the order of the file.
    var allStreams: [Stream] {
        (0..<Int32(clamping: pointee.nb_streams)).compactMap { Stream(shim_stream(self, $0)) }
    }
}
