/// A message as its frames arrive: a method, a header with the properties, and body frames.
struct Content {
    enum Start {
        case deliver(Method.Deliver)
        case returned(Method.Returned)
    }

    let start: Start
    private(set) var properties = MessageProperties()
    private(set) var body: [UInt8] = []
    /// The length that the header announced.
    private(set) var announcedBytes: UInt64 = 0
    /// The body is longer than the limit; its bytes are counted and dropped.
    private(set) var isOversized = false

    private let maximumBodyBytes: UInt64
    private var receivedBytes: UInt64 = 0
    private var hasHeader = false

    init(_ start: Start, maximumBodyBytes: Int) {
        self.start = start
        self.maximumBodyBytes = UInt64(clamping: maximumBodyBytes)
    }

    var isComplete: Bool { hasHeader && receivedBytes >= announcedBytes }

    mutating func add(header properties: MessageProperties, bodyBytes: UInt64) {
        self.properties = properties
        announcedBytes = bodyBytes
        hasHeader = true
        isOversized = bodyBytes > maximumBodyBytes
        // The announced length is below the limit here: reserving it cannot exhaust memory.
        if !isOversized { body.reserveCapacity(Int(clamping: bodyBytes)) }
    }

    mutating func add(body bytes: [UInt8]) {
        guard hasHeader else { return }
        let missing = announcedBytes - receivedBytes
        let taken = min(UInt64(bytes.count), missing)
        receivedBytes += taken
        if !isOversized { body.append(contentsOf: bytes.prefix(Int(clamping: taken))) }
    }
}
