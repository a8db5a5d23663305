internal import Hummingbird
internal import NIOCore

extension StatusServer {
    /// The routes that show the tree as a whole.
    func addStatus(to router: Router<ServerContext>, _ feed: EventFeed) {
        let source = source
        router.get("health") { _, _ in
            let report = await source.health()
            return try Response.json(report, status: report.status == .unhealthy ? .serviceUnavailable : .ok)
        }
        router.get("health/live") { _, _ in try Response.json(Probe(status: "live", problems: [])) }
        router.get("health/ready") { _, _ in
            let report = await source.health()
            let isReady = report.status != .unhealthy
            return try Response.json(
                Probe(status: isReady ? "ready" : "not ready", problems: report.problems),
                status: isReady ? .ok : .serviceUnavailable
            )
        }
        router.get("info") { _, _ in try Response.json(await source.info()) }
        router.get("overview") { _, _ in try Response.json(await source.overview()) }
        router.get("metrics") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: await source.metrics()))
            )
        }
        router.get("events") { _, _ in
            let events = try feed.listen()
            return Response(
                status: .ok,
                headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    for await event in events { try await writer.write(ByteBuffer(bytes: event)) }
                    try await writer.finish(nil)
                }
            )
        }
    }

    /// The answer of the probes.
    struct Probe: Codable {
        var status: String
        var problems: [String]
    }
}
