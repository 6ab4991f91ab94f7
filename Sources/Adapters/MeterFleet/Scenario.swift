// What goes wrong, with which meters and when, as a file: at a time T of a run, on a feeder or a share of the meters,
// something is done. Values and their reading only; FaultPlan and FleetDirector carry it out.

/// A scenario that cannot be read; says the line and how to mend it.
public struct ScenarioError: Error, Sendable, Equatable, CustomStringConvertible {
    public var line: Int
    public var message: String
    init(line: Int, _ message: String) {
        self.line = line
        self.message = message
    }
    public var description: String { "line \(line): \(message)" }
}

/// A run of faults. The same file and seed choose the same meters and spoil the same answers.
public struct Scenario: Sendable, Equatable {
    public static let maxBytes = 65_536
    public static let maxSteps = 200
    /// Longest run: a month of business time.
    static let maxS: Int64 = 31 * 86_400

    /// What is done. Percentages are of a hundred, times are milliseconds of system time or seconds of business time.
    public enum Action: Sendable, Equatable {
        case silence(MeterFaults.Silence)
        case delay(ms: Int64)
        case slow(bytesPerS: Int64)
        case drop(percent: Int64)
        case garble(percent: Int64)
        case repeated(percent: Int64)
        case reboot(percent: Int64, awayMs: Int64)
        case shuffle, wrongKey, ghost, liar
        case clock(byS: Int64)
        case missing(lateByS: Int64?)
        case rollover(digits: Int, withinWh: Int64)
        case event(code: Int)
        case outage(gaspPercent: Int64, breathPercent: Int64)
    }

    /// Which meters: all, cut down by each thing that is said.
    public struct Target: Sendable, Equatable {
        public var feeder: String?
        public var sharePercent: Int64 = 100
        public var serials: [String] = []
        public init() {}
    }

    public struct Step: Sendable, Equatable {
        public var line: Int
        /// Business seconds after the start.
        public var atS: Int64
        /// Nil: to the end.
        public var forS: Int64?
        public var target: Target
        public var action: Action
        /// The word of the file.
        public var kind: String
    }

    public var name: String
    public var about: String
    public var seed: UInt64
    public var steps: [Step]

    /// The words for what can be done, in the order of docs/simulator.md.
    public static let kinds = [
        "silence", "delay", "slow", "drop", "garble", "repeat", "reboot", "shuffle", "wrong-key", "clock", "missing",
        "rollover", "event", "outage", "ghost", "liar",
    ]

    /// Reads a scenario file.
    public init(_ bytes: [UInt8]) throws(ScenarioError) {
        guard bytes.count <= Self.maxBytes else {
            throw ScenarioError(line: 1, "the file is larger than \(Self.maxBytes) octets")
        }
        var fields = try ScenarioFields(ScenarioText.parse(bytes))
        guard try fields.whole("format", 1...1) != nil else {
            throw ScenarioError(line: fields.line, "\"format\": 1 is missing")
        }
        name = try fields.text("name", 1...80) ?? ""
        guard !name.isEmpty else { throw ScenarioError(line: fields.line, "\"name\" is missing") }
        about = try fields.text("about", 0...500) ?? ""
        seed = UInt64(try fields.whole("seed", 0...(.max)) ?? 1)
        let (list, line) = try fields.list("steps")
        guard (1...Self.maxSteps).contains(list.count) else {
            throw ScenarioError(line: line, "\"steps\": 1 to \(Self.maxSteps) of them")
        }
        var steps: [Step] = []
        for text in list { steps.append(try Step(text)) }
        self.steps = steps
        try fields.end()
    }
}

extension Scenario.Step {
    init(_ text: ScenarioText) throws(ScenarioError) {
        var fields = try ScenarioFields(text)
        line = fields.line
        atS = try fields.span("at", 0...Scenario.maxS) ?? 0
        forS = try fields.span("for", 1...Scenario.maxS)
        target = try fields.target("on")
        guard let kind = try fields.text("do", 1...20), Scenario.kinds.contains(kind) else {
            throw ScenarioError(line: line, "\"do\" is one of \(Scenario.kinds.joined(separator: ", "))")
        }
        self.kind = kind
        action = try Self.action(kind, &fields)
        let isInstant =
            switch action {
            case .clock, .rollover, .event: true
            default: false
            }
        guard !isInstant || forS == nil else {
            throw ScenarioError(line: line, "\"\(kind)\" happens once; \"for\" says nothing there")
        }
        try fields.end()
    }

