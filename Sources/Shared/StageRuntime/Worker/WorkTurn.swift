/// Lets one task work at a time.
actor WorkTurn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Runs `body`, unless somebody works.
    ///
    /// - Returns: whether it ran.
    func takeIfFree(_ body: @Sendable () async -> Void) async -> Bool {
        if isTaken { return false }
        isTaken = true
        await body()
        isTaken = false
        for waiter in waiting { waiter.resume() }
        waiting = []
        return true
    }

    /// Returns when nobody works.
    func wait() async {
        while isTaken { await withCheckedContinuation { waiting.append($0) } }
    }
}
