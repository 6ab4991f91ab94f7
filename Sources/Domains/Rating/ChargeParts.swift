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
    public init(kind: String) {
        self =
            switch kind {
            case "energy", "indexed", "criticalPeak": .energy
            case "addOns": .addOn
            case "fixed", "universal", "meterRent", "demand", "excessDemand", "powerFactor", "minimum", "contractBreak":
                .fixed
            case "levy", "supplySurcharge": .levy
            case "duty", "tax": .duty
            case "subsidy": .subsidy
            case "export", "bank": .export
            default: .other
            }
    }

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
        components.map { "\($0.group.rawValue) \($0.paise) \($0.id)" }.joined(separator: "\n")
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
        func sum(_ groups: ChargeGroup...) -> Int64 {
            components.reduce(0) { groups.contains($1.group) ? $0 + $1.paise : $0 }
        }
        baseEnergyPaise = sum(.energy)
        addOnEnergyPaise = sum(.addOn)
        fixedPaise = sum(.fixed)
        dutyPaise = sum(.levy, .duty)
        otherPaise = sum(.subsidy, .export, .other)
        totalPaise = components.reduce(0) { $0 + $1.paise }
    }

    /// What it adds to accounts of the book. A charge of before components has the sums alone.
    var byAccount: [ChartAccount: Int64] {
        guard components.isEmpty else {
            return components.reduce(into: [:]) { $0[$1.group.account, default: 0] += $1.paise }
        }
        return [
            .energyRevenue: baseEnergyPaise + addOnEnergyPaise, .fixedRevenue: fixedPaise, .dutyPayable: dutyPaise,
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
