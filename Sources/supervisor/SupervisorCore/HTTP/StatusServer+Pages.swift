internal import Hummingbird
internal import NIOCore

extension StatusServer {
    /// The routes of documents that are part of the program.
    func addPages(to router: Router<ServerContext>) {
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
