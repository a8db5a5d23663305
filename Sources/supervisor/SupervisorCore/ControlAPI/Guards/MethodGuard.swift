internal import HTTPTypes
internal import Hummingbird

/// The paths, with the methods of each. The router by itself answers a wrong method as if there were
/// nothing.
struct RouteTable: Sendable {
    /// By the components of a path; nil stands for any.
    private var methods: [[String?]: Set<String>] = [:]

    mutating func add(path: some Sequence<String?>, method: String) {
        methods[Array(path), default: []].insert(method)
    }

    /// The methods of the path in alphabetical order; nil when there is no such path.
    func methods(of path: String) -> [String]? {
        let parts = path.split(separator: "/").map(String.init)
        var found: Set<String> = []
        for (pattern, methods) in methods where pattern.count == parts.count {
            if zip(pattern, parts).allSatisfy({ $0 == nil || $0 == $1 }) { found.formUnion(methods) }
        }
        return found.isEmpty ? nil : found.sorted()
    }
}

extension RouteTable {
    init<Context>(_ router: Router<Context>) {
        for route in router.routes {
            let parts = route.path.description.split(separator: "/").map(String.init)
            add(path: parts.map { $0.hasPrefix(":") || $0.hasPrefix("{") ? nil : $0 }, method: route.method.rawValue)
        }
    }
}

/// Answers a method that a path does not have with 405 and those that it has.
struct MethodGuard: RouterMiddleware {
    private let table: RouteTable

    init(_ table: RouteTable) { self.table = table }

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let method = request.method.rawValue
        if let methods = table.methods(of: request.uri.path), !methods.contains(method) {
            throw Problem(
                title: "Method not allowed",
                status: 405,
                detail: "\(request.uri.path) takes \(methods.joined(separator: ", ")), not \(method)",
                allowedMethods: methods
            )
        }
        return try await next(request, context)
    }
}
