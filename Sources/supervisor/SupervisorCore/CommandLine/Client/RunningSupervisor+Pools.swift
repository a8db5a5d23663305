internal import JobModel
internal import NIOHTTP1

extension RunningSupervisor {
    func scale(_ pool: PoolName, to workers: Int) async throws {
        let answer = try await change(.POST, "/pools/\(pool)/scale", ["workers": .integer(Int64(workers))])
        _ = try decode(StatusServer.PoolOrder.self, answer)
    }

    /// - Parameter isRolling: whether each new worker is ready before an old one drains.
    func restart(_ pool: PoolName, isRolling: Bool) async throws {
        let answer = try await change(.POST, "/pools/\(pool)/restart", ["rolling": .bool(isRolling)])
        _ = try decode(StatusServer.PoolOrder.self, answer)
    }
}
