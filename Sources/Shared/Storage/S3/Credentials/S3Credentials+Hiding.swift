internal import HTTPClient

/// Stores tell in their errors what they were sent, some of them all of it.
extension S3Credentials {
    private static let replacement = Array("[hidden]".utf8)

    /// The bytes with a word in place of each key. The public one is left where it is only a part of a word, as keys of
    /// own stores are sometimes short; it is hidden as it tells whose store this is.
    func hidden(in bytes: [UInt8]) -> [UInt8] {
        var hidden = bytes
        for secret in [secretAccessKey, sessionToken ?? ""] {
            hidden = Self.replacing(Array(secret.utf8), in: hidden) { _, _ in true }
        }
        return Self.replacing(Array(accessKeyID.utf8), in: hidden) { before, after in
            !Self.isLetterOrDigit(before) && !Self.isLetterOrDigit(after)
        }
    }

    func hidden(in response: WebResponse) -> WebResponse {
        var hidden = response
        hidden.headers = WebHeaders()
        for var field in response.headers.fields {
            field.value = self.hidden(in: field.value)
            hidden.headers.add(field)
        }
        return hidden
    }

    /// - Parameter isWanted: by the bytes around a place where the secret is.
    private static func replacing(
        _ secret: [UInt8],
        in bytes: [UInt8],
        where isWanted: (_ before: UInt8?, _ after: UInt8?) -> Bool
    ) -> [UInt8] {
        guard !secret.isEmpty, bytes.count >= secret.count else { return bytes }
        var result: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let end = place + secret.count
            if end <= bytes.count, bytes[place] == secret[0], bytes[place..<end].elementsEqual(secret),
                isWanted(place > 0 ? bytes[place - 1] : nil, end < bytes.count ? bytes[end] : nil)
            {
                result += replacement
                place = end
            } else {
                result.append(bytes[place])
                place += 1
            }
        }
        return result
    }

    private static func isLetterOrDigit(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return (48...57).contains(byte) || (97...122).contains(byte | 0x20)
    }
}
