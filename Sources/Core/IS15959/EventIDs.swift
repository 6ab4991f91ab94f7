// Event ids of IS 15959-1 (tables of the event compartments) in plain words. Ids that makers use differently are left
// to the profile of the maker.

public enum EventIDs {
    /// Words for an event id: `power failure`, `power failure over`; nil when the id is not in the standard's list
    /// here.
    public static func name(_ id: Int) -> String? { names[id] }

    /// The id that says the same is over; nil for an event that has no end, or is one.
    public static func restoration(of id: Int) -> Int? {
        if id == 301 { return 302 }
        return paired[id] == nil ? nil : id + 1
    }

    /// The id that this one ends; nil when it ends nothing.
    public static func occurrence(of id: Int) -> Int? { restoration(of: id - 1) == id ? id - 1 : nil }

    /// The log an id belongs to by its range.
    public static func log(_ id: Int) -> EventLog? {
        switch id {
        case 1...50: .voltage
        case 51...100: .current
        case 101...120: .power
        case 121...200: .transaction
        case 201...250: .others
        case 251...300: .nonRollover
        case 301...320: .control
        default: nil
        }
    }

    private static let names: [Int: String] = {
        var all = single
        // Odd: it happened; even: it is over.
        for (id, name) in paired {
            all[id] = name
            all[id + 1] = name + " over"
        }
        return all
    }()

    private static let paired: [Int: String] = [
        1: "phase R voltage missing", 3: "phase Y voltage missing", 5: "phase B voltage missing", 7: "over voltage",
        9: "low voltage", 11: "voltage unbalance", 21: "phase sequence reversed", 51: "phase R current reversed",
        53: "phase Y current reversed", 55: "phase B current reversed", 57: "phase R current circuit open",
        59: "phase Y current circuit open", 61: "phase B current circuit open", 63: "current unbalance",
        65: "current bypass", 67: "over current", 69: "earth loading", 101: "power failure", 201: "magnetic influence",
        203: "neutral disturbance", 205: "very low power factor", 207: "neutral missing",
        209: "communication module removed", 215: "overload",
    ]

    private static let single: [Int: String] = [
        125: "voltage transformer ratio changed", 126: "current transformer ratio changed", 151: "clock set",
        152: "demand period changed", 153: "capture period changed", 154: "billing dates changed",
        155: "activity calendar changed", 156: "device address changed", 157: "firmware activated",
        158: "load limit set", 159: "load limit enabled",
        160: "load limit disabled", 161: "reader password changed", 162: "utility secret changed",
        163: "firmware secret changed", 164: "keys changed", 165: "event filter changed",
        166: "maximum demand reset", 167: "metering mode changed", 168: "payment mode changed",
        169: "image activation schedule changed",
        170: "last recharge amount set", 171: "last recharge time set", 172: "total at last recharge set",
        173: "balance set", 174: "balance time set", 175: "changed to postpaid", 176: "changed to prepaid",
        177: "changed to import only", 178: "changed to import and export", 182: "relay times changed",
        211: "changed to postpaid",
        212: "changed to prepaid", 213: "changed to import only", 214: "changed to import and export",
        251: "meter cover opened", 253: "relay contacts welded", 301: "supply disconnected", 302: "supply connected",
    ]
}
