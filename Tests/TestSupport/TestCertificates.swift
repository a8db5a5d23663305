import Foundation

/// An authority of a test's own and a certificate that it signed, as files in PEM.
package struct TestCertificates: Sendable {
    package let authority: String
    package let certificate: String
    package let key: String

    /// Makes both with OpenSSL.
    ///
    /// - Parameters:
    ///   - directory: exists; the files get names that begin with `name`.
    ///   - subjects: the certificate's alternative names, such as `DNS:localhost`.
    package static func make(_ name: String, in directory: String, subjects: [String]) async throws -> TestCertificates
    {
        let path = directory + "/" + name
        let common = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
        try await ChildProcess.run(
            "openssl",
            ["req", "-x509", "-subj", "/CN=authority \(name)", "-keyout", path + "-ca.key", "-out", path + "-ca.pem"]
                + common
        )
        try await ChildProcess.run(
            "openssl",
            [
                "req", "-x509", "-subj", "/CN=\(name)", "-keyout", path + ".key", "-out", path + ".pem",
                "-CA", path + "-ca.pem", "-CAkey", path + "-ca.key",
                "-addext", "subjectAltName=" + subjects.joined(separator: ","),
                "-addext", "basicConstraints=critical,CA:FALSE",
            ] + common
        )
        return TestCertificates(authority: path + "-ca.pem", certificate: path + ".pem", key: path + ".key")
    }
}
