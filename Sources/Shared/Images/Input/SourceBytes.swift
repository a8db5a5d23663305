internal import Files
import Glibc

/// The bytes of a source file, read where somebody asks for them. Nothing outside the file is ever read, and no more
/// than asked for is held.
struct SourceBytes: Sendable {
    let descriptor: Int32
    /// The size of the file.
    let count: Int

    /// Up to `length` bytes from `offset` on; fewer at the end of the file, none beyond it.
    ///
    /// - Throws: ``ImageError/Code/inputUnreadable``, retriable, with the `errno`.
    func read(at offset: Int, _ length: Int) throws(ImageError) -> [UInt8] {
        guard offset >= 0, offset < count, length > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: min(length, count - offset))
        var filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { space in
                pread(descriptor, space.baseAddress?.advanced(by: filled), space.count - filled, offset + filled)
            }
            if got < 0 {
                if errno == EINTR { continue }
                throw Self.unreadable("the image", errno)
            }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    static func unreadable(_ name: String, _ code: Int32) -> ImageError {
        ImageError(
            .inputUnreadable,
            "\(name) could not be read: \(String(cString: strerror(code)))",
            isRetriable: true,
            systemError: code
        )
    }
}

/// Numbers in bytes that came from somewhere else: a number that is not there whole is nil.
struct ByteView {
    let bytes: [UInt8]
    var isLittleEndian = false

    init(_ bytes: [UInt8], isLittleEndian: Bool = false) {
        self.bytes = bytes
        self.isLittleEndian = isLittleEndian
    }

    var count: Int { bytes.count }

    /// The unsigned number of `size` bytes (1…7, or 8 below 2⁶³) at `offset`.
    func number(_ size: Int, at offset: Int) -> Int? {
        guard offset >= 0, size > 0, size <= 8, offset <= bytes.count - size else { return nil }
        var value: UInt64 = 0
        for index in 0..<size {
            value = value << 8 | UInt64(bytes[isLittleEndian ? offset + size - 1 - index : offset + index])
        }
        return Int(exactly: value)
    }

    func byte(_ offset: Int) -> UInt8? { bytes.indices.contains(offset) ? bytes[offset] : nil }

    func has(_ text: String, at offset: Int) -> Bool {
        offset >= 0 && offset <= bytes.count && bytes[offset...].starts(with: text.utf8)
    }

    func slice(_ offset: Int, _ length: Int) -> [UInt8]? {
        guard offset >= 0, length >= 0, offset <= bytes.count, length <= bytes.count - offset else { return nil }
        return Array(bytes[offset..<offset + length])
    }
}

/// Bits from the most significant on. Reading beyond the end gives nil.
struct BitReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter count: 0…32.
    mutating func bits(_ count: Int) -> Int? {
        guard count >= 0, count <= 32, position + count <= bytes.count * 8 else { return nil }
        var value = 0
        for _ in 0..<count {
            value = value << 1 | Int(bytes[position >> 3] >> UInt8(7 - position & 7) & 1)
            position += 1
        }
        return value
    }

    mutating func flag() -> Bool? { bits(1).map { $0 == 1 } }

    @discardableResult
    mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, position + count <= bytes.count * 8 else { return false }
        position += count
        return true
    }

    /// An unsigned Exp-Golomb code (ISO/IEC 23008-2, 9.2) of at most 32 bits.
    mutating func golomb() -> Int? {
        var zeros = 0
        while let bit = bits(1) {
            if bit == 1 {
                guard let rest = bits(zeros) else { return nil }
                return (1 << zeros) - 1 + rest
            }
            zeros += 1
            if zeros > 31 { return nil }
        }
        return nil
    }
}
