// The book as text for other programs: hledger and ledger, or a table. A page of postings comes in, its lines go out;
// writes no file.
import CivilTime

public enum BookFormat: String, Sendable, CaseIterable { case hledger, csv }

/// Names of accounts in exports: words with colons between, none of which a program that reads them takes for more.
public enum BookName {
    /// The name of a wallet, from the number of its supply account: `liabilities:wallets:BB-000101`.
    public static func wallet(_ accountNumber: String) -> String { "liabilities:wallets:" + plain(accountNumber) }

    /// The name of the arrears of a supply account: `assets:arrears:BB-000101`.
    public static func arrears(_ accountNumber: String) -> String { "assets:arrears:" + plain(accountNumber) }

    /// The name of an account nobody has entered a number for. No wallet's name holds a question mark.
    public static func nameless(_ journalAccountID: Int64) -> String { "liabilities:wallets:?\(journalAccountID)" }

    /// The same text for the same text, in letters, digits and `-_./`; all else as `%` and two digits a byte, as in a
    /// web address. So nothing in it can begin a comment, a tag, a date or another account.
    /// - Parameter keepsColons: for keys, in which a colon divides.
    static func plain(_ text: String, keepsColons: Bool = false) -> String {
        var plain: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "/"):
                plain.append(byte)
            case UInt8(ascii: ":") where keepsColons: plain.append(byte)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                plain += Array(("%" + (byte < 16 ? "0" : "") + digits).utf8)
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }
}

/// Writes the postings of a book, page by page in their order.
public struct BookText: Sendable {
    private let format: BookFormat
    private let zone: Zone
    private let currency: String
    private var lastEntryID: Int64?

    /// - Parameters:
    ///   - zone: of the company; the day of an entry is a day in it.
    ///   - currency: three letters; an amount is a hundredth of it.
    public init(_ format: BookFormat, zone: Zone, currency: String) {
        self.format = format
        self.zone = zone
        self.currency = currency
    }

    /// What stands above the first page.
    public var head: String {
        switch format {
        case .hledger: "; Debits are positive. The date is the day of posting; supply-day is the day it is for."
        case .csv: "entry,key,kind,posted_day,posted_at,line,account,amount,currency,what,supply_day,revision,estimated"
        }
    }

    /// The lines of a page, without a line end behind the last.
    /// - Parameter names: of every account on the page.
    public mutating func text(of page: [BookLine], names: [Int64: String]) -> String {
        var lines: [String] = []
        for item in page {
            let name = names[item.leg.journalAccountID] ?? BookName.nameless(item.leg.journalAccountID)
            switch format {
            case .hledger: add(item, name, to: &lines)
            case .csv: lines.append(row(item, name))
            }
        }
        return lines.joined(separator: "\n")
    }

    private mutating func add(_ item: BookLine, _ name: String, to lines: inout [String]) {
        if lastEntryID != item.entryID {
            lastEntryID = item.entryID
            let kind = BookName.plain(item.entryKind)
            lines += [
                "", "\(day(item)) * (\(item.entryID)) \(kind)",
                "    ; key: \(BookName.plain(item.entryKey, keepsColons: true))", "    ; kind: \(kind)",
                "    ; posted: \(moment(item))",
            ]
        }
        let leg = item.leg
        lines += ["    \(name)  \(currency) \(Self.amount(leg.amountPaise))", "    ; what: \(leg.kind.rawValue)"]
        if let day = leg.supplyDay { lines.append("    ; supply-day: \(day)") }
        if let revision = leg.revision { lines.append("    ; revision: \(revision)") }
        if leg.estimated { lines.append("    ; estimated: yes") }
    }

    private func row(_ item: BookLine, _ name: String) -> String {
        let leg = item.leg
        return [
            "\(item.entryID)", BookName.plain(item.entryKey, keepsColons: true), BookName.plain(item.entryKind),
            "\(day(item))", moment(item), "\(item.line)", name, Self.amount(leg.amountPaise), currency,
            leg.kind.rawValue, leg.supplyDay.map { "\($0)" } ?? "", leg.revision.map { "\($0)" } ?? "",
            leg.estimated ? "yes" : "no",
        ].joined(separator: ",")
    }

    private func day(_ item: BookLine) -> CivilDay { zone.day(atS: seconds(item)) }

    private func moment(_ item: BookLine) -> String {
        let (day, second) = Zone.utc.civil(atS: seconds(item))
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(day)T\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }

    private func seconds(_ item: BookLine) -> Int64 {
        let (whole, rest) = item.businessAtMs.quotientAndRemainder(dividingBy: 1_000)
        return rest < 0 ? whole - 1 : whole
    }

    /// `-39.40`: two decimals, exactly, no grouping.
    static func amount(_ paise: Int64) -> String {
        let (whole, rest) = paise.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(paise < 0 ? "-" : "")\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
