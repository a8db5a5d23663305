internal import Hummingbird

/// Facts about a request besides itself.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    var caller = RequestGuard.Caller.reader

    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}
