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
            /// A band of the base pack at its price; level 1 is the cheapest band, 3 the dearest.
            case energy(band: String, milliPaisePerKWh: Int64, level: Int)
            case addOn
            case fixed
            /// Rate in parts per million of the energy charge.
            case duty(ppm: Int64)
        }
        public var kind: Kind
        public var energyWh: Int64?
        public var paise: Int64
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
        let (before, around, dutyPPM) = try await site.money.read { transaction in
            let line = try posted.last.flatMap { charge in
                try Journal.chargeLine(
                    ofAccount: accountID, supplyDay: day, revision: charge.revision, scope, in: transaction)
            }
            let around = try Charge.current(
                accountID: accountID, from: day.advanced(by: -1), to: day.advanced(by: 1), scope, in: transaction)
            let plan = try Packs.plan(
                recorded: explanation.charge.packs, sanctionedW: explanation.charge.sanctionedW, scope, in: transaction)
            return (line.map { $0.balanceAfterPaise - $0.amountPaise }, around.map(\.day), plan.base.dutyPPM)
        }
        return DayReport(
            account: account, day: day, explanation: explanation,
            periodS: Int(moment.zone.lengthS(of: day)) / max(1, explanation.block.block.slotCount),
            components: components(explanation, dutyPPM: dutyPPM), balanceBeforePaise: before,
            revisions: revisions(explanation.revisions),
            hasPreviousDay: around.contains(day.advanced(by: -1)), hasNextDay: around.contains(day.advanced(by: 1)))
    }

    /// The bands of the base pack share its rounded amount as the month's running total steps through them, so the parts
    /// foot to the paisa (docs/decisions/0008).
    private static func components(_ explanation: Explanation, dutyPPM: Int64) -> [Component] {
        let levels = bandLevels(explanation.priced.lines)
        var bands: [(name: String, price: Int64, wh: Int64, micro: Int128)] = []
        for line in explanation.priced.lines where !line.isAddOn {
            if let at = bands.firstIndex(where: { $0.name == line.band && $0.price == line.priceMilliPaisePerKWh }) {
                bands[at].wh += line.energyWh
                bands[at].micro += line.microPaise
            } else {
                bands.append((line.band, line.priceMilliPaisePerKWh, line.energyWh, line.microPaise))
            }
        }
        var running = explanation.charge.opening.baseEnergyMicroPaise
        var parts: [Component] = []
        for band in bands {
            let before = roundedHalfAway(running, dividedBy: 1_000_000)
            running += band.micro
            parts.append(
                Component(
                    kind: .energy(band: band.name, milliPaisePerKWh: band.price, level: levels[band.price] ?? 2),
                    energyWh: band.wh, paise: roundedHalfAway(running, dividedBy: 1_000_000) - before))
        }
        for part in explanation.priced.components {
            switch part.kind {
            case .baseEnergy: break
            case .addOnEnergy: parts.append(Component(kind: .addOn, energyWh: part.energyWh, paise: part.paise))
            case .fixed: parts.append(Component(kind: .fixed, energyWh: nil, paise: part.paise))
            case .duty: parts.append(Component(kind: .duty(ppm: dutyPPM), energyWh: nil, paise: part.paise))
            }
        }
        return parts
    }

    /// 1 for the lowest price of the day, 3 for the highest, 2 between; one price alone is 2.
    public static func bandLevels(_ lines: [PriceLine]) -> [Int64: Int] {
        let prices = Set(lines.map(\.priceMilliPaisePerKWh)).sorted()
        return Dictionary(
            uniqueKeysWithValues: prices.map { price in
                (price, prices.count == 1 ? 2 : price == prices.first ? 1 : price == prices.last ? 3 : 2)
            })
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
