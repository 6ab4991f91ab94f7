// The disconnection guard: who is next to be cut, who is not, why, and not before when. Reads what was decided last;
// decides nothing itself.
import Access
import Accounts
import CivilTime
import Journal
import Messaging
import Meters
import SQL

/// How near an account is to a cut.
public enum GuardStanding: String, Sendable, CaseIterable, Codable {
    /// It is known when it may be cut at the earliest.
    case next
    /// Low, but something holds that has no end by itself.
    case held
    /// Cut, or about to be.
    case off
}

/// One account of the guard.
public struct GuardRow: Sendable, Equatable {
    public var accountID: Int64
    public var accountNumber: String
    public var name: String
    public var category: String
    public var placeID: Int64
    public var placeName: String
    public var standing: GuardStanding
    public var sinceMs: Int64
    public var lowSinceMs: Int64?
    public var notBeforeMs: Int64?
    public var reasons: [SupplyReason]
    public var balancePaise: Int64
    public var estimatedChargesPaise: Int64
    public var notices: [SentNotice]
    /// The last day that is charged; nil when none is.
    public var chargedThrough: CivilDay?

    public init(
        accountID: Int64, accountNumber: String, name: String, category: String, placeID: Int64, placeName: String,
        standing: GuardStanding, sinceMs: Int64, lowSinceMs: Int64?, notBeforeMs: Int64?, reasons: [SupplyReason],
        balancePaise: Int64, estimatedChargesPaise: Int64, notices: [SentNotice], chargedThrough: CivilDay? = nil
    ) {
        (self.accountID, self.accountNumber, self.name) = (accountID, accountNumber, name)
        (self.category, self.placeID, self.placeName) = (category, placeID, placeName)
        (self.standing, self.sinceMs, self.lowSinceMs) = (standing, sinceMs, lowSinceMs)
        (self.notBeforeMs, self.reasons, self.balancePaise) = (notBeforeMs, reasons, balancePaise)
        (self.estimatedChargesPaise, self.notices) = (estimatedChargesPaise, notices)
        self.chargedThrough = chargedThrough
    }

    /// Where the next part begins.
    public var cursor: String { "\(standing == .off ? Int64.max : notBeforeMs ?? Int64.max - 1).\(accountID)" }

    /// The notice that was sent last; nil when none was.
    public var lastNotice: SentNotice? { notices.max { $0.sentAtMs < $1.sentAtMs } }
}

public enum SupplyGuard {
    /// What the list is narrowed to; nothing set: all that are low or off.
    public struct Filter: Sendable, Equatable {
        public var standing: GuardStanding?
        public var reason: SupplyReason.Code?
        /// Only accounts that lie at this place or under it.
        public var placeID: Int64?
        public init(standing: GuardStanding? = nil, reason: SupplyReason.Code? = nil, placeID: Int64? = nil) {
            (self.standing, self.reason, self.placeID) = (standing, reason, placeID)
        }
    }

    /// How many stand how, and for which reasons.
    public struct Counts: Sendable, Equatable {
        public var standings: [GuardStanding: Int]
        /// Only those that occur.
        public var reasons: [SupplyReason.Code: Int]
        public init(standings: [GuardStanding: Int], reasons: [SupplyReason.Code: Int]) {
            (self.standings, self.reasons) = (standings, reasons)
        }
    }

    private static let standingSQL = """
        CASE WHEN s.wanted = 'open' THEN 'off' WHEN s.not_before_ms IS NULL THEN 'held' ELSE 'next' END
        """
    private static let orderSQL = """
        CASE WHEN s.wanted = 'open' THEN 9223372036854775807 ELSE COALESCE(s.not_before_ms, 9223372036854775806) END
        """
    private static let tables = """
        supply_state s JOIN supply_account ON supply_account.org_id = s.org_id
          AND supply_account.account_id = s.account_id
        """
    private static let isListed = "(s.low_since_ms IS NOT NULL OR s.wanted = 'open')"

    private static func hasReason(_ code: SupplyReason.Code) -> String { "(s.reason_bits & \(code.bit)) <> 0" }

