import AMQP
import JobModel
import Queues
import Testing

@Suite("Queue names")
struct QueueNameTests {
    @Test("are those of the contract")
    func names() {
        let names = QueueNames()
        #expect(
            MediaKind.allCases.flatMap { kind in Stage.allCases.map { names.work(kind, $0) } + [names.updates(kind)] }
                == [
                    "video.processing.download", "video.processing.processing", "video.processing.upload",
                    "video.processing.cleanup", "video.processing.updates",
                    "image.processing.download", "image.processing.processing", "image.processing.upload",
                    "image.processing.cleanup", "image.processing.updates",
                ]
        )
        #expect(names.legacyRequests(.video) == "video.processing.requests")
    }

    @Test("in a message are compared by their bytes: one that is only equivalent by Unicode is none of ours")
    func bytes() {
        let composed = QueueNames(prefix: "caf\u{e9}.")
        let topology = Topology(layout: QueueLayout(names: composed), kind: .image)
        #expect(topology.stage(ofQueue: AMQPText(composed.work(.image, .upload))) == .upload)
        let decomposed = QueueNames(prefix: "cafe\u{301}.")
        #expect(topology.stage(ofQueue: AMQPText(decomposed.work(.image, .upload))) == nil)
        #expect(topology.stage(ofQueue: AMQPText(bytes: [0xff])) == nil)
    }

    @Test("all begin with the prefix")
    func prefix() {
        let names = QueueNames(prefix: "staging.")
        #expect(names.work(.image, .process) == "staging.image.processing.processing")
        #expect(names.dead(.image) == "staging.image.processing.dead")
        #expect(
            names.retry(.video, .upload, delayMilliseconds: 5000) == "staging.video.processing.upload.retry.5000ms"
        )
    }
}