    private static func action(
        _ kind: String, _ fields: inout ScenarioFields
    ) throws(ScenarioError) -> Scenario.Action {
        switch kind {
        case "silence":
            let how = try fields.text("how", 1...20) ?? MeterFaults.Silence.noAnswer.rawValue
            guard let silence = MeterFaults.Silence(rawValue: how) else {
                throw ScenarioError(line: fields.line, "\"how\" is noAnswer or hangUp")
            }
            return .silence(silence)
        case "delay": return .delay(ms: try fields.needed("ms", 1...600_000))
        case "slow": return .slow(bytesPerS: try fields.needed("bytesPerSecond", 1...10_000_000))
        case "drop": return .drop(percent: try fields.needed("chance", 1...100))
        case "garble": return .garble(percent: try fields.needed("chance", 1...100))
        case "repeat": return .repeated(percent: try fields.needed("chance", 1...100))
        case "reboot":
            let awayMs = try fields.whole("awayMs", 0...600_000) ?? 2_000
            return .reboot(percent: try fields.needed("chance", 1...100), awayMs: awayMs)
        case "shuffle": return .shuffle
        case "wrong-key": return .wrongKey
        case "ghost": return .ghost
        case "liar": return .liar
        case "clock":
            let byS = try fields.needed("seconds", -Scenario.maxS...Scenario.maxS)
            return .clock(byS: byS)
        case "missing": return .missing(lateByS: try fields.span("lateBy", 1...Scenario.maxS))
        case "rollover":
            let digits = try fields.whole("digits", 4...12) ?? 8
            return .rollover(digits: Int(digits), withinWh: try fields.whole("withinWh", 0...9_999) ?? 1_000)
        case "event": return .event(code: Int(try fields.needed("code", 1...999)))
        default:
            return .outage(
                gaspPercent: try fields.whole("lastGasp", 0...100) ?? 100,
                breathPercent: try fields.whole("firstBreath", 0...100) ?? 100)
        }
    }
}

/// Takes the members of an object one by one; what nobody took is an error.
struct ScenarioFields {
    let line: Int
    private var members: [(key: String, value: ScenarioText)]

    init(_ text: ScenarioText) throws(ScenarioError) {
        guard case .object(let members) = text.value else {
            throw ScenarioError(line: text.line, "an object { … } is expected here")
        }
        self.members = members
        line = text.line
    }

    mutating func take(_ key: String) -> ScenarioText? {
        members.firstIndex { $0.key == key }.map { members.remove(at: $0).value }
    }

    func end() throws(ScenarioError) {
        guard let first = members.first else { return }
        throw ScenarioError(line: first.value.line, "\"\(first.key)\" means nothing here")
    }

    mutating func text(_ key: String, _ range: ClosedRange<Int>) throws(ScenarioError) -> String? {
        guard let found = take(key) else { return nil }
        guard case .text(let text) = found.value, range.contains(text.utf8.count) else {
            throw ScenarioError(
                line: found.line, "\"\(key)\": a text of \(range.lowerBound) to \(range.upperBound) octets")
        }
        return text
    }

    mutating func whole(_ key: String, _ range: ClosedRange<Int64>) throws(ScenarioError) -> Int64? {
        guard let found = take(key) else { return nil }
        guard case .whole(let whole) = found.value, range.contains(whole) else {
            throw ScenarioError(
                line: found.line, "\"\(key)\": a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }

    mutating func needed(_ key: String, _ range: ClosedRange<Int64>) throws(ScenarioError) -> Int64 {
        guard let whole = try whole(key, range) else {
            throw ScenarioError(
                line: line, "\"\(key)\" is missing: a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }

    mutating func list(_ key: String) throws(ScenarioError) -> (list: [ScenarioText], line: Int) {
        guard let found = take(key) else { throw ScenarioError(line: line, "\"\(key)\" is missing") }
        guard case .list(let list) = found.value else {
            throw ScenarioError(line: found.line, "\"\(key)\": a list [ … ]")
        }
        return (list, found.line)
    }

    /// A number with its unit, as "90s", "15m", "2h" or "1d": seconds.
    mutating func span(_ key: String, _ range: ClosedRange<Int64>) throws(ScenarioError) -> Int64? {
        guard let found = take(key) else { return nil }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard case .text(let text) = found.value, text.utf8.count <= 10, let unit = text.last.flatMap({ units[$0] }),
            let number = Int64(text.dropLast()), number >= 0, range.contains(number * unit)
        else {
            throw ScenarioError(
                line: found.line, "\"\(key)\": a time such as \"90s\", \"15m\", \"2h\" or \"1d\", 31 days at most")
        }
        return number * unit
    }

    mutating func target(_ key: String) throws(ScenarioError) -> Scenario.Target {
        var target = Scenario.Target()
        guard let found = take(key) else { return target }
        var fields = try ScenarioFields(found)
        target.feeder = try fields.text("feeder", 1...80)
        target.sharePercent = try fields.whole("share", 1...100) ?? 100
        if let meters = fields.take("meters") {
            guard case .list(let list) = meters.value, (1...1000).contains(list.count) else {
                throw ScenarioError(line: meters.line, "\"meters\": a list of 1 to 1000 serials")
            }
            for serial in list {
                guard case .text(let text) = serial.value, (1...16).contains(text.utf8.count) else {
                    throw ScenarioError(line: serial.line, "a serial is a text of 1 to 16 octets")
                }
                target.serials.append(text)
            }
        }
        try fields.end()
        return target
    }
}