    /// Accounts in the order of their next possible cut, after a cursor.
    /// - Parameter accountID: only this one, low or not.
    public static func page(
        after: String?, _ filter: Filter, limit: Int, accountID: Int64? = nil, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [GuardRow] {
        let cursor = (after ?? "").split(separator: ".").compactMap { Int64($0) }
        let last = cursor.count == 2 ? cursor : [Int64.min, 0]
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit), .int(last[0]), .int(last[1])]
        func mark(_ value: SQLValue) -> String {
            parameters.append(value)
            return "$\(parameters.count)"
        }
        var only = accountID.map { " AND s.account_id = \(mark(.int($0)))" } ?? " AND \(isListed)"
        if let standing = filter.standing { only += " AND \(standingSQL) = \(mark(.text(standing.rawValue)))" }
        if let reason = filter.reason { only += " AND \(hasReason(reason))" }
        if let placeID = filter.placeID {
            only += SupplyAccount.scopeFilter(Scope(orgID: scope.orgID, placeIDs: [placeID]), &parameters)
        }
        only += SupplyAccount.scopeFilter(scope, &parameters)
        let rows = try transaction.query(
            """
            SELECT s.account_id, supply_account.account_number, supply_account.name, supply_account.category,
              supply_account.place_id, p.name, \(standingSQL), s.since_ms, s.low_since_ms, s.not_before_ms, s.reasons
            FROM \(tables) JOIN place p ON p.org_id = s.org_id AND p.place_id = supply_account.place_id
            WHERE s.org_id = $1 AND (\(orderSQL) > $3 OR (\(orderSQL) = $3 AND s.account_id > $4))\(only)
            ORDER BY \(orderSQL), s.account_id LIMIT $2
            """, parameters
        ) { row in
            GuardRow(
                accountID: try row.int(0), accountNumber: try row.text(1), name: try row.text(2),
                category: try row.text(3), placeID: try row.int(4), placeName: try row.text(5),
                standing: GuardStanding(rawValue: try row.text(6)) ?? .held, sinceMs: try row.int(7),
                lowSinceMs: try row.optionalInt(8), notBeforeMs: try row.optionalInt(9),
                reasons: Supply.decode(try row.text(10)), balancePaise: 0, estimatedChargesPaise: 0, notices: [])
        }
        return try rows.map { try filled($0, scope, transaction) }
    }

    private static func filled(_ row: GuardRow, _ scope: Scope, _ transaction: any SQLTransaction) throws -> GuardRow {
        var row = row
        let balance = try Journal.balance(ofAccount: row.accountID, scope, in: transaction)
        (row.balancePaise, row.estimatedChargesPaise) = (balance.balancePaise, balance.estimatedChargesPaise)
        row.chargedThrough = try Journal.lastChargedDay(ofAccount: row.accountID, scope, in: transaction)
        let sent = try transaction.query(
            """
            SELECT threshold, message_id, sent_at_ms FROM supply_notice WHERE org_id = $1 AND account_id = $2
            ORDER BY sent_at_ms, threshold
            """, [.int(scope.orgID), .int(row.accountID)]
        ) { (threshold: try $0.text(0), messageID: try $0.int(1), sentAtMs: try $0.int(2)) }
        let known = Dictionary(
            grouping: try Message.deliveries(of: Array(Set(sent.map(\.messageID))).sorted(), scope, in: transaction),
            by: \.messageID)
        row.notices = sent.map { notice in
            SentNotice(
                threshold: notice.threshold, sentAtMs: notice.sentAtMs,
                evidence: (known[notice.messageID] ?? []).map {
                    Evidence(channel: $0.channel, state: $0.state.rawValue, atMs: $0.atMs)
                })
        }
        return row
    }

    /// Of the accounts of the scope, at a place or anywhere.
    public static func counts(placeID: Int64? = nil, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> Counts
    {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        var only = SupplyAccount.scopeFilter(scope, &parameters)
        if let placeID {
            only += SupplyAccount.scopeFilter(Scope(orgID: scope.orgID, placeIDs: [placeID]), &parameters)
        }
        let sums =
            GuardStanding.allCases.map { "COUNT(*) FILTER (WHERE \(standingSQL) = '\($0.rawValue)')" }
            + SupplyReason.Code.allCases.map { "COUNT(*) FILTER (WHERE \(hasReason($0)))" }
        let counts =
            try transaction.first(
                """
                SELECT \(sums.joined(separator: ", ")) FROM \(tables) WHERE s.org_id = $1 AND \(isListed)\(only)
                """, parameters
            ) { row in try sums.indices.map { Int(try row.int($0)) } } ?? sums.map { _ in 0 }
        let standings = zip(GuardStanding.allCases, counts)
        let reasons = zip(SupplyReason.Code.allCases, counts.dropFirst(GuardStanding.allCases.count))
        return Counts(
            standings: Dictionary(uniqueKeysWithValues: standings.map { ($0, $1) }),
            reasons: Dictionary(uniqueKeysWithValues: reasons.filter { $0.1 > 0 }.map { ($0, $1) }))
    }
}
