/// A format that variants are written in.
package enum OutputFormat: String, Codable, Sendable, CaseIterable {
    case jpeg
    case png
    case webp
    case avif
    /// Of animations only.
    case gif

    package var fileExtension: String {
        switch self {
        case .jpeg: "jpg"
        case .png: "png"
        case .webp: "webp"
        case .avif: "avif"
        case .gif: "gif"
        }
    }

    package var mimeType: String {
        switch self {
        case .jpeg: "image/jpeg"
        case .png: "image/png"
        case .webp: "image/webp"
        case .avif: "image/avif"
        case .gif: "image/gif"
        }
    }

    /// The longest side in pixels that the format itself, or its encoder, can hold.
    var maxSide: Int {
        switch self {
        case .jpeg: 65_500
        case .png: 65_500
        case .webp: 16_383
        case .avif: 16_384
        case .gif: 65_500
        }
    }
}
