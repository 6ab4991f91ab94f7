// A month of a wallet as people read it: a line a day and event, corrections net with both of their dates, from the
// opening balance to the closing one. The ledger beside it shows every posting; the two come from the same lines.
import Access
import Accounts
import CivilTime
import Journal
import SQL

public struct MonthStatement: Sendable {
    /// What a line is.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A day's electricity, with what was corrected of it on the day it was posted.
        case day
        /// What changed of a day that was charged before.
        case correction
        case recharge, opening, adjustment
        /// The day's part of an old debt.
        case instalment
        /// An old debt, settled out of the wallet.
        case settlement
        /// From postpaid to prepaid.
        case conversion
    }

    public struct Line: Sendable, Equatable {
        public var kind: Kind
        /// The day it was posted on.
        public var postedDay: CivilDay
        public var postedMs: Int64
        /// The day the amount is for.
        public var supplyDay: CivilDay?
        /// Some of it rests on estimated readings.
        public var isEstimated: Bool
        /// How the money came, the reason of an adjustment; empty where nothing is said.
        public var detail: String
        public var reference: String
        /// Net of the postings behind it.
        public var amountPaise: Int64
        public var balancePaise: Int64
        /// The lines of the ledger behind it, in its order.
        public var entries: [String]
        /// The place in the ledger just above the last of them, as its `before` reads it.
        public var ledgerPlace: String
    }

    public var account: SupplyAccount
    public var month: CivilMonth
    public var openingPaise: Int64
    public var lines: [Line]
    public var closingPaise: Int64
    /// The month of the account's first day, and the present one.
    public var firstMonth: CivilMonth
    public var lastMonth: CivilMonth
    /// Until when the closing balance holds: the end of the month, or now.
    public var untilMs: Int64

    public func sumPaise(_ kinds: Kind...) -> Int64 {
        lines.filter { kinds.contains($0.kind) }.reduce(0) { $0 + $1.amountPaise }
    }

    /// - Throws: ``Refusal`` `notFound` for a month in which the account was not there.
    public static func of(
        _ site: Site, accountID: Int64, month: CivilMonth, _ scope: Scope
    ) async throws -> MonthStatement {
        try await site.money.read { transaction in
            let moment = try Moment.of(site, scope, in: transaction)
            let account = try SupplyAccount.find(accountID, scope, in: transaction)
            guard month >= account.openedDay.month, month <= moment.today.month else {
                throw Refusal(
                    .notFound, "There is no statement of this month.",
                    hint: "Statements begin with the month the account was opened in.", at: "month")
            }
            let (fromMs, untilMs) = (moment.startMs(of: month.first), moment.startMs(of: month.next.first))
            let span = try Journal.span(ofAccount: accountID, fromMs: fromMs, untilMs: untilMs, scope, in: transaction)
            let items = try StatementReport.items(span.lines, accountID, moment, scope, in: transaction)
            return MonthStatement(
                account: account, month: month, openingPaise: span.openingPaise,
                lines: folded(zip(span.lines, items).map { ($0, $1) }, opening: span.openingPaise, moment.zone),
                closingPaise: span.closingPaise, firstMonth: account.openedDay.month, lastMonth: moment.today.month,
                untilMs: min(untilMs, moment.nowMs))
        }
    }

    /// Postings of one day of supply that were posted on one day are one line; all others stand by themselves. The
    /// lines share the postings out without rest, so opening and lines give the closing balance.
    static func folded(
        _ postings: [(line: StatementLine, item: StatementItem)], opening: Int64, _ zone: Zone
    ) -> [Line] {
        struct Key: Hashable {
            var posted: CivilDay
            var supply: CivilDay
        }
        var groups: [[(line: StatementLine, item: StatementItem)]] = []
        var known: [Key: Int] = [:]
        for posting in postings {
            let posted = zone.day(atS: floorSeconds(posting.line.businessAtMs))
            if let supply = posting.line.supplyDay, [.charge, .reversal].contains(posting.line.kind) {
                let key = Key(posted: posted, supply: supply)
                if let index = known[key] {
                    groups[index].append(posting)
                    continue
                }
                known[key] = groups.count
            }
            groups.append([posting])
        }
        var balance = opening
        return groups.map { group in
            var line = folded(group, zone)
            balance += line.amountPaise
            line.balancePaise = balance
            return line
        }
    }

    private static func floorSeconds(_ ms: Int64) -> Int64 { ms >= 0 ? ms / 1000 : (ms - 999) / 1000 }

    private static func folded(_ group: [(line: StatementLine, item: StatementItem)], _ zone: Zone) -> Line {
        let (first, last) = (group[0], group[group.count - 1])
        let (charges, reversals) = (
            group.count { $0.line.kind == .charge }, group.count { $0.line.kind == .reversal }
        )
        var line = Line(
            kind: .adjustment, postedDay: zone.day(atS: floorSeconds(last.line.businessAtMs)),
            postedMs: last.line.businessAtMs, supplyDay: first.line.supplyDay,
            isEstimated: last.line.kind == .charge && last.line.estimated, detail: "", reference: "",
            amountPaise: group.reduce(0) { $0 + $1.line.amountPaise }, balancePaise: 0,
            entries: group.map(\.item.entry), ledgerPlace: "\(last.line.entryID)-\(last.line.line + 1)")
        switch first.item.what {
        case .day, .reversal, .repost: line.kind = charges > reversals ? .day : .correction
        case .recharge(let method, let reference):
            (line.kind, line.detail, line.reference) = (.recharge, method, reference)
        case .opening: line.kind = .opening
        case .adjustment(let reason): line.detail = reason
        case .instalment: line.kind = .instalment
        case .settlement: line.kind = .settlement
        case .conversion: line.kind = .conversion
        }
        return line
    }

    /// As a table for other programs, RFC 4180: opening and closing balance stand as lines of their own.
    public func csv() -> String {
        let money = { (paise: Int64) in PlainAmount.text(paise, places: 2) }
        func field(_ text: String) -> String {
            // What a spreadsheet would take for a formula is led by an apostrophe.
            let safe = text.first.map { "=+-@\t\r".contains($0) } == true ? "'" + text : text
            guard safe.contains(where: { ",\"\r\n".contains($0) }) else { return safe }
            return "\"" + safe.replacing("\"", with: "\"\"") + "\""
        }
        var rows = ["posted_day,supply_day,what,detail,reference,amount,balance,entries"]
        rows.append("\(month.first),,opening-balance,,,,\(money(openingPaise)),")
        rows += lines.map { line in
            [
                line.postedDay.description, line.supplyDay?.description ?? "", line.kind.rawValue, field(line.detail),
                field(line.reference), money(line.amountPaise), money(line.balancePaise),
                line.entries.joined(separator: " "),
            ].joined(separator: ",")
        }
        rows.append("\(month.last),,closing-balance,,,,\(money(closingPaise)),")
        return rows.map { $0 + "\r\n" }.joined()
    }
}

/// Numbers as files hold them: a point, no grouping, no sign of a currency.
enum PlainAmount {
    /// - Parameter places: digits behind the point, 1 to 9.
    static func text(_ value: Int64, places: Int) -> String {
        let scale = (0..<places).reduce(UInt64(1)) { scale, _ in scale * 10 }
        let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: scale)
        let digits = String(rest)
        return (value < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: places - digits.count) + digits
    }
}
