internal import ProcessStage

@main
struct StageProcess {
    static func main() async { await ProcessHandler.main() }
}
