// What can be wanted of a meter beside its relay, as plain values: the same value says what is wanted and what the
// meter says it is. Knows no protocol and no text of it beyond the names of matters.

/// What a wish is about. Its name stands in rows, in the API and on the command line.
public enum MeterMatter: Hashable, Sendable {
    case loadLimit, calendar, balance, paymentMode, clock, firmware
    case reset(MeterReset)
    /// A named value of the meter's configuration, see ``settings``.
    case setting(String)
    /// A value only this maker's meters have, by the name its profile file gives it.
    case maker(String)

    public var name: String {
        switch self {
        case .loadLimit: "load-limit"
        case .calendar: "calendar"
        case .balance: "balance"
        case .paymentMode: "payment-mode"
        case .clock: "clock"
        case .firmware: "firmware"
        case .reset(let reset): "reset.\(reset.rawValue)"
        case .setting(let name): "setting.\(name)"
        case .maker(let name): "maker.\(name)"
        }
    }

    /// Nil for a name that is none.
    public init?(name: String) {
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            switch parts[0] {
            case "reset":
                guard let reset = MeterReset(rawValue: parts[1]) else { return nil }
                self = .reset(reset)
            case "setting":
                guard Self.settings.contains(parts[1]) else { return nil }
                self = .setting(parts[1])
            case "maker":
                let letters = parts[1].utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
                guard letters, (1...40).contains(parts[1].utf8.count) else { return nil }
                self = .maker(parts[1])
            default: return nil
            }
            return
        }
        guard let plain = Self.plain.first(where: { $0.name == name }) else { return nil }
        self = plain
    }

    private static let plain: [MeterMatter] = [.loadLimit, .calendar, .balance, .paymentMode, .clock, .firmware]
    /// The configuration that can be set: a period in seconds, or for a push the place it goes to, `address:port`.
    public static let settings = ["capture-period", "demand-period", "push-instant", "push-alert"]
    /// All but the makers' own.
    public static let known: [MeterMatter] =
        plain + MeterReset.allCases.map { .reset($0) } + settings.map { .setting($0) }
}

/// What can be set to zero in a meter (script tables, IEC 62056-6-2 class 9).
public enum MeterReset: String, Sendable, CaseIterable {
    case maximumDemand = "maximum-demand"
    case tamper, status
}

/// Who pays when, as the meter treats it.
public enum PaymentMode: String, Sendable, CaseIterable { case prepaid, postpaid }

/// A value of a matter: wanted, or read back.
public enum MeterValue: Hashable, Sendable {
    /// Active power above which the meter opens its relay by itself.
    case loadLimit(watts: Int64)
    /// The calendar in force.
    case calendar(MeterCalendar)
    /// What the meter shows; negative is owed.
    case balance(paise: Int64)
    case paymentMode(PaymentMode)
    /// UTC seconds.
    case clock(atS: Int64)
    /// How often that has been reset in all.
    case reset(MeterReset, count: Int64)
    case setting(String, String)
    case maker(String, String)
    /// The version that runs.
    case firmware(version: String)

    public var matter: MeterMatter {
        switch self {
        case .loadLimit: .loadLimit
        case .calendar: .calendar
        case .balance: .balance
        case .paymentMode: .paymentMode
        case .clock: .clock
        case .reset(let reset, _): .reset(reset)
        case .setting(let name, _): .setting(name)
        case .maker(let name, _): .maker(name)
        case .firmware: .firmware
        }
    }
}

/// A tariff calendar as a meter keeps it (activity calendar, IEC 62056-6-2 class 20): seasons of weeks of days, and in
/// a day the minutes at which a tariff zone begins.
public struct MeterCalendar: Hashable, Sendable, Codable {
    public struct Season: Hashable, Sendable, Codable {
        /// One to eight letters.
        public var name: String
        public var fromMonth: Int
        public var fromDay: Int
        public var week: String
        public init(name: String, fromMonth: Int, fromDay: Int, week: String) {
            (self.name, self.fromMonth, self.fromDay, self.week) = (name, fromMonth, fromDay, week)
        }
    }
    public struct Week: Hashable, Sendable, Codable {
        public var name: String
        /// Ids of days, Monday first.
        public var days: [Int]
        public init(name: String, days: [Int]) { (self.name, self.days) = (name, days) }
    }
    public struct Day: Hashable, Sendable, Codable {
        public var id: Int
        public var zones: [Zone]
        public init(id: Int, zones: [Zone]) { (self.id, self.zones) = (id, zones) }
    }
    public struct Zone: Hashable, Sendable, Codable {
        /// Minute of the day, 0 to 1439.
        public var fromMinute: Int
        /// Tariff register, 1 to 8.
        public var zone: Int
        public init(fromMinute: Int, zone: Int) { (self.fromMinute, self.zone) = (fromMinute, zone) }
    }
    public var name: String
    public var seasons: [Season]
    public var weeks: [Week]
    public var days: [Day]
    public init(name: String, seasons: [Season], weeks: [Week], days: [Day]) {
        (self.name, self.seasons, self.weeks, self.days) = (name, seasons, weeks, days)
    }

