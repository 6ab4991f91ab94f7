// A wallet's statement as people read it: every line says what it is, and a correction names what it corrects.
import Access
import Accounts
import CivilTime
import Journal
import Meters
import Payments
import Rating
import SQL

public struct StatementItem: Sendable {
    public enum What: Sendable, Equatable {
        case day(CivilDay, estimatedSlots: Int, slots: Int)
        /// Takes back the entry it names.
        case reversal(of: String, day: CivilDay)
        /// The day charged again, from better readings.
        case repost(CivilDay, corrects: String)
        case recharge(method: String, reference: String)
        case opening
        case adjustment(reason: String)
        /// The day's part of an old debt.
        case instalment(CivilDay)
        /// An old debt, settled out of the wallet.
        case settlement
        /// From postpaid to prepaid.
        case conversion
    }
    /// What stands on the other side.
    public enum Against: String, Sendable, Codable, CaseIterable {
        case energy, addOn = "add-on", fixed, duty, credits, bank, opening, adjustments, arrears
    }

    /// `C-2026-11-20-1` (charge of a day, revision 1), `R-…` (its reversal), `J-…` (other entries); unique.
    public var entry: String
    public var postedMs: Int64
    public var what: What
    public var against: [Against]
    public var amountPaise: Int64
    public var balancePaise: Int64
    /// The entry that took this one back.
    public var reversedBy: String?
}

public struct StatementReport: Sendable {
    public var account: SupplyAccount
    public var balancePaise: Int64
    public var balanceAsOfMs: Int64
    public var part: ListPart<StatementItem>

