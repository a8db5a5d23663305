import Foundation

/// An nginx of a test's own on loopback, which serves the files of a directory with ranges, ETags and redirects, by
/// HTTP and by HTTPS.
package final class NginxOrigin: Sendable {
    package let port: Int
    /// nil without certificates.
    package let securePort: Int?
    private let process: ChildProcess
    private let directory: String

    package func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Runs `body` beside a server that answers, and ends the server however `body` ends.
    ///
    /// - Parameters:
    ///   - files: their directory.
    ///   - locations: lines of nginx's configuration within the server's block.
    package static func with<R>(
        files: String,
        certificates: TestCertificates? = nil,
        locations: [String] = [],
        _ body: (NginxOrigin) async throws -> R
    ) async throws -> R {
        let directory = try ScratchDirectory.make("nginx")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // Somebody may take the port between this look for it and nginx's.
        for _ in 0..<5 {
            let origin = try NginxOrigin(files, certificates, locations, in: directory)
            guard await origin.isReady() else {
                await origin.end()
                continue
            }
            do {
                let result = try await body(origin)
                await origin.end()
                return result
            } catch {
                await origin.end()
                throw error
            }
        }
        let log = (try? String(contentsOfFile: directory + "/output", encoding: .utf8)) ?? ""
        throw ChildProcess.Failure(description: "nginx does not start: \(log)")
    }

    private init(
        _ files: String,
        _ certificates: TestCertificates?,
        _ locations: [String],
        in directory: String
    ) throws {
        self.directory = directory
        port = Int(try FreePort.find())
        let securePort = try certificates.map { _ in Int(try FreePort.find()) }
        self.securePort = securePort
        var secure = ""
        if let certificates, let securePort {
            secure =
                "listen 127.0.0.1:\(securePort) ssl; ssl_certificate \(certificates.certificate); "
                + "ssl_certificate_key \(certificates.key);"
        }
        let configuration = """
            daemon off; master_process off; pid \(directory)/pid; error_log \(directory)/errors;
            events { worker_connections 64; }
            http {
                access_log off; client_body_temp_path \(directory)/body; proxy_temp_path \(directory)/proxy;
                fastcgi_temp_path \(directory)/fastcgi; uwsgi_temp_path \(directory)/uwsgi;
                scgi_temp_path \(directory)/scgi;
                server { listen 127.0.0.1:\(port); \(secure) root \(files); \(locations.joined(separator: "\n")) }
            }
            """
        try Data(configuration.utf8).write(to: URL(filePath: directory + "/nginx.conf"))
        process = try ChildProcess(
            "/usr/sbin/nginx",
            ["-c", directory + "/nginx.conf", "-p", directory, "-e", directory + "/errors"],
            environment: ["PATH": "/usr/bin:/bin"],
            output: directory + "/output"
        )
    }

    /// Whether it takes connections. It is either soon that, or it ends.
    private func isReady() async -> Bool {
        for _ in 0..<200 {
            if FreePort.isTaken(UInt16(port)) { return true }
            try? await Task.sleep(for: .milliseconds(25))
        }
        return false
    }

    private func end() async {
        process.send(SIGKILL)
        _ = await process.wait()
    }
}
