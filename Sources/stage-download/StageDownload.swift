internal import DownloadStage

@main
struct StageDownload {
    static func main() async { await DownloadHandler.main() }
}
