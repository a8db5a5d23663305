internal import UploadStage

@main
struct StageUpload {
    static func main() async { await UploadHandler.main() }
}
