/// Something about a source that its owner should know and that is no failure: the outputs were made all the same.
package struct MediaWarning: Codable, Sendable, Hashable {
    /// A short word for programs.
    package enum Code: String, Codable, Sendable {
        /// The source has sound, and none of it can be decoded: the renditions are silent.
        case soundNotDecoded = "sound_not_decoded"
        /// Part of the sound could not be decoded, converted or written.
        case soundIncomplete = "sound_incomplete"
        /// `original` lacks packets of the source that MP4 cannot hold.
        case originalIncomplete = "original_incomplete"
        /// The times of the pictures cannot be true, so pictures follow each other at an even rate.
        case timesInvented = "times_invented"
        /// Times jumped, and the jumps were closed.
        case gapsClosed = "gaps_closed"
        /// The pictures are interlaced, and libavfilter, which deinterlaces them, is not installed.
        case notDeinterlaced = "not_deinterlaced"
        /// The source is transparent in places, and its decoder here cannot tell where.
        case transparencyIgnored = "transparency_ignored"
        /// The source ends before its index says.
        case truncated = "source_truncated"
        /// Parts of the picture could not be decoded, or have visible damage.
        case damagedPictures = "damaged_pictures"
    }

    package var code: Code
    /// The cause, in one sentence.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
