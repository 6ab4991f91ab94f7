// When meters are called: by group (all, a meter profile, a place), as one dated setting. And by how much each call is
// moved, so that a feeder is not called at one second. Pure: calls nobody.
import Access
import CivilTime
import SQL

/// How the meters of one group are called.
public struct CollectionSchedule: Sendable, Equatable {
    public enum Group: Sendable, Hashable {
        case all
        case profile(String)
        /// A place and what lies under it.
        case place(Int64)
    }
    public var group = Group.all
    /// Minutes after a day has ended at which its first calls begin.
    public var startMinutes: Int64 = 0
    /// Minutes over which the first calls are spread.
    public var spreadMinutes: Int64 = 15
    /// Meters called at the same time.
    public var parallel = 8
    /// System milliseconds between two calls of one caller.
    public var pauseMs: Int64 = 0
    /// Minutes to the second try; the pause doubles up to 16 times as long.
    public var retryMinutes: Int64 = 30
    /// Tries after which intervals that an answering meter does not have are not asked for again.
    public var tries: Int64 = 12
    public init() {}

    /// Business time of the first call for a day of a meter.
    public func firstCallMs(meterID: Int64, day: CivilDay, dayEndMs: Int64) -> Int64 {
        dayEndMs + startMinutes * 60_000
            + Jitter.part(of: spreadMinutes * 60_000, meterID: meterID, day: day, attempt: 0)
    }

    /// The pause after so many tries: doubled each time up to 16 times, and up to a quarter longer.
    public func pauseMs(attempt: Int64, meterID: Int64, day: CivilDay) -> Int64 {
        let base = retryMinutes * 60_000 << min(max(0, attempt - 1), 4)
        return base + Jitter.part(of: base / 4, meterID: meterID, day: day, attempt: attempt)
    }
}

/// Deterministic spreading: the same meter, day and try always fall on the same moment, others elsewhere.
public enum Jitter {
    /// SplitMix64 over the three.
    static func hash(meterID: Int64, day: CivilDay, attempt: Int64) -> UInt64 {
        var z = UInt64(bitPattern: meterID) &+ 0x9E37_79B9_7F4A_7C15
        for part in [UInt64(bitPattern: Int64(day.number)), UInt64(bitPattern: attempt)] {
            z = mixed(z) &+ part &* 0x9E37_79B9_7F4A_7C15
        }
        return mixed(z)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// From 0 up to, not including, `window`; 0 for no window.
    public static func part(of window: Int64, meterID: Int64, day: CivilDay, attempt: Int64) -> Int64 {
        guard window > 0 else { return 0 }
        return Int64(hash(meterID: meterID, day: day, attempt: attempt) % UInt64(window))
    }
}

/// The schedules of a company: the first is that of all.
public struct CollectionSchedules: Sendable, Equatable {
    public private(set) var list: [CollectionSchedule]

    public static let settingName = "collection.schedules"
    static let groupsMax = 40

    /// What holds where the company has set nothing.
    public init(_ all: CollectionSchedule = .init()) { list = [all] }

    /// Reads `all start=0 parallel=8; profile:lt-ct start=30; place:123 parallel=2 pause=500`. What a group leaves out
    /// is as for all. Nil when the text is not of this form.
    public init?(_ text: String) {
        var list: [CollectionSchedule] = []
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            let words = part.split(separator: " ")
            guard let name = words.first, let group = Self.group(name), list.isEmpty == (group == .all),
                !list.contains(where: { $0.group == group }), list.count < Self.groupsMax
            else { return nil }
            var schedule = list.first ?? CollectionSchedule()
            schedule.group = group
            for word in words.dropFirst() {
                let sides = word.split(separator: "=", omittingEmptySubsequences: false)
                guard sides.count == 2, let value = Int64(sides[1]), Self.set(sides[0], value, in: &schedule) else {
                    return nil
                }
            }
            list.append(schedule)
        }
        guard !list.isEmpty else { return nil }
        self.list = list
    }

    private static func group(_ name: Substring) -> CollectionSchedule.Group? {
        if name == "all" { return .all }
        let sides = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, !sides[1].isEmpty else { return nil }
        switch sides[0] {
        case "profile": return .profile(String(sides[1]))
        case "place": return Int64(sides[1]).map { .place($0) }
        default: return nil
        }
    }

    private static func set(_ name: Substring, _ value: Int64, in schedule: inout CollectionSchedule) -> Bool {
        let range: ClosedRange<Int64> =
            switch name {
            case "start", "spread": 0...1_439
            case "parallel": 1...256
            case "pause": 0...60_000
            case "retry": 1...1_440
            case "tries": 1...1_000
            default: 0...0
            }
        guard range.contains(value) else { return false }
        switch name {
        case "start": schedule.startMinutes = value
        case "spread": schedule.spreadMinutes = value
        case "parallel": schedule.parallel = Int(value)
        case "pause": schedule.pauseMs = value
        case "retry": schedule.retryMinutes = value
        case "tries": schedule.tries = value
        default: return false
        }
        return true
    }

    /// The text that reads back to these.
    public var text: String {
        list.map { schedule in
            let name =
                switch schedule.group {
                case .all: "all"
                case .profile(let name): "profile:\(name)"
                case .place(let placeID): "place:\(placeID)"
                }
            return "\(name) start=\(schedule.startMinutes) spread=\(schedule.spreadMinutes) "
                + "parallel=\(schedule.parallel) pause=\(schedule.pauseMs) retry=\(schedule.retryMinutes) "
                + "tries=\(schedule.tries)"
        }.joined(separator: "; ")
    }

    /// Where in the list the schedule of a meter stands: of several that fit the last counts.
    func index(profile: String, places: Set<Int64>) -> Int {
        list.lastIndex { schedule in
            switch schedule.group {
            case .all: true
            case .profile(let name): name == profile
            case .place(let placeID): places.contains(placeID)
            }
        } ?? 0
    }

    var placeIDs: [Int64] {
        list.compactMap { if case .place(let placeID) = $0.group { placeID } else { nil } }
    }

    /// The setting in force on a day; what is given where the company has set nothing.
    static func inForce(
        on day: CivilDay, else rules: CollectionSchedules, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> CollectionSchedules {
        try Setting.value(settingName, on: day, scope, in: transaction).flatMap { CollectionSchedules($0) } ?? rules
    }

    static let setting = SettingKind(
        settingName, initial: CollectionSchedules().text,
        hint: """
            When meters are called, by group: first all, then profile:NAME or place:NUMBER, parted by semicolons; what \
            a group leaves out is as for all, and of several that fit the last counts. start and spread: minutes after \
            the day and over which first calls are spread, 0 to 1439; parallel: 1 to 256; pause: ms between calls, 0 \
            to 60000; retry: minutes, 1 to 1440; tries: 1 to 1000. Example: all spread=30; place:12 parallel=2.
            """
    ) { CollectionSchedules($0).map(\.text) }
}
