// The object of IS 15959 a reading type stands for, and back: by quantity (C), how it is taken (D) and zone (E) of the
// OBIS code (IEC 62056-6-1).

extension ReadingTypeCode {
    /// The block load profile.
    public static let blockLoadOBIS = "1.0.99.1.0.255"

    /// The profile a value that is no block load stands in: daily load, billing or instantaneous.
    public var profileOBIS: String {
        switch self[.macroPeriod] {
        case 11: "1.0.99.2.0.255"
        case 8, 13: "1.0.98.1.0.255"
        default: "1.0.94.91.0.255"
        }
    }

    /// `1.0.1.29.0.255`; quantity 0 when no object of the standard stands for it.
    public var obis: String { "1.0.\(quantity).\(taking).\(self[.touZone]).255" }

    /// Value group C.
    private var quantity: Int {
        let perPhase = [128: 20, 64: 40, 32: 60, 16: 80][Int(self[.phases])] ?? 0
        switch (self[.unit], self[.flow]) {
        case (72, 1), (38, 1), (38, 0): return 1
        case (72, 19), (38, 19): return 2
        case (73, 15), (63, 15): return 5
        case (73, 16), (63, 16): return 6
        case (73, 17), (63, 17): return 7
        case (73, 18), (63, 18): return 8
        case (73, _), (63, _): return 3
        case (71, 1), (61, 1), (61, 0): return 9
        case (71, 19), (61, 19): return 10
        case (5, _): return 11 + perPhase
        case (29, _): return 12 + perPhase
        case (65, _): return 13 + perPhase
        case (33, _): return 14
        default: return 0
        }
    }

    /// Value group D: 29 interval, 27 average of an interval, 8 register, 6 maximum, 7 instantaneous.
    private var taking: Int {
        if self[.aggregate] == 8 { return 6 }
        if self[.aggregate] == 2 { return self[.measuringPeriod] == 0 ? 0 : 27 }
        switch self[.accumulation] {
        case 4: return self[.measuringPeriod] == 0 ? 9 : 29
        case 1, 3, 9: return 8
        default: return 7
        }
    }

    /// The reading type of an object of the block load or of a register, for senders who name the object only. The
    /// interval is that of the meter and stays nought. Nil for any other object.
    public init?(obis: String, multiplier: Int16) {
        let parts = obis.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 6, parts[0] == 1, let quantity = parts[2], let taking = parts[3], parts[4] == 0,
            let (unit, flow) = Self.energies[quantity], taking == 29 || taking == 8
        else { return nil }
        self.init(
            accumulation: taking == 29 ? 4 : 1, flow: flow, kind: 12, multiplier: multiplier, unit: unit)
    }

    private static let energies: [Int: (unit: Int16, flow: Int16)] = [
        1: (72, 1), 2: (72, 19), 5: (73, 15), 6: (73, 16), 7: (73, 17), 8: (73, 18), 9: (71, 1), 10: (71, 19),
    ]
}
