internal import Hummingbird
internal import NIOCore

extension StatusServer {
    /// The routes of documents that are part of the program.
    func addPages(to router: Router<ServerContext>) {
        router.get("/") { _, _ in Self.document(PackageResources.index_html, "text/html; charset=utf-8") }
        router.get("dashboard.css") { _, _ in Self.document(PackageResources.dashboard_css, "text/css; charset=utf-8") }
        router.get("dashboard.js") { _, _ in
            Self.document(PackageResources.dashboard_js, "text/javascript; charset=utf-8")
        }
        router.get("openapi.json") { _, _ in Self.document(PackageResources.openapi_json, "application/json") }
    }

    private static func document(_ bytes: [UInt8], _ type: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type, .cacheControl: "no-cache"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}
