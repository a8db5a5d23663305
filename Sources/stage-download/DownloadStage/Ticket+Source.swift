internal import JobModel
internal import StageRuntime
internal import Storage

extension Ticket {
    /// The source that the job names: an object of the configured store by its key, or whatever its URL names.
    ///
    /// - Throws: `StageFailure` that says what the job has to name instead.
    func source(_ sources: Sources, _ stores: Stores) throws(StageFailure) -> any Source {
        if let source {
            do throws(StorageError) {
                return try sources.source(source)
            } catch {
                throw StageFailure(.permanent, code: error.code.rawValue, error.message)
            }
        }
        guard let sourceKey else {
            throw StageFailure(
                .permanent,
                code: "no_source",
                "the job names no source; give it an `s3Key` or a `source`"
            )
        }
        do {
            return stores.standard.source(try ObjectKey(sourceKey))
        } catch {
            throw StageFailure(.permanent, code: "invalid_key", "\(error); correct the job's `s3Key`")
        }
    }

    /// The SHA-256 that the source must have, by the job's `sha256`; nil where the job has none.
    ///
    /// - Throws: `StageFailure` for a field that is none.
    func sourceDigest() throws(StageFailure) -> [UInt8]? {
        guard let value = unknown["sha256"], !value.isNull else { return nil }
        let digits = value.stringValue.map { Array($0.utf8) } ?? []
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { place -> UInt8? in
            guard let high = Self.value(digits[place]), let low = Self.value(digits[place + 1]) else { return nil }
            return high << 4 | low
        }
        guard digits.count == 64, bytes.count == 32 else {
            throw StageFailure(
                .permanent,
                code: "invalid_value",
                "the job's `sha256` is no SHA-256 of 64 hexadecimal digits; correct it, or leave it out"
            )
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
