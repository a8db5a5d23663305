/// Something about a picture that is not as it should be, and no reason to refuse it.
package struct ImageWarning: Codable, Sendable, Hashable {
    /// A short word for programs. An open set.
    package struct Code: RawRepresentable, Codable, Sendable, Hashable {
        package let rawValue: String

        package init(rawValue: String) { self.rawValue = rawValue }

        /// A JPEG ends without its end mark, and lacks nothing else.
        package static let endMarkMissing = Code(rawValue: "end_mark_missing")
        /// Bytes in front of a JPEG were passed over.
        package static let bytesBeforeStart = Code(rawValue: "bytes_before_start")
        /// A camera's raw file is shown by the JPEG within it.
        package static let rawPreview = Code(rawValue: "raw_preview")
        /// The decoder met bad data and got over it; parts of the picture may be wrong.
        package static let damagedData = Code(rawValue: "damaged_data")
        /// The picture breaks off, and the rest of it is blank.
        package static let pictureIncomplete = Code(rawValue: "picture_incomplete")
        /// An animation is shown by its first frame.
        package static let firstFrameOnly = Code(rawValue: "first_frame_only")
    }

    package var code: Code
    /// A sentence for the job's owner.
    package var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
