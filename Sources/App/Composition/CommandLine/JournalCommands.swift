// `busbar journal export|balances`: the book for hledger, ledger or a table, and where its accounts stand. Only looks,
// also beside a process that serves; a page at a time, all of one moment.
import API
import Access
import CivilTime
import Clocks
import Journal
import Quantities
import SQL
import Synchronization

public struct JournalExportOptions: Sendable {
    /// `hledger` or `csv`.
    public var format: String
    /// First day of posting; nil from the beginning.
    public var from: String?
    /// Last day of posting; nil to the end.
    public var to: String?
    public init(format: String, from: String? = nil, to: String? = nil) {
        (self.format, self.from, self.to) = (format, from, to)
    }
}

/// Postings or accounts held in memory at once.
private let pageSize = 2_000

/// Pages are said while they are read, so that all are of one moment. An engine that loses its connection runs the
/// reading again from the beginning, and what was said cannot be taken back: then nothing more is said.
private final class SaidOnce: Sendable {
    private let hasBegun = Mutex(false)

    /// To be called before the first word of a reading.
    func begin() throws {
        let isSecond = hasBegun.withLock { hasBegun in
            defer { hasBegun = true }
            return hasBegun
        }
        guard isSecond else { return }
        throw Complaint(
            "the connection to the database was lost on the way; what was printed so far is not whole",
            hint: "Throw it away and run this again.", .partly)
    }
}

/// Says every posting of the book, or of days of posting.
public func exportJournal(
    _ site: SiteOptions, orgID: Int64?, _ options: JournalExportOptions, _ console: Console
) async throws -> CommandStatus {
    guard let format = BookFormat(rawValue: options.format) else {
        let known = BookFormat.allCases.map(\.rawValue).joined(separator: " or ")
        throw Complaint("--format \(options.format.prefix(40)): unknown", hint: "Give \(known).", .usage)
    }
    let (from, to) = (
        try options.from.map { try typedDay($0, "--from") }, try options.to.map { try typedDay($0, "--to") }
    )
    if let from, let to, from > to {
        throw Complaint("--from \(from) is after --to \(to)", hint: "Give the first day first.", .usage)
    }
    return try await withBook(site, orgID) { money, org in
        let (fromMs, untilMs) = (
            from.map { org.zone.startS(of: $0) * 1_000 } ?? .min,
            to.map { org.zone.startS(of: $0.advanced(by: 1)) * 1_000 } ?? .max
        )
        try await sayBook(of: money, org, format, fromMs: fromMs, untilMs: untilMs, console)
        return .done
    }
}

func sayBook(
    of money: any Database, _ org: Org, _ format: BookFormat, fromMs: Int64, untilMs: Int64, _ console: Console
) async throws {
    let (progress, once) = (ProgressLine(console), SaidOnce())
    let count = try await money.read { transaction in
        let scope = Scope(orgID: org.orgID)
        var text = BookText(format, zone: org.zone, currency: org.currency)
        var (place, count, isFirst) = ((entryID: Int64.min, line: Int64.min), 0, true)
        while true {
            let page = try Journal.bookLines(
                after: place, fromMs: fromMs, untilMs: untilMs, limit: pageSize, scope, in: transaction)
            if isFirst {
                try once.begin()
                console.say(text.head)
                isFirst = false
            }
            guard let last = page.last else { return count }
            let accounts = Set(page.map(\.leg.journalAccountID))
            console.say(text.text(of: page, names: try JournalReport.names(of: accounts, scope, in: transaction)))
            place = (last.entryID, last.line)
            count += page.count
            progress.at("\(count) postings written")
        }
    }
    console.note("\(count) postings, \(progress.end())")
}

private struct BalanceRow: Encodable {
    var account: String
    var debitBalancePaise: Int64
    var estimatedPaise: Int64
    var pendingDebitPaise: Int64
    var pendingCreditPaise: Int64
}

/// Says the balance of every account of the book. `problems` when together they are not zero.
public func journalBalances(
    _ site: SiteOptions, orgID: Int64?, json: Bool, clocks: Clocks = .live, _ console: Console
) async throws -> CommandStatus {
    try await withBook(site, orgID) { money, org in
        let sum = try await sayBalances(of: money, org, json: json, nowMs: clocks.businessNowMs(), console)
        console.note("The balances sum to \(sum) paise.")
        return sum == 0 ? .done : .problems
    }
}

/// Returns the sum of all.
func sayBalances(
    of money: any Database, _ org: Org, json: Bool, nowMs: Int64, _ console: Console
) async throws -> Int128 {
    let once = SaidOnce()
    return try await money.read { transaction in
        var (sum, after, isFirst) = (Int128(0), Int64(0), true)
        while true {
            let part = try JournalReport.balances(
                after: after, limit: pageSize, atMs: nowMs, Scope(orgID: org.orgID), in: transaction)
            if isFirst {
                try once.begin()
                isFirst = false
            }
            for item in part.items { sum += Int128(item.balance.debitBalancePaise) }
            if json { try part.items.forEach { try console.say(json: row($0)) } } else { say(part.items, console) }
            guard let next = part.next.flatMap({ Int64($0) }) else { return sum }
            after = next
        }
    }
}

private func row(_ item: JournalBalance) -> BalanceRow {
    BalanceRow(
        account: item.name, debitBalancePaise: item.balance.debitBalancePaise,
        estimatedPaise: item.balance.estimatedPaise, pendingDebitPaise: item.balance.pendingDebitPaise,
        pendingCreditPaise: item.balance.pendingCreditPaise)
}

private func say(_ items: [JournalBalance], _ console: Console) {
    let rows = items.map { item in
        let balance = item.balance
        let isPending = balance.pendingDebitPaise != 0 || balance.pendingCreditPaise != 0
        return [
            item.name, rupees(paise: balance.debitBalancePaise),
            isPending
                ? "pending \(rupees(paise: balance.pendingDebitPaise)), \(rupees(paise: balance.pendingCreditPaise))"
                : "",
        ]
    }
    for line in table(rows) { console.say(line) }
}

/// The book as it lies there, also while another process serves it.
private func withBook<Value>(
    _ site: SiteOptions, _ orgID: Int64?, _ body: (any Database, Org) async throws -> Value
) async throws -> Value {
    let inspection = try await Inspection.open(site, takesLock: false)
    do {
        guard inspection.hasMoney else {
            throw Complaint(
                "migrations are pending, and looking changes nothing", hint: "Run `busbar db migrate` first.",
                .problems)
        }
        let org = try chosenOrg(orgID, of: try await inspection.money.read { try Org.all(in: $0) })
        let value = try await body(inspection.money, org)
        await inspection.close()
        return value
    } catch {
        await inspection.close()
        throw error
    }
}
