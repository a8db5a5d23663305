/// 8-bit pixels in memory: `height × width × 4` bytes, red, green, blue, alpha.
struct Raster: Equatable {
    var width: Int
    var height: Int
    var rgba: [UInt8]

    struct Pixel: Equatable, CustomStringConvertible {
        var red: UInt8
        var green: UInt8
        var blue: UInt8
        var alpha: UInt8 = 255

        var description: String { "(\(red), \(green), \(blue), \(alpha))" }

        func isNear(_ other: Pixel, within tolerance: Int = 24) -> Bool {
            zip([red, green, blue, alpha], [other.red, other.green, other.blue, other.alpha])
                .allSatisfy { abs(Int($0) - Int($1)) <= tolerance }
        }

        static let red = Pixel(red: 255, green: 0, blue: 0)
        static let green = Pixel(red: 0, green: 255, blue: 0)
        static let blue = Pixel(red: 0, green: 0, blue: 255)
        static let white = Pixel(red: 255, green: 255, blue: 255)
        static let grey = Pixel(red: 128, green: 128, blue: 128)
        static let orange = Pixel(red: 220, green: 120, blue: 40)
        static let clear = Pixel(red: 0, green: 0, blue: 0, alpha: 0)
    }

    init(width: Int, height: Int, rgba: [UInt8]) {
        self.width = width
        self.height = height
        self.rgba = rgba
    }

    init(width: Int, height: Int, pixel: (_ x: Int, _ y: Int) -> Pixel) {
        var rgba: [UInt8] = []
        rgba.reserveCapacity(width * height * 4)
        for y in 0..<height {
            for x in 0..<width {
                let pixel = pixel(x, y)
                rgba += [pixel.red, pixel.green, pixel.blue, pixel.alpha]
            }
        }
        self.init(width: width, height: height, rgba: rgba)
    }

    /// A quarter each of red, green, blue and white, from the top left in reading order.
    static func corners(width: Int, height: Int) -> Raster {
        Raster(width: width, height: height) { x, y in
            switch (x * 2 < width, y * 2 < height) {
            case (true, true): .red
            case (false, true): .green
            case (true, false): .blue
            case (false, false): .white
            }
        }
    }

    static func flat(_ pixel: Pixel, width: Int = 64, height: Int = 48) -> Raster {
        Raster(width: width, height: height) { _, _ in pixel }
    }

    /// Smooth shades, as in a photograph.
    static func gradient(width: Int, height: Int) -> Raster {
        Raster(width: width, height: height) { x, y in
            Pixel(
                red: UInt8(x * 255 / width),
                green: UInt8(y * 255 / height),
                blue: UInt8((x * 3 + y * 5) % 200)
            )
        }
    }

    func pixel(_ x: Int, _ y: Int) -> Pixel {
        let offset = (y * width + x) * 4
        return Pixel(red: rgba[offset], green: rgba[offset + 1], blue: rgba[offset + 2], alpha: rgba[offset + 3])
    }

    var middle: Pixel { pixel(width / 2, height / 2) }

    /// The pixels in the middle of the four quarters, in reading order.
    var quarters: [Pixel] {
        [(1, 1), (3, 1), (1, 3), (3, 3)].map { pixel(width * $0.0 / 4, height * $0.1 / 4) }
    }

    /// As a portable pixmap, without alpha.
    var ppm: [UInt8] {
        Array("P6\n\(width) \(height)\n255\n".utf8)
            + stride(from: 0, to: rgba.count, by: 4).flatMap { rgba[$0..<$0 + 3] }
    }

    /// As a portable arbitrary map, with alpha, which FFmpeg reads.
    var pam: [UInt8] {
        Array("P7\nWIDTH \(width)\nHEIGHT \(height)\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n".utf8) + rgba
    }

    /// The pixels that a camera stores, so that a viewer who applies the EXIF `orientation` sees this picture
    /// (EXIF 2.32, tag 0x0112).
    func stored(orientation: Int) -> Raster {
        let isTurned = orientation >= 5
        let storedWidth = isTurned ? height : width
        let storedHeight = isTurned ? width : height
        var stored = Raster(
            width: storedWidth,
            height: storedHeight,
            rgba: [UInt8](repeating: 0, count: rgba.count)
        )
        for y in 0..<height {
            for x in 0..<width {
                let (column, row) =
                    switch orientation {
                    case 2: (storedWidth - 1 - x, y)
                    case 3: (storedWidth - 1 - x, storedHeight - 1 - y)
                    case 4: (x, storedHeight - 1 - y)
                    case 5: (y, x)
                    case 6: (y, storedHeight - 1 - x)
                    case 7: (storedWidth - 1 - y, storedHeight - 1 - x)
                    case 8: (storedWidth - 1 - y, x)
                    default: (x, y)
                    }
                let from = (y * width + x) * 4
                let to = (row * storedWidth + column) * 4
                stored.rgba.replaceSubrange(to..<to + 4, with: rgba[from..<from + 4])
            }
        }
        return stored
    }
}
