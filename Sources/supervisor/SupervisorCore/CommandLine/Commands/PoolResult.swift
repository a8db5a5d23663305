/// The result of an order to one pool.
protocol PoolResult: Codable {
    var pool: String { get }
    /// Workers that are ready; only if they were waited for.
    var ready: Int? { get set }
    /// Why the order was not carried out.
    var error: String? { get set }
    /// For people, without the pool's name.
    var sentence: String { get }
}

extension PoolResult {
    /// Gives the order. A refusal by the supervisor does not keep the command from the next order.
    mutating func order(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let problem as Problem where problem.status == 409 {
            error = CommandFailure.words(problem)
        }
    }

    /// Waits until the pool is as it was ordered to be.
    mutating func settle(_ body: () async throws -> Int) async throws {
        guard error == nil else { return }
        do {
            ready = try await body()
        } catch let failing as PoolWatch.Failing {
            error = failing.message
        }
    }
}

/// The results of a command, as its JSON document.
struct PoolResults<Result: PoolResult>: Codable {
    var pools: [Result]

    /// Prints the results, and ends the command with the status that they make.
    func conclude(json: Bool) throws {
        if json { try CommandOutput.write(json: self) }
        for result in pools {
            if let error = result.error {
                StandardStreams.writeError("Error: \(result.pool): \(error)")
            } else if !json {
                CommandOutput.write("\(result.pool): \(result.sentence)\n")
            }
        }
        let failed = pools.count { $0.error != nil }
        let exit = CommandExit.of(done: pools.count - failed, failed: failed)
        if exit != .ok { throw exit.code }
    }
}
