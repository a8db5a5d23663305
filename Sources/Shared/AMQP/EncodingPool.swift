import CRabbitMQ
import Glibc

/// Memory for the C library's view of Swift values, freed as a whole.
///
/// The library's structures point at bytes that must outlive the call, and Swift strings have no stable address.
struct EncodingPool: ~Copyable {
    private let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pool = .allocate(capacity: 1)
        init_amqp_pool(pool, 4096)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    func bytes(_ text: String) throws(AMQPError) -> amqp_bytes_t {
        try bytes(Array(text.utf8))
    }

    func bytes(_ text: AMQPText) throws(AMQPError) -> amqp_bytes_t {
        try bytes(text.bytes)
    }

    func bytes(_ bytes: [UInt8]) throws(AMQPError) -> amqp_bytes_t {
        guard !bytes.isEmpty else { return amqp_empty_bytes }
        let memory = try allocate(UInt8.self, count: bytes.count)
        memory.update(from: bytes, count: bytes.count)
        return amqp_bytes_t(len: bytes.count, bytes: memory)
    }

    /// A field table. Its depth was checked before (`AMQPLimits.checkTable`).
    func table(_ table: [AMQPText: AMQPValue]) throws(AMQPError) -> amqp_table_t {
        guard !table.isEmpty else { return amqp_empty_table }
        let entries = try allocate(amqp_table_entry_t.self, count: table.count)
        for (index, (name, value)) in table.sorted(by: { $0.key < $1.key }).enumerated() {
            entries[index] = amqp_table_entry_t(key: try bytes(name), value: try field(value))
        }
        return amqp_table_t(num_entries: Int32(clamping: table.count), entries: entries)
    }

    private func field(_ value: AMQPValue) throws(AMQPError) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        switch value {
        case .bool(let flag):
            field.setKind(AMQP_FIELD_KIND_BOOLEAN)
            field.value.boolean = flag ? 1 : 0
        case .int(let number):
            field.setKind(AMQP_FIELD_KIND_I64)
            field.value.i64 = number
        case .double(let number):
            field.setKind(AMQP_FIELD_KIND_F64)
            field.value.f64 = number
        case .string(let text):
            field.setKind(AMQP_FIELD_KIND_UTF8)
            field.value.bytes = try bytes(text)
        case .bytes(let raw):
            field.setKind(AMQP_FIELD_KIND_BYTES)
            field.value.bytes = try bytes(raw)
        case .timestamp(let seconds):
            field.setKind(AMQP_FIELD_KIND_TIMESTAMP)
            field.value.u64 = seconds
        case .array(let values):
            field.setKind(AMQP_FIELD_KIND_ARRAY)
            field.value.array = try array(values)
        case .table(let nested):
            field.setKind(AMQP_FIELD_KIND_TABLE)
            field.value.table = try table(nested)
        case .null:
            field.setKind(AMQP_FIELD_KIND_VOID)
        }
        return field
    }

    private func array(_ values: [AMQPValue]) throws(AMQPError) -> amqp_array_t {
        guard !values.isEmpty else { return amqp_empty_array }
        let entries = try allocate(amqp_field_value_t.self, count: values.count)
        for (index, value) in values.enumerated() {
            entries[index] = try field(value)
        }
        return amqp_array_t(num_entries: Int32(clamping: values.count), entries: entries)
    }

    private func allocate<Element>(_: Element.Type, count: Int) throws(AMQPError) -> UnsafeMutablePointer<Element> {
        let (size, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflow, let memory = amqp_pool_alloc(pool, size) else {
            throw AMQPError(.systemError, "out of memory while preparing a message", isRetriable: true)
        }
        return memory.bindMemory(to: Element.self, capacity: count)
    }
}

extension amqp_field_value_t {
    fileprivate mutating func setKind(_ kind: amqp_field_value_kind_t) {
        self.kind = UInt8(truncatingIfNeeded: kind.rawValue)
    }
}
