// One day of an account explained: the charge worked out again from its inputs, part by part, and its revisions.
import Access
import Accounts
import CivilTime
import IntervalData
import Journal
import MeterData
import Packs
import Quantities
import Rating
import SQL
import Tariffs

public struct DayReport: Sendable {
    public struct Component: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            /// Energy of a band or slab; level 1 is the cheapest price of the day, 3 the dearest. The price is nil
            /// where each interval has its own.
            case energy(band: String, milliPaisePerKWh: Int64?, level: Int)
            case addOn
            case fixed
            /// Rate in parts per million; nil where it is by the unit.
            case duty(ppm: Int64?)
            /// Subsidies, credits for energy fed in, rounding and the rest.
            case other
        }
        public var kind: Kind
        /// As the tariff names it; empty for charges of before tariffs.
        public var id: String
        public var label: String
        public var energyWh: Int64?
        public var paise: Int64
        public init(kind: Kind, id: String = "", label: String = "", energyWh: Int64?, paise: Int64) {
            self.kind = kind
            self.id = id
            self.label = label
            self.energyWh = energyWh
            self.paise = paise
        }
    }

    public struct Revision: Sendable, Equatable {
        public enum Why: String, Sendable, Codable, CaseIterable {
            case first
            case betterReading = "better-reading"
            case tariffChanged = "tariff-changed"
            /// An earlier day of the month moved the running totals.
            case earlierDay = "earlier-day"
        }
        public var number: Int64
        public var ratedAtMs: Int64
        public var totalPaise: Int64
        /// Nil when the revision moved no money.
        public var entry: String?
        public var why: Why
        public var reversedBy: String?
    }

    public var account: SupplyAccount
    public var day: CivilDay
    public var explanation: Explanation
    public var periodS: Int
    public var components: [Component]
    /// Balance before and after the charge; nil when it is a revision that moved no money.
    public var balanceBeforePaise: Int64?
    public var revisions: [Revision]
    public var hasPreviousDay: Bool
    public var hasNextDay: Bool

    /// SHA-256 of the inputs the charge was posted with, hexadecimal.
    public var inputHash: String {
        explanation.charge.inputsHash.map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    public static func of(_ site: Site, accountID: Int64, day: CivilDay, _ scope: Scope) async throws -> DayReport {
        let (account, moment) = try await site.money.read { transaction in
            (try SupplyAccount.find(accountID, scope, in: transaction), try Moment.of(site, scope, in: transaction))
        }
        let explanation = try await Explanation.of(
            accountID: accountID, day: day, revision: nil, zone: moment.zone, site: site, scope)
        let posted = StatementReport.posted(explanation.revisions)
        let (before, around) = try await site.money.read { transaction in
            let line = try posted.last.flatMap { charge in
                try Journal.chargeLine(
                    ofAccount: accountID, supplyDay: day, revision: charge.revision, scope, in: transaction)
            }
            let around = try Charge.current(
                accountID: accountID, from: day.advanced(by: -1), to: day.advanced(by: 1), scope, in: transaction)
            return (line.map { $0.balanceAfterPaise - $0.amountPaise }, around.map(\.day))
        }
        return DayReport(
            account: account, day: day, explanation: explanation,
            periodS: Int(moment.zone.lengthS(of: day)) / max(1, explanation.block.block.slotCount),
            components: components(explanation), balanceBeforePaise: before,
            revisions: revisions(explanation.revisions),
            hasPreviousDay: around.contains(day.advanced(by: -1)), hasNextDay: around.contains(day.advanced(by: 1)))
    }

    /// Energy line by line, the rest component by component; they sum to the charge.
    private static func components(_ explanation: Explanation) -> [Component] {
        guard let explained = explanation.explained else { return kept(explanation.charge) }
        let levels = SlotPrice.levels(explanation.slots)
        return explained.components.flatMap { component -> [Component] in
            func whole(_ kind: Component.Kind, _ energyWh: Int64? = nil) -> [Component] {
                [
                    Component(
                        kind: kind, id: component.id, label: component.label, energyWh: energyWh,
                        paise: component.amountMinor)
                ]
            }
            switch ChargeGroup(kind: component.kind) {
            case .energy:
                guard component.amountMinor == component.lines.reduce(0, { $0 + $1.amountMinor }) else {
                    return whole(.energy(band: component.label, milliPaisePerKWh: nil, level: 2))
                }
                return component.lines.map { line in
                    let price = line.rateUnit == .milliPerKWh ? line.rate : nil
                    return Component(
                        kind: .energy(
                            band: line.label.isEmpty ? component.label : line.label, milliPaisePerKWh: price,
                            level: price.flatMap { levels[$0] } ?? 2),
                        id: component.id, label: component.label,
                        energyWh: line.unit == .wattHours ? line.quantity : nil,
                        paise: line.amountMinor)
                }
            case .addOn:
                return whole(.addOn, explained.amounts.addOnWh)
            case .fixed: return whole(.fixed)
            case .levy, .duty:
                let rates = Set(component.lines.map { $0.rateUnit == .ppm ? $0.rate : nil })
                return whole(.duty(ppm: rates.count == 1 ? rates.first ?? nil : nil))
            case .subsidy, .export, .other: return whole(.other)
            }
        }
    }

    /// The amounts alone, of a charge that cannot be priced again.
    private static func kept(_ charge: Charge) -> [Component] {
        let all: [(Component.Kind, Int64)] = [
            (.energy(band: "", milliPaisePerKWh: nil, level: 2), charge.baseEnergyPaise),
            (.addOn, charge.addOnEnergyPaise), (.fixed, charge.fixedPaise), (.duty(ppm: nil), charge.dutyPaise),
            (.other, charge.otherPaise),
        ]
        return all.filter { $0.1 != 0 }.map { Component(kind: $0.0, energyWh: nil, paise: $0.1) }
    }

    private static func revisions(_ all: [Charge]) -> [Revision] {
        all.enumerated().map { index, charge in
            let before = index > 0 ? all[index - 1] : nil
            let why: Revision.Why =
                if let before {
                    before.blockVersion != charge.blockVersion
                        ? .betterReading : before.packs != charge.packs ? .tariffChanged : .earlierDay
                } else { .first }
            let isPosted = charge.entryID != nil
            return Revision(
                number: charge.revision, ratedAtMs: charge.ratedAtMs, totalPaise: charge.totalPaise,
                entry: isPosted ? StatementReport.chargeName(charge.day, charge.revision) : nil, why: why,
                reversedBy: isPosted ? StatementReport.reversal(of: charge.revision, in: all) : nil)
        }
    }
}
