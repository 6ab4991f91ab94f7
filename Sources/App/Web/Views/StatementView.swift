// StatementView: the whole statement of a wallet, a page of lines at a time.
import CivilTime

public struct StatementView: Page {
    public static let template = "statement"
    public var account: Int64
    public var code: String
    public var name: String
    public var balancePaise: Int64
    public var balanceAsOfMs: Int64
    /// Newest first.
    public var lines: [StatementLine]
    /// The keyset place of the next older page; nil at the end.
    public var olderBefore: String?
    public var isFirstPage: Bool
    /// The present month, whose statement is linked to; nil: none is.
    public var month: CivilMonth?

    public init(
        account: Int64, code: String, name: String, balancePaise: Int64, balanceAsOfMs: Int64, lines: [StatementLine],
        olderBefore: String?, isFirstPage: Bool, month: CivilMonth? = nil
    ) {
        self.month = month
        self.account = account
        self.code = code
        self.name = name
        self.balancePaise = balancePaise
        self.balanceAsOfMs = balanceAsOfMs
        self.lines = lines
        self.olderBefore = olderBefore
        self.isFirstPage = isFirstPage
    }
}

extension StatementView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("statement.title", ["code": "\(code)"]) }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let onPage = Set(lines.map(\.entry))
        var row = Fields()
        row.set("accountHref", Paths.account(account))
        row.set("code", code)
        row.set("lede", w.say("statement.lede", ["money": "\(w.money(balancePaise))", "name": "\(name)"]))
        row.set("asOf", w.asOf(balanceAsOfMs, promiseMs: dailyPromiseMs))
        row.set("entries", lines.map { $0.row(w, account: account, onPage: onPage) })
        row.set("hasEntries", !lines.isEmpty)
        row.set("notFooting", StatementLine.foots(lines) ? nil : w.say("statement.notFooting"))
        row.set("firstHref", isFirstPage ? nil : Paths.statement(account))
        row.set("olderHref", olderBefore.map { Paths.statement(account, before: $0) })
        row.set("monthHref", month.map { Paths.month(account, $0) })
        row.set("hasPaging", !isFirstPage || olderBefore != nil)
        return row
    }
}
