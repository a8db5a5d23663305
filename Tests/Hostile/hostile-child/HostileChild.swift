internal import FoundationEssentials
internal import Glibc
internal import Sandbox

/// Tries everything that a decoder must not be able to do, each action in a child of its own that has entered the
/// sandbox as children of the media engine do, and prints what became of it.
///
///     hostile-child DIRECTORY all|outside|state|LAYER,… [ACTION]
///
/// `outside` tries the harmless ones without any sandbox, `state` only tells which layers hold (JSON), and names of
/// layers take only these; then one action is to be named, as many do harm without the other layers. A line for each
/// action: its name, a tab, and `refused NUMBER` (an errno), `killed NUMBER` (a signal), `succeeded` or `silent`.
@main
struct HostileChild {
    private static let limits = SandboxLimits(
        memoryBytes: 256 << 20,
        cpuSeconds: 1,
        fileBytes: 1 << 20,
        descriptors: 128
    )

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 2, chdir(arguments[0]) == 0 else { exit(64) }
        let (mode, wanted) = (arguments[1], arguments.dropFirst(2).first)
        if mode == "state" { tellState() }
        let isOutside = mode == "outside"
        let named = Set(mode.split(separator: ",").compactMap { SandboxLayer(rawValue: String($0)) })
        let layers = isOutside ? [] : mode == "all" ? Set(SandboxLayer.allCases) : named
        if layers == named, isOutside != (wanted == nil) { exit(64) }
        // Something open that no child may find.
        let secret = open("secret", O_RDWR | O_CREAT, 0o600)
        guard secret >= 0, dup2(secret, 57) == 57 else { exit(70) }
        let network = layers.contains(.network) ? Sandbox.prepareParent() : nil
        let actions = HostileAction.all.filter { action in
            wanted.map { $0 == action.name } ?? (!isOutside || action.worksOutside)
        }
        for action in actions {
            HostilePlace.prepare()
            let outcome = run(action, layers, network)
            print("\(action.name)\t\(outcome)")
        }
    }

    private static func tellState() -> Never {
        let network = Sandbox.prepareParent()
        guard let state = Sandbox.probe(limits: limits, networkFailure: network),
            let bytes = try? JSONEncoder().encode(state)
        else { exit(70) }
        print(String(decoding: bytes, as: UTF8.self))
        exit(0)
    }

    private static func run(_ action: HostileAction, _ layers: Set<SandboxLayer>, _ network: Int32?) -> String {
        var ends: [CInt] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { exit(70) }
        let file = open("given", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { for descriptor in ends + [file] { close(descriptor) } }
        let isOutside = layers.isEmpty
        fflush(nil)
        let child = try? ForkedChild.fork { parent in
            let all = layers.union(isOutside ? [.descriptors] : [])
            let state = Sandbox.enter(
                keeping: [ends[1], file],
                parent: parent,
                limits: limits,
                networkFailure: network,
                layers: all
            )
            // A layer that is missing would make the rest prove nothing.
            if !state.isComplete { return 1 }
            var result = action.attempt()
            return write(Sandbox.firstDescriptor, &result, 4) == 4 ? 0 : 2
        }
        guard let child else { exit(70) }
        let end = child.wait()
        var result: Int32 = -1
        let got = recv(ends[0], &result, 4, Int32(MSG_DONTWAIT))
        if let signal = end.signal { return "killed \(signal)" }
        if end.exitStatus == 1 { return "no sandbox" }
        // A child that did what it wanted may not be able to tell: what it did was not refused.
        guard got == 4 else { return end.exitStatus == 2 ? "silent" : "ended \(end.status)" }
        return result == 0 ? "succeeded" : "refused \(result)"
    }
}
