// Finds the fields of a model by running its own `init(from:)` on a decoder that writes down what is asked for.
// Runs once a model, at start; a model it cannot describe is a programming error and stops the program there.

extension Schema {
    /// The schema of a model.
    static func of<Model: APIModel>(_ type: Model.Type) -> Schema {
        do {
            return try describe(type).schema
        } catch {
            preconditionFailure("\(type) cannot be described: \(error)")
        }
    }

    fileprivate struct Undescribed: Error { var what: String }

    /// The schema of a type and a value of it for the recorder to hand back.
    fileprivate static func describe<Value: Decodable>(_ type: Value.Type) throws -> (schema: Schema, sample: Value) {
        func typed(_ schema: Schema, _ sample: Any?) throws -> (Schema, Value) {
            guard let sample = sample as? Value else { throw Undescribed(what: "\(type)") }
            return (schema, sample)
        }
        if let own = type as? any SchemaValue.Type { return try typed(own.schema, own.sample) }
        if let list = type as? any ListDescribing.Type { return try typed(try list.listSchema(), list.emptyList) }
        if let model = type as? any APIModel.Type {
            let recorder = Recorder(notes: model.notes)
            let sample = try model.init(from: RecordingDecoder(recorder: recorder))
            let stray = Set(model.notes.keys).subtracting(recorder.fields.map(\.name))
            guard stray.isEmpty else { throw Undescribed(what: "\(type): notes on unknown fields \(stray.sorted())") }
            return try typed(Schema(.object(name: "\(type)", fields: recorder.fields)), sample)
        }
        if let words = type as? any (CaseIterable & RawRepresentable).Type {
            return try typed(choice(words), first(words))
        }
        switch type {
        case is String.Type:
            return try typed(Schema(.string(length: nil, words: nil, pattern: nil, format: nil)), "")
        case is Bool.Type: return try typed(Schema(.boolean), false)
        case is Int64.Type: return try typed(Schema(.integer(range: .min ... .max, bits: 64)), Int64(0))
        case is Int.Type: return try typed(Schema(.integer(range: .min ... .max, bits: 64)), 0)
        case is Int32.Type:
            return try typed(Schema(.integer(range: Int64(Int32.min)...Int64(Int32.max), bits: 32)), Int32(0))
        default: throw Undescribed(what: "\(type)")
        }
    }

    private static func choice<Words: CaseIterable & RawRepresentable>(_ type: Words.Type) -> Schema {
        Schema(
            .string(
                length: nil, words: type.allCases.compactMap { $0.rawValue as? String }, pattern: nil, format: nil))
    }

    private static func first<Words: CaseIterable & RawRepresentable>(_ type: Words.Type) -> Any? {
        type.allCases.first
    }
}

private protocol ListDescribing {
    static func listSchema() throws -> Schema
    static var emptyList: Any { get }
}

extension Array: ListDescribing where Element: Decodable {
    fileprivate static func listSchema() throws -> Schema {
        Schema(.array(of: try Schema.describe(Element.self).schema, itemsMax: Schema.itemsMax))
    }
    fileprivate static var emptyList: Any { [Element]() }
}

private final class Recorder {
    let notes: [String: Note]
    var fields: [Schema.Field] = []
    init(notes: [String: Note]) { self.notes = notes }

    func record<Value: Decodable>(_ name: String, _ type: Value.Type, required: Bool) throws -> Value {
        guard let note = notes[name] else { throw Schema.Undescribed(what: "\(name) has no note") }
        let (schema, sample) = try Schema.describe(type)
        fields.append(
            Schema.Field(name: name, schema: schema.limited(by: note), isRequired: required, note: note))
        return sample
    }
}

private struct RecordingDecoder: Decoder {
    let recorder: Recorder
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RecordingContainer<Key>(recorder: recorder))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Schema.Undescribed(what: "a bare list") }
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw Schema.Undescribed(what: "a bare value; make it a SchemaValue")
    }
}

private struct RecordingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let recorder: Recorder
    let codingPath: [any CodingKey] = []
    let allKeys: [Key] = []

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try recorder.record(key.stringValue, type, required: true)
    }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try recorder.record(key.stringValue, type, required: true)
    }
    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try recorder.record(key.stringValue, type, required: true)
    }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
        try recorder.record(key.stringValue, type, required: true)
    }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 {
        try recorder.record(key.stringValue, type, required: true)
    }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
        try recorder.record(key.stringValue, type, required: true)
    }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try recorder.record(key.stringValue, type, required: false)
    }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
        try recorder.record(key.stringValue, type, required: false)
    }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try recorder.record(key.stringValue, type, required: false)
    }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
        try recorder.record(key.stringValue, type, required: false)
    }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? {
        try recorder.record(key.stringValue, type, required: false)
    }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
        try recorder.record(key.stringValue, type, required: false)
    }

    // Widths the API does not speak: they would need limits of their own in the schema.
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { throw Schema.Undescribed(what: "\(type)") }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { throw Schema.Undescribed(what: "\(type)") }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw Schema.Undescribed(what: "a container by hand") }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw Schema.Undescribed(what: "a container by hand")
    }
    func superDecoder() throws -> any Decoder { throw Schema.Undescribed(what: "a class") }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw Schema.Undescribed(what: "a class") }
}
