// What an event id means for those who watch: its kind and how urgent it is. Ids are those of IS 15959-1; a bit of the
// status word that no id stands for has a number of its own above them.

/// Groups of events, as pages and programs filter them.
public enum EventKind: String, Sendable, Codable, CaseIterable {
    case lastGasp = "last-gasp"
    case firstBreath = "first-breath"
    case tamper
    /// Over current and overload: the load is above what was agreed.
    case load
    /// The relay moved, or cannot.
    case supply
    case voltage
    /// Somebody changed a setting of the meter.
    case change
    case other
}

public enum EventSeverity: String, Sendable, Codable, CaseIterable {
    case information, warning, alarm
    /// 1, 2 and 3: as it is stored and compared.
    public var rank: Int { (Self.allCases.firstIndex(of: self) ?? 0) + 1 }
}

extension EventIDs {
    /// Codes above this are bits of the status word that no event id stands for: 1000 + bit.
    public static let bitBase = 1000

    public static func kind(_ code: Int) -> EventKind {
        switch code {
        case 101: .lastGasp
        case 102: .firstBreath
        case 51...62, 65, 66, 69, 70, 81...84, 201...204, 207...210, 251, 889...892: .tamper
        case 67, 68, 215, 216, bitBase + 111: .load
        case 253, 301, 302: .supply
        case 1...50, 63, 64, 205, 206: .voltage
        case 121...200, 211...214: .change
        default: .other
        }
    }

    public static func severity(_ code: Int) -> EventSeverity {
        if occurrence(of: code) != nil || code == 102 { return .information }
        return switch kind(code) {
        case .lastGasp, .tamper: .alarm
        case .supply: code == 253 ? .alarm : .warning
        case .load, .voltage: .warning
        case .firstBreath, .change, .other: .information
        }
    }

    /// The id for a bit that came, or nil for one that went and has no id for that.
    public static func code(bit: Int, raised: Bool) -> Int? {
        let known = EventStatusWord.standard[bit]
        return raised ? known?.occurrence ?? bitBase + bit : known?.restoration
    }

    /// Words for any code: of an id, of a bit, or its number.
    public static func words(_ code: Int) -> String {
        if let name = name(code) { return name }
        guard code >= bitBase else { return "event \(code)" }
        return EventStatusWord.standard[code - bitBase]?.name ?? "status bit \(code - bitBase)"
    }
}
