// Paths: every address a page links to or posts to; the routes answer exactly these.
import CivilTime
import IntervalData

/// Addresses of the pages. Ids are 63-bit numbers; words from people are percent-encoded.
public enum Paths {
    public static let signIn = "/sign-in"
    public static let secondStep = "/sign-in/second-step"
    public static let signOut = "/sign-out"
    public static let line = "/line"
    public static let status = "/status"
    public static let meters = "/meters"
    public static let accounts = "/accounts"
    public static let events = "/events"
    public static let eventsAside = "/events/aside"
    public static let outages = "/outages"
    public static let plannedOutages = "/planned-outages"
    public static func callOff(_ id: Int64) -> String { "/planned-outages/\(id)/call-off" }
    public static let reliability = "/reliability"
    public static let reliabilityCSV = "/reliability.csv"
    public static let tamper = "/tamper"
    public static func outage(_ id: Int64) -> String { "/outages/\(id)" }
    public static func tamperClose(_ id: Int64) -> String { "/tamper/\(id)/close" }
    /// - Parameter show: `open` or `planned`.
    public static func outages(
        show: String?, place: Int64?, after: String?, from: CivilDay? = nil, to: CivilDay? = nil
    ) -> String {
        joined(outages, [("show", show), ("after", after)] + span(place, from, to))
    }
    public static func tamper(state: String?, after: String?) -> String {
        joined(tamper, [("state", state), ("after", after)])
    }
    public static func reliability(place: Int64?, from: CivilDay? = nil, to: CivilDay? = nil) -> String {
        joined(reliability, span(place, from, to))
    }
    public static func reliabilityCSV(place: Int64?, from: CivilDay, to: CivilDay) -> String {
        joined(reliabilityCSV, span(place, from, to))
    }
    private static func span(_ place: Int64?, _ from: CivilDay?, _ to: CivilDay?) -> [(String, String?)] {
        [("place", place.map { String($0) }), ("from", from?.description), ("to", to?.description)]
    }
    private static func joined(_ base: String, _ parts: [(String, String?)]) -> String {
        let given = parts.compactMap { name, value in value.map { "\(name)=\(encoded($0))" } }
        return given.isEmpty ? base : base + "?" + given.joined(separator: "&")
    }
    public static let supply = "/supply"
    public static let supplyCSV = "/supply.csv"
    public static let supplyHold = "/supply/hold"
    public static let supplyRelease = "/supply/release"
    /// The guard as it was asked: standing, reason, place.
    public static func supply(csv: Bool = false, _ asked: [String: String]) -> String {
        address(csv ? supplyCSV : supply, asked)
    }
    public static let subscriptions = "/subscriptions"
    public static func subscriptions(
        state: String?, pack: String? = nil, place: Int64? = nil, before: Int64? = nil
    ) -> String {
        joined(
            subscriptions,
            [
                ("state", state), ("pack", pack), ("place", place.map { String($0) }),
                ("before", before.map { String($0) }),
            ])
    }
    /// Where something about an account's packs is asked.
    public static func askPack(_ account: Int64, act: String? = nil, pack: String? = nil) -> String {
        joined("/accounts/\(account)/subscriptions", [("act", act), ("pack", pack)])
    }
    public static let exceptions = "/exceptions"
    public static let jobs = "/jobs"
    public static let collection = "/collection"
    public static let collectionRun = "/collection/run"
    /// Asking meters whether they are alive; with a number, what they said.
    public static let alive = "/collection/alive"
    public static func alive(_ id: Int64) -> String { "/collection/alive/\(id)" }
    public static func collection(cause: String?, place: Int64?, after: String?) -> String {
        let parts = [
            cause.map { "cause=\(encoded($0))" }, place.map { "place=\($0)" }, after.map { "after=\(encoded($0))" },
        ].compactMap { $0 }
        return collection + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }
    /// A raw answer of a meter; `endS` leads to the row of the interval that ends then.
    public static func rawRead(_ meter: Int64, _ batch: Int64, day: CivilDay, endS: Int64?) -> String {
        "/meters/\(meter)/reads/\(batch)?day=\(day)" + (endS.map { "#s\($0)" } ?? "")
    }
    public static let reports = "/reports"
    public static func reports(_ asked: [String: String]) -> String { address(reports, asked) }
    public static let aggregation = "/aggregation"
    /// The explorer as it was asked: set, from, to, resolution, channel, by.
    public static func aggregation(_ asked: [String: String]) -> String { address(aggregation, asked) }
    /// A report as a page, or as a file.
    public static func report(_ name: String, csv: Bool = false, _ asked: [String: String] = [:]) -> String {
        address("\(reports)/\(encoded(name))\(csv ? ".csv" : "")", asked)
    }
    private static func address(_ base: String, _ asked: [String: String]) -> String {
        let parts = asked.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map {
            "\($0.key)=\(encoded($0.value))"
        }
        return parts.isEmpty ? base : base + "?" + parts.joined(separator: "&")
    }
    public static let jobsCatchUp = "/jobs-catch-up"
    public static let me = "/me"
    public static let people = "/people"
    public static let audit = "/audit"
    public static let auditCSV = "/audit.csv"
    public static let keys = "/keys"
    public static let approvals = "/approvals"
    /// - Parameter show: `waiting`, `mine` or `decided`.
    public static func approvals(_ show: String, before: Int64?) -> String {
        joined(approvals, [("show", show), ("before", before.map { String($0) })])
    }
    /// `confirm`, `reject` or `withdraw`.
    public static func approval(_ id: Int64, do action: String) -> String { "/approvals/\(id)/\(action)" }
    public static let simulator = "/simulator"

