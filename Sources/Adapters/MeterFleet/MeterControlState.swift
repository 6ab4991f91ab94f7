// What a virtual meter was told beside its relay and its clock: load limit, calendar, prepaid objects, counts of
// resets, periods, where pushes go, the firmware that runs. Values only; MeterControls.swift shows them as objects.
import Cryptography
import DLMS

/// Above so many watts for so long the meter opens its relay by itself, and closes it when the load is below again.
struct LoadLimiter: Codable, Sendable, Equatable {
    var watts: Int64
    var overS: Int64 = 60
    var underS: Int64 = 60
    /// In force since this meter time.
    var sinceS: Int64
    /// Everything before has been looked at: its movements are among the transitions.
    var checkedS: Int64
    /// The relay is open because of the limit, not by a command.
    var isTripped = false
}

/// Kept over a restart.
struct MeterControlState: Codable, Sendable {
    /// A threshold that no household reaches: no limit.
    static let unlimitedW: Int64 = 1_000_000

    var limiter: LoadLimiter?
    /// Attributes 2 to 5 of the calendar in force and 6 to 9 of the one beside it, as A-XDR.
    var calendar: [Int8: [UInt8]] = [:]
    var balance: Int32 = 0
    var balanceTime: [UInt8]?
    var isPrepaid = false
    var demandPeriodS: UInt16 = 1800
    /// Resets of the maximum demand, and programmings.
    var demandResets: UInt32 = 0
    var programmings: UInt32 = 0
    /// Of the pushes 0.x.25.9.0, by x.
    var pushDestinations: [UInt8: [UInt8]] = [:]
    /// Nil: the one it was made with.
    var firmware: String?
}

/// The images our simulated meters take: `BBFW version` and a line end, anything, and the SHA-256 of all before.
public enum VirtualFirmware {
    private static let mark = Array("BBFW ".utf8)

    /// An image of that version and about that size, octets.
    public static func image(version: String, byteCount: Int) throws -> [UInt8] {
        var content = mark + Array(version.utf8) + [10]
        let start = content.count
        for index in start..<max(start, byteCount - 32) { content.append(UInt8(truncatingIfNeeded: index &* 31)) }
        return content + Hash.sha256(content)
    }

    /// The version in a sound image; nil for any other octets.
    static func version(of image: [UInt8]) -> String? {
        guard image.count > mark.count + 33, image.starts(with: mark),
            Hash.sha256(Array(image.dropLast(32))) == Array(image.suffix(32))
        else { return nil }
        let name = image.dropFirst(mark.count).prefix(33).prefix { $0 != 10 }
        guard (1...32).contains(name.count) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
