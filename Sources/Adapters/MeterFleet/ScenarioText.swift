// Reads JSON and remembers the line of every value, so that an error in a scenario file says where it is. Bounded in
// depth; the caller bounds the size.

/// A value of a file with the line it begins on.
struct ScenarioText {
    indirect enum Value {
        case object([(key: String, value: ScenarioText)])
        case list([ScenarioText])
        case text(String)
        case whole(Int64)
        case flag(Bool)
        case null
    }
    var line: Int
    var value: Value

    /// - Throws: ``ScenarioError`` with the line.
    static func parse(_ bytes: [UInt8]) throws(ScenarioError) -> ScenarioText {
        var reader = Reader(bytes: bytes)
        let text = try reader.value(depth: 0)
        try reader.end()
        return text
    }

    private struct Reader {
        static let maxDepth = 16
        let bytes: [UInt8]
        var place = 0
        var line = 1

        init(bytes: [UInt8]) { self.bytes = bytes }

        func error(_ message: String) -> ScenarioError { ScenarioError(line: line, message) }

        private mutating func skip() {
            while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) {
                if bytes[place] == 0x0A { line += 1 }
                place += 1
            }
        }

        private mutating func peek() throws(ScenarioError) -> UInt8 {
            skip()
            guard place < bytes.count else { throw error("the file ends too early") }
            return bytes[place]
        }

        private mutating func take(_ octet: UInt8) throws(ScenarioError) -> Bool {
            guard try peek() == octet else { return false }
            place += 1
            return true
        }

        mutating func end() throws(ScenarioError) {
            skip()
            guard place == bytes.count else { throw error("there is more behind the end of the scenario") }
        }

        mutating func value(depth: Int) throws(ScenarioError) -> ScenarioText {
            guard depth < Self.maxDepth else { throw error("nested too deep") }
            let first = try peek()
            let start = line
            let value: Value =
                switch first {
                case UInt8(ascii: "{"): try object(depth)
                case UInt8(ascii: "["): try list(depth)
                case UInt8(ascii: "\""): .text(try string())
                case UInt8(ascii: "-"), 48...57: try number()
                default: try word()
                }
            return ScenarioText(line: start, value: value)
        }

        private mutating func object(_ depth: Int) throws(ScenarioError) -> Value {
            place += 1
            var members: [(key: String, value: ScenarioText)] = []
            if try take(UInt8(ascii: "}")) { return .object([]) }
            repeat {
                guard try peek() == UInt8(ascii: "\"") else { throw error("a name in quotes is expected here") }
                let key = try string()
                guard !members.contains(where: { $0.key == key }) else { throw error("'\(key)' stands here twice") }
                guard try take(UInt8(ascii: ":")) else { throw error("a colon is expected behind '\(key)'") }
                members.append((key, try value(depth: depth + 1)))
            } while try take(UInt8(ascii: ","))
            guard try take(UInt8(ascii: "}")) else { throw error("a comma or } is expected here") }
            return .object(members)
        }

        private mutating func list(_ depth: Int) throws(ScenarioError) -> Value {
            place += 1
            var values: [ScenarioText] = []
            if try take(UInt8(ascii: "]")) { return .list([]) }
            repeat { values.append(try value(depth: depth + 1)) } while try take(UInt8(ascii: ","))
            guard try take(UInt8(ascii: "]")) else { throw error("a comma or ] is expected here") }
            return .list(values)
        }

        private mutating func string() throws(ScenarioError) -> String {
            place += 1
            var octets: [UInt8] = []
            while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
                var octet = bytes[place]
                guard octet >= 0x20 else { throw error("a text ends on the line it begins on") }
                if octet == UInt8(ascii: "\\") {
                    place += 1
                    let kinds: [UInt8: UInt8] = [0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x6E: 0x0A, 0x74: 0x09]
                    guard place < bytes.count, let kind = kinds[bytes[place]] else {
                        throw error(
                            "of the escapes only \\\" \\\\ \\/ \\n \\t are read; write other letters as they are")
                    }
                    octet = kind
                }
                octets.append(octet)
                place += 1
            }
            guard place < bytes.count else { throw error("a text has no end") }
            place += 1
            guard let text = String(validating: octets, as: UTF8.self) else { throw error("a text is not UTF-8") }
            return text
        }

        private mutating func number() throws(ScenarioError) -> Value {
            let start = place
            while place < bytes.count, (48...57).contains(bytes[place]) || [45, 43, 46, 69, 101].contains(bytes[place])
            {
                place += 1
            }
            let text = String(decoding: bytes[start..<place], as: UTF8.self)
            guard let whole = Int64(text) else { throw error("\(text) is not a whole number") }
            return .whole(whole)
        }

        private mutating func word() throws(ScenarioError) -> Value {
            let start = place
            while place < bytes.count, (97...122).contains(bytes[place]) { place += 1 }
            switch String(decoding: bytes[start..<place], as: UTF8.self) {
            case "true": return .flag(true)
            case "false": return .flag(false)
            case "null": return .null
            default: throw error("a value is expected here")
            }
        }
    }
}
