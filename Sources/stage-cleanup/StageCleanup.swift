internal import CleanupStage

@main
struct StageCleanup {
    static func main() async { await CleanupHandler.main() }
}
