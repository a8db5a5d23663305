internal import CZstandard

/// Zstandard streams (RFC 8878), by libzstd.
package enum Zstandard {
    /// libzstd's own default among its levels 1 to 22: several hundred MB/s.
    package static let defaultLevel: Int32 = 3

    /// The number of bytes that `bytes` would take, compressed as a frame of their own.
    package static func compressedSize(
        of bytes: UnsafeRawBufferPointer,
        level: Int32 = defaultLevel
    ) throws(ZstandardError) -> Int {
        let bound = ZSTD_compressBound(bytes.count)
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bound, 1), alignment: 16)
        defer { output.deallocate() }
        return try ZstandardError.check(
            ZSTD_compress(output.baseAddress, output.count, bytes.baseAddress, bytes.count, level)
        )
    }

    /// A frame that decoders skip (RFC 8878, 3.1.2), with `payload`, of less than 4 GiB, in it.
    package static func skippableFrame(_ payload: [UInt8]) -> [UInt8] {
        let count = UInt32(truncatingIfNeeded: payload.count)
        return [skippableMagic, count].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
            + payload
    }

    private static let skippableMagic: UInt32 = 0x184D_2A5D
}

/// An error with libzstd's own text.
package struct ZstandardError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }

    static func check(_ result: Int) throws(ZstandardError) -> Int {
        if ZSTD_isError(result) != 0 { throw ZstandardError(description: String(cString: ZSTD_getErrorName(result))) }
        return result
    }
}

/// Compresses one stream into one frame with a checksum of its content.
package final class ZstandardEncoder {
    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer

    /// - Parameter sizeBytes: of the whole content; ``finish(_:)`` fails when it was another.
    package init(sizeBytes: UInt64, level: Int32 = Zstandard.defaultLevel) throws(ZstandardError) {
        guard let context = ZSTD_createCCtx() else { throw ZstandardError(description: "no memory for a compressor") }
        self.context = context
        output = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
        _ = try ZstandardError.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
        _ = try ZstandardError.check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        _ = try ZstandardError.check(ZSTD_CCtx_setPledgedSrcSize(context, sizeBytes))
    }

    deinit {
        ZSTD_freeCCtx(context)
        output.deallocate()
    }

    /// - Parameter write: called with the compressed bytes so far, zero or more times.
    package func encode(
        _ bytes: UnsafeRawBufferPointer,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while input.pos < input.size { _ = try step(&input, ZSTD_e_continue, write) }
    }

    /// Ends the frame.
    package func finish(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        var input = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
        while try step(&input, ZSTD_e_end, write) > 0 {}
    }

    private func step(
        _ input: inout ZSTD_inBuffer,
        _ directive: ZSTD_EndDirective,
        _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        var buffer = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let rest = try ZstandardError.check(ZSTD_compressStream2(context, &buffer, &input, directive))
        if buffer.pos > 0 { try write(UnsafeRawBufferPointer(rebasing: output[..<buffer.pos])) }
        return rest
    }
}

/// Decompresses a stream of frames. Its memory is bounded whatever the stream says.
package final class ZstandardDecoder {
    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer
    /// Whether the stream may end here: all that was begun is complete, and its checksum was right.
    package private(set) var isComplete = true

    package init() throws(ZstandardError) {
        guard let context = ZSTD_createDCtx() else { throw ZstandardError(description: "no memory for a decompressor") }
        self.context = context
        output = .allocate(byteCount: ZSTD_DStreamOutSize(), alignment: 16)
    }

    deinit {
        ZSTD_freeDCtx(context)
        output.deallocate()
    }

    /// - Parameter write: called with the decompressed bytes so far, zero or more times.
    package func decode(
        _ bytes: UnsafeRawBufferPointer,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        // A full output may leave more within the decoder after the last byte of input.
        var mayHoldMore = false
        while input.pos < input.size || mayHoldMore {
            var buffer = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let hint = try ZstandardError.check(ZSTD_decompressStream(context, &buffer, &input))
            isComplete = hint == 0
            mayHoldMore = buffer.pos == buffer.size && !isComplete
            if buffer.pos > 0 { try write(UnsafeRawBufferPointer(rebasing: output[..<buffer.pos])) }
        }
    }
}