    /// What is wrong with it, in words; nil when a meter can keep it.
    public var fault: String? {
        func isName(_ text: String) -> Bool { (1...8).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 32 } }
        let names = [name] + seasons.map(\.name) + weeks.map(\.name)
        guard names.allSatisfy(isName) else { return "a name has 1 to 8 letters without spaces" }
        guard (1...4).contains(seasons.count), (1...4).contains(weeks.count), (1...16).contains(days.count) else {
            return "a calendar has 1 to 4 seasons, 1 to 4 weeks and 1 to 16 days"
        }
        guard seasons.allSatisfy({ (1...12).contains($0.fromMonth) && (1...31).contains($0.fromDay) }) else {
            return "a season begins in a month 1 to 12, on a day 1 to 31"
        }
        let known = Set(days.map(\.id))
        guard known.count == days.count, known.allSatisfy({ (0...255).contains($0) }) else {
            return "every day has an id of its own, 0 to 255"
        }
        guard Set(weeks.map(\.name)).count == weeks.count, Set(seasons.map(\.name)).count == seasons.count else {
            return "seasons and weeks have names of their own"
        }
        guard weeks.allSatisfy({ $0.days.count == 7 && known.isSuperset(of: $0.days) }) else {
            return "a week names seven days that are there"
        }
        guard Set(weeks.map(\.name)).isSuperset(of: seasons.map(\.week)) else { return "a season names a week" }
        for day in days {
            let minutes = day.zones.map(\.fromMinute)
            guard (1...24).contains(minutes.count), minutes.first == 0, minutes == Array(Set(minutes)).sorted(),
                minutes.allSatisfy({ (0..<1440).contains($0) }),
                day.zones.allSatisfy({ (1...8).contains($0.zone) })
            else { return "a day has 1 to 24 zones numbered 1 to 8, the first from minute 0, in order" }
        }
        return nil
    }
}

/// A firmware image and the name a meter knows it by.
public struct FirmwareImage: Sendable {
    /// The version a meter shows once it runs.
    public var version: String
    /// Octets of the identifier sent with it, 1 to 64.
    public var identifier: [UInt8]
    public var content: [UInt8]
    public init(version: String, identifier: [UInt8], content: [UInt8]) {
        (self.version, self.identifier, self.content) = (version, identifier, content)
    }
}

/// What the head-end changes in a meter. A conversation that does not offer it says that the meter has no such object.
public protocol MeterControl: Sendable {
    /// What the meter says of a matter.
    func value(of matter: MeterMatter) async throws -> MeterValue
    /// Asks the meter to make it so. Returning means the meter said yes; only ``value(of:)`` says what it did. A reset
    /// is asked for once, whatever its count. Firmware goes by ``send(_:mayResume:progress:)``.
    func set(_ value: MeterValue) async throws
    /// Sends an image, has the meter verify and activate it.
    /// - Parameters:
    ///   - mayResume: this very image was begun on this meter before: only what is missing is sent.
    ///   - progress: told of blocks that are there and blocks in all; what it throws ends the transfer, which can be
    ///     resumed.
    func send(
        _ image: FirmwareImage, mayResume: Bool, progress: @escaping @Sendable (Int, Int) async throws -> Void
    ) async throws
}

extension MeterControl {
    public func value(of matter: MeterMatter) async throws -> MeterValue {
        throw MeterError(.objectUndefined, "there is no \(matter.name) here")
    }
    public func set(_ value: MeterValue) async throws {
        throw MeterError(.objectUndefined, "there is no \(value.matter.name) here")
    }
    public func send(
        _ image: FirmwareImage, mayResume: Bool, progress: @escaping @Sendable (Int, Int) async throws -> Void
    ) async throws {
        throw MeterError(.objectUndefined, "there is no image transfer here")
    }
}
