/// Tells the pools' loop when the connection to the broker is there for the first time: the service manager waits for
/// it.
struct FirstConnection: MaintenanceService {
    var link: BrokerLink
    var pools: PoolSupervisor

    func run() async {
        await link.waitUntilConnected()
        if !Task.isCancelled { await pools.noteChange() }
    }
}
