// Values of one execution, packed for libpq in binary format. Knows nothing of connections.
import CPQ
import SQL

struct PostgresParameters {
    /// The type of each value; ``PostgresType/inferred`` for NULL, which says nothing of its type.
    private(set) var types: [Oid] = []
    private var packed: [UInt8] = []
    private var starts: [Int?] = []
    private var lengths: [Int32] = []

    /// - Parameter known: the types, where they are known also of what is NULL.
    init(_ values: [SQLValue], types known: [Oid]? = nil) throws {
        // libpq counts parameters in 16 bits and lengths in 31.
        guard values.count <= 65_535 else { throw SQLError(.syntax, "\(values.count) values; 65,535 are possible") }
        for value in values {
            switch value {
            case .null: add(PostgresType.inferred, nil)
            case .int(let int):
                starts.append(packed.count)
                withUnsafeBytes(of: int.bigEndian) { packed.append(contentsOf: $0) }
                lengths.append(8)
                types.append(PostgresType.int8)
            case .text(let text): add(PostgresType.text, Array(text.utf8))
            case .bytes(let bytes): add(PostgresType.bytea, bytes)
            }
        }
        guard packed.count <= 1 << 30 else { throw SQLError(.full, "a statement with more than 1 GiB of values") }
        if let known { types = known }
        // An empty value still needs an address, or libpq would take it for NULL.
        packed.append(0)
    }

    private mutating func add(_ type: Oid, _ bytes: [UInt8]?) {
        types.append(type)
        starts.append(bytes == nil ? nil : packed.count)
        lengths.append(Int32(truncatingIfNeeded: bytes?.count ?? 0))
        if let bytes { packed.append(contentsOf: bytes) }
    }

    /// Count, addresses, lengths and formats (1 = binary) as libpq wants them.
    func withPointers<Value>(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Value
    ) -> Value {
        packed.withUnsafeBytes { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = starts.map { start in start.flatMap { base?.advanced(by: $0) } }
            let formats = [Int32](repeating: 1, count: pointers.count)
            return pointers.withUnsafeBufferPointer { pointers in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(Int32(types.count), pointers.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}
