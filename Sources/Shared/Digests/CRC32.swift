/// A cyclic redundancy check of 32 bits with reflected bits, eight bytes at a step ("slicing by 8").
struct CRC32 {
    struct Polynomial: Sendable {
        /// For each of eight bytes, what a byte so far before the end does to the remainder: 8 × 256.
        fileprivate let tables: [UInt32]

        static let iso = Polynomial(0xEDB8_8320)
        static let castagnoli = Polynomial(0x82F6_3B78)

        private init(_ reflected: UInt32) {
            var tables = [UInt32](repeating: 0, count: 8 * 256)
            for index in 0..<256 {
                var value = UInt32(index)
                for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ reflected : value >> 1 }
                tables[index] = value
            }
            for index in 256..<(8 * 256) {
                let before = tables[index - 256]
                tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
            }
            self.tables = tables
        }
    }

    private let polynomial: Polynomial
    private var remainder: UInt32 = .max

    init(_ polynomial: Polynomial) { self.polynomial = polynomial }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var crc = remainder
        polynomial.tables.withUnsafeBufferPointer { tables in
            var offset = 0
            while offset + 8 <= bytes.count {
                let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) ^ crc
                let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
                let first = tables[0x700 | Int(low & 0xFF)] ^ tables[0x600 | Int(low >> 8 & 0xFF)]
                let second = tables[0x500 | Int(low >> 16 & 0xFF)] ^ tables[0x400 | Int(low >> 24)]
                let third = tables[0x300 | Int(high & 0xFF)] ^ tables[0x200 | Int(high >> 8 & 0xFF)]
                let fourth = tables[0x100 | Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
                crc = first ^ second ^ third ^ fourth
                offset += 8
            }
            while offset < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
                offset += 1
            }
        }
        remainder = crc
    }

    /// In network order.
    var bytes: [UInt8] {
        let value = ~remainder
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }
}
