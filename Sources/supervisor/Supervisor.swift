internal import SupervisorCore

@main
enum Supervisor {
    static func main() async { await SupervisorCommand.run() }
}