    public static let commands = "/commands"
    public static func order(_ id: Int64) -> String { "/commands/\(id)" }
    /// `approve` or `stop`.
    public static func order(_ id: Int64, do action: String) -> String { "/commands/\(id)/\(action)" }
    /// What is wanted of a meter.
    public static func wishes(_ meter: Int64) -> String { "/commands/meters/\(meter)" }
    public static let edits = "/edits"
    public static let estimates = "/estimates"
    public static func edit(_ id: Int64) -> String { "/edits/\(id)" }
    /// The editor of a day of a meter.
    public static func edit(_ meter: Int64, _ day: CivilDay, _ channel: Channel = .importWh) -> String {
        "/meters/\(meter)/edit?day=\(day)" + (channel == .importWh ? "" : "&channel=\(channel)")
    }
    public static func person(_ id: Int64) -> String { "/people/\(id)" }
    public static func meter(_ id: Int64) -> String { "/meters/\(id)" }
    public static func meter(_ id: Int64, day: CivilDay, days: Int) -> String {
        "/meters/\(id)?day=\(day)&days=\(days)"
    }
    public static func meterRead(_ id: Int64) -> String { "/meters/\(id)/read" }
    /// GET asks for confirmation, POST does it.
    public static func meterDisconnect(_ id: Int64) -> String { "/meters/\(id)/disconnect" }
    public static func meterReconnect(_ id: Int64) -> String { "/meters/\(id)/reconnect" }
    public static func keyRevocation(_ id: Int64) -> String { "/keys/\(id)/revoke" }
    public static func account(_ id: Int64) -> String { "/accounts/\(id)" }
    public static func statement(_ id: Int64) -> String { "/accounts/\(id)/statement" }
    public static func statement(_ id: Int64, before: String) -> String {
        "/accounts/\(id)/statement?before=\(encoded(before))"
    }
    /// The statement of a month, as a page or as a file.
    public static func month(_ id: Int64, _ month: CivilMonth, csv: Bool = false) -> String {
        "/accounts/\(id)/statements/\(month)\(csv ? ".csv" : "")"
    }
    public static func arrears(_ id: Int64) -> String { "/accounts/\(id)/arrears" }
    public static let checkouts = "/checkout"
    public static func checkout(_ order: Int64) -> String { "\(checkouts)/\(order)" }
    public static let money = "/money"
    public static let moneyCSV = "/money.csv"
    public static func emergency(_ id: Int64) -> String { "/accounts/\(id)/emergency-credits" }
    public static func recharge(_ id: Int64) -> String { "/accounts/\(id)/recharges" }
    public static func day(_ account: Int64, _ day: CivilDay) -> String { "/accounts/\(account)/days/\(day)" }
    /// The runs of the day, what they left aside, and asking for one.
    public static let runs = "/runs"
    public static let runsRetry = "/runs/retry"
    public static func run(_ id: Int64) -> String { "/runs/\(id)" }
    public static func run(_ id: Int64, after: String) -> String { "/runs/\(id)?after=\(encoded(after))" }
    public static func runCSV(_ id: Int64) -> String { "/runs/\(id)/changes.csv" }
    /// `carry-out`, `stop` or `resume`.
    public static func run(_ id: Int64, do action: String) -> String { "/runs/\(id)/\(action)" }
    public static func corrections(_ account: Int64, before: Int64? = nil) -> String {
        "/accounts/\(account)/corrections" + (before.map { "?before=\($0)" } ?? "")
    }
    public static func correction(_ account: Int64, _ id: Int64) -> String {
        "/accounts/\(account)/corrections/\(id)"
    }
    public static func job(_ kind: String) -> String { "/jobs/\(kind)" }
    /// `run`, `pause`, `resume` or `days`.
    public static func job(_ kind: String, do action: String) -> String { "/jobs/\(kind)/\(action)" }
    /// What was given up: what it is, with try again (`retry`) and set aside (`set-aside`).
    public static func mend(_ kind: String, _ id: Int64, do action: String? = nil) -> String {
        "/exceptions/\(encoded(kind))/\(id)" + (action.map { "/\($0)" } ?? "")
    }
    public static func exceptions(kind: String) -> String { "\(exceptions)?kind=\(encoded(kind))" }
    /// Sets the language cookie and goes back.
    public static func language(_ language: Language, back: String) -> String {
        "/language/\(language.rawValue)?back=\(encoded(back))"
    }

    /// A list with its search, filter and keyset place; empty parts are left out.
    public static func list(
        _ base: String, query: String, state: String?, set: String? = nil, after: String?
    ) -> String {
        let parts = [("q", query), ("state", state ?? ""), ("set", set ?? ""), ("after", after ?? "")].filter {
            !$0.1.isEmpty
        }
        return parts.isEmpty ? base : base + "?" + parts.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
    }

    /// RFC 3986: everything but the unreserved characters is percent-encoded.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { out, byte in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
            }
        }
    }
}