    /// - Parameter before: the `next` of the part before; nil for the newest lines.
    public static func of(
        _ site: Site, accountID: Int64, before: String?, limit: Int, _ scope: Scope
    ) async throws -> StatementReport {
        let place = try before.map { try Self.place($0) }
        return try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            let balance = try Journal.balance(ofAccount: accountID, scope, in: transaction)
            let recent = try Recent.of(accountID, balance, moment, scope, in: transaction)
            return StatementReport(
                account: account, balancePaise: balance.balancePaise,
                balanceAsOfMs: recent.chargedUntilMs ?? moment.nowMs,
                part: try part(accountID, before: place, limit: limit, moment, scope, in: transaction))
        }
    }

    private static func place(_ text: String) throws -> (entryID: Int64, line: Int64) {
        let sides = text.split(separator: "-", maxSplits: 1).map { side in
            // More than 63 bits: behind every entry there is.
            Int64(side) ?? (side.allSatisfy { $0.isASCII && $0.isNumber } ? Int64.max : nil)
        }
        guard sides.count == 2, let entryID = sides[0], let line = sides[1] else {
            throw Refusal(
                .invalid, "This is no place in a statement.", hint: "Send the `next` of the part before.", at: "before")
        }
        return (entryID, line)
    }

    static func part(
        _ accountID: Int64, before: (entryID: Int64, line: Int64)?, limit: Int, _ moment: Moment, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> ListPart<StatementItem> {
        let lines = try Journal.statement(
            ofAccount: accountID, limit: limit + 1, beforeEntryID: before?.entryID ?? .max,
            beforeLine: before?.line ?? 0,
            scope, in: transaction)
        let shown = Array(lines.prefix(limit))
        return ListPart(
            items: try items(shown, accountID, moment, scope, in: transaction),
            next: lines.count > limit ? shown.last.map { "\($0.entryID)-\($0.line)" } : nil)
    }

    /// The lines as people read them, in the same order.
    static func items(
        _ shown: [StatementLine], _ accountID: Int64, _ moment: Moment, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [StatementItem] {
        let days = shown.compactMap(\.supplyDay)
        var charges: [CivilDay: [Charge]] = [:]
        if let first = days.min(), let last = days.max() {
            let found = try Charge.revisions(accountID: accountID, from: first, to: last, scope, in: transaction)
            charges = Dictionary(grouping: found, by: \.day)
        }
        let adjusted = shown.filter { $0.kind == .adjustment }.map(\.entryID)
        var reasons: [Int64: String] = [:]
        for start in stride(from: 0, to: adjusted.count, by: 400) {
            let part = Array(adjusted[start..<min(start + 400, adjusted.count)])
            reasons.merge(try AdjustBalance.reasons(accountID: accountID, entryIDs: part, scope, in: transaction)) {
                $1
            }
        }
        var periods: [Int64: Int64] = [:]
        return shown.map { line in
            let all = line.supplyDay.flatMap { charges[$0] } ?? []
            if let meterID = all.last?.meterID, periods[meterID] == nil {
                // A meter that was taken away is not in reach any more; its period is that of most meters.
                periods[meterID] = (try? Meter.find(meterID, scope, in: transaction).capturePeriodS) ?? 1800
            }
            let slots = line.supplyDay.map { day in
                moment.zone.slotCount(of: day, periodS: all.last.flatMap { periods[$0.meterID] } ?? 1800)
            }
            return item(line, all, slots: slots ?? 0, reason: reasons[line.entryID] ?? "")
        }
    }

    // MARK: one line

    public static func chargeName(_ day: CivilDay, _ revision: Int64) -> String { "C-\(day)-\(revision)" }
    public static func reversalName(_ day: CivilDay, _ revision: Int64) -> String { "R-\(day)-\(revision)" }
    public static func entryName(_ entryID: Int64) -> String { "J-" + String(entryID, radix: 36).uppercased() }

    /// Revisions of a day that moved money, oldest first.
    static func posted(_ revisions: [Charge]) -> [Charge] { revisions.filter { $0.entryID != nil } }

    /// The reversal of a posted revision bears the number of the last revision before the next posted one.
    static func reversal(of revision: Int64, in revisions: [Charge]) -> String? {
        guard let next = posted(revisions).first(where: { $0.revision > revision }) else { return nil }
        return reversalName(next.day, next.revision - 1)
    }

    private static func item(_ line: StatementLine, _ revisions: [Charge], slots: Int, reason: String) -> StatementItem
    {
        let key = line.entryKey.split(separator: ":", maxSplits: 2).map(String.init)
        var item = StatementItem(
            entry: entryName(line.entryID), postedMs: line.businessAtMs, what: .opening, against: [.opening],
            amountPaise: line.amountPaise, balancePaise: line.balanceAfterPaise, reversedBy: nil)
        switch (line.kind, line.supplyDay, line.revision) {
        case (.charge, let day?, let revision?):
            let charge = revisions.first { $0.revision == revision }
            item.entry = chargeName(day, revision)
            item.against = against(charge)
            item.reversedBy = reversal(of: revision, in: revisions)
            if let earlier = posted(revisions).last(where: { $0.revision < revision }) {
                item.what = .repost(day, corrects: chargeName(day, earlier.revision))
            } else {
                item.what = .day(day, estimatedSlots: Int(charge?.estimatedSlots ?? 0), slots: slots)
            }
        case (.reversal, let day?, let revision?):
            let taken = posted(revisions).last { $0.revision <= revision }
            item.entry = reversalName(day, revision)
            item.what = .reversal(of: chargeName(day, taken?.revision ?? revision), day: day)
            item.against = against(taken)
        case (.recharge, _, _) where key.count == 3 && key[1] != PaymentMethod.opening.rawValue:
            item.what = .recharge(method: key[1], reference: key[2])
            item.against = [.bank]
        case (.arrears, let day?, _):
            item.what = .instalment(day)
            item.against = [.arrears]
        case (.arrears, nil, _):
            item.what = .settlement
            item.against = [.arrears]
        case (.conversion, _, _): item.what = .conversion
        case (.adjustment, _, _) where key[0] == "penalty" && key.count == 2:
            item.what = .adjustment(reason: "Contract \(key[1]) ended early")
            item.against = [.fixed]
        case (.adjustment, _, _) where key[0] == "export" && key.count == 3:
            // A difference that followed later readings bears its number behind the month.
            let month = key[2].prefix { $0 != ":" }
            item.what = .adjustment(
                reason: month.count == key[2].count
                    ? "Energy fed in by \(key[1]) in \(month)"
                    : "Energy fed in by \(key[1]) in \(month), corrected by later readings")
            item.against = [.energy]
        case (.adjustment, _, _):
            item.what = .adjustment(reason: reason)
            item.against = [.adjustments]
        default: break
        }
        return item
    }

    private static func against(_ charge: Charge?) -> [StatementItem.Against] {
        guard let charge else { return [.energy] }
        let parts: [(StatementItem.Against, Int64)] = [
            (.energy, charge.baseEnergyPaise), (.addOn, charge.addOnEnergyPaise), (.fixed, charge.fixedPaise),
            (.duty, charge.dutyPaise), (.credits, charge.otherPaise),
        ]
        let found = parts.filter { $0.1 != 0 }.map(\.0)
        return found.isEmpty ? [.energy] : found
    }
}
