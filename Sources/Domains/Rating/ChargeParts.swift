// The components of a charge as stored: which of them are energy, standing charges, levies or credits, and which
// account of the book each belongs to. Adds up and prices nothing.
import Journal
import SQL
import Tariffs

/// What a component is, for sums and for the book.
public enum ChargeGroup: String, Sendable, CaseIterable {
    case energy, addOn
    /// Standing charges, demand and what is due whatever was drawn.
    case fixed
    /// Percentages and surcharges that the supplier keeps.
    case levy
    /// What is collected for the state.
    case duty
    case subsidy
    /// For energy fed in.
    case export
    /// Rebates, credits for bad supply, rounding.
    case other

    /// - Parameter kind: the word of the tariff file.
    public init(kind: String) { self = Self.ofKinds[kind] ?? .other }

    private static let ofKinds: [String: ChargeGroup] = [
        "energy": .energy, "indexed": .energy, "criticalPeak": .energy, "addOns": .addOn, "fixed": .fixed,
        "universal": .fixed, "meterRent": .fixed, "demand": .fixed, "excessDemand": .fixed, "powerFactor": .fixed,
        "minimum": .fixed, "contractBreak": .fixed, "levy": .levy, "supplySurcharge": .levy, "duty": .duty,
        "tax": .duty, "subsidy": .subsidy, "export": .export, "bank": .export,
    ]

    /// Where its amounts go in the book.
    public var account: ChartAccount {
        switch self {
        case .energy, .addOn, .levy, .other: .energyRevenue
        case .fixed: .fixedRevenue
        case .duty: .dutyPayable
        case .subsidy: .subsidyReceivable
        case .export: .exportPayable
        }
    }
}

/// What a component of a charge came to.
public struct ChargePart: Sendable, Equatable {
    /// As the tariff names it.
    public var id: String
    public var group: ChargeGroup
    public var paise: Int64
    public init(id: String, group: ChargeGroup, paise: Int64) {
        self.id = id
        self.group = group
        self.paise = paise
    }

    public init(_ amount: DayAmount) {
        self.init(id: amount.id, group: ChargeGroup(kind: amount.kind), paise: amount.minor)
    }

    /// A line each: group, paise, id.
    public static func text(_ components: [ChargePart]) -> String {
        var text = ""
        for part in components {
            if !text.isEmpty { text += "\n" }
            text += part.group.rawValue
            text += " "
            text += String(part.paise)
            text += " "
            text += part.id
        }
        return text
    }

    static func read(_ text: String) throws -> [ChargePart] {
        try text.split(separator: "\n").map { line in
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let group = ChargeGroup(rawValue: String(words[0])), let paise = Int64(words[1])
            else { throw SQLError(.decode, "a charge has the component \(line)") }
            return ChargePart(id: String(words[2]), group: group, paise: paise)
        }
    }
}

extension Charge {
    /// Sets the components and the sums of their groups.
    mutating func take(_ amounts: [DayAmount]) {
        components = amounts.map(ChargePart.init)
        (baseEnergyPaise, addOnEnergyPaise, fixedPaise, dutyPaise, otherPaise, totalPaise) = (0, 0, 0, 0, 0, 0)
        for part in components {
            switch part.group {
            case .energy: baseEnergyPaise += part.paise
            case .addOn: addOnEnergyPaise += part.paise
            case .fixed: fixedPaise += part.paise
            case .levy, .duty: dutyPaise += part.paise
            case .subsidy, .export, .other: otherPaise += part.paise
            }
            totalPaise += part.paise
        }
    }

    /// What it adds to accounts of the book. A charge of before components has the sums alone.
    var byAccount: [(account: ChartAccount, paise: Int64)] {
        guard components.isEmpty else { return components.map { ($0.group.account, $0.paise) } }
        return [
            (.energyRevenue, baseEnergyPaise + addOnEnergyPaise), (.fixedRevenue, fixedPaise),
            (.dutyPayable, dutyPaise),
        ]
    }

    /// Whether reversing one and posting the other would move nothing.
    func isSameMoney(as other: Charge) -> Bool {
        func sums(_ charge: Charge) -> [Int64] {
            [charge.baseEnergyPaise, charge.addOnEnergyPaise, charge.fixedPaise, charge.dutyPaise, charge.otherPaise]
        }
        let isSame =
            components.isEmpty || other.components.isEmpty ? sums(self) == sums(other) : components == other.components
        return isSame && (estimatedSlots > 0) == (other.estimatedSlots > 0)
    }
}
