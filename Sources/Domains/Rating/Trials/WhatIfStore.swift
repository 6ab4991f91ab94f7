// What-ifs as stored: what was asked, of whom, with the text that was priced, and what came of each consumer. The rows
// that have no outcome yet are the work that is left.
import Access
import Accounts
import CivilTime
import Clocks
import Foundation
import Grid
import Packs
import SQL
import Tariffs

/// A what-if and how far it is.
public struct WhatIf: Sendable, Equatable {
    /// Kept at most, for each company.
    public static let keptMax = 100

    public var whatIfID: Int64
    public var asked: WhatIfAsked
    /// The tariff that was priced, as it stood then.
    public var text: String
    public var askedBy: Int64
    public var askedAtMs: Int64
    /// Of how many consumers the sample was drawn, and how many it has.
    public var reachCount: Int64
    public var accountCount: Int64
    public var doneCount: Int64
    public var endedAtMs: Int64?

    public init(
        whatIfID: Int64, asked: WhatIfAsked, text: String, askedBy: Int64, askedAtMs: Int64, reachCount: Int64,
        accountCount: Int64, doneCount: Int64, endedAtMs: Int64?
    ) {
        (self.whatIfID, self.asked, self.text, self.askedBy) = (whatIfID, asked, text, askedBy)
        (self.askedAtMs, self.reachCount) = (askedAtMs, reachCount)
        (self.accountCount, self.doneCount, self.endedAtMs) = (accountCount, doneCount, endedAtMs)
    }

    public var isDone: Bool { doneCount >= accountCount }
    func madeOn(_ zone: Zone) -> CivilDay { zone.day(atS: askedAtMs / 1000) }

    static let migration = Migration(
        68, .money, "what-ifs",
        [
            """
            CREATE TABLE what_if (org_id {id} NOT NULL, what_if_id {id} NOT NULL, asked {text} NOT NULL,
              tariff {text} NOT NULL, asked_by {id} NOT NULL, asked_at_ms {int} NOT NULL,
              reach_count {int} NOT NULL, account_count {int} NOT NULL, ended_at_ms {int},
              PRIMARY KEY (org_id, what_if_id)) {table}
            """,
            """
            CREATE TABLE what_if_account (org_id {id} NOT NULL, what_if_id {id} NOT NULL, account_id {id} NOT NULL,
              outcome {text}, PRIMARY KEY (org_id, what_if_id, account_id)) {keyed_table}
            """,
        ])

    private static let columns =
        """
        what_if_id, asked, tariff, asked_by, asked_at_ms, reach_count, account_count, ended_at_ms,
        (SELECT COUNT(*) FROM what_if_account a WHERE a.org_id = what_if.org_id AND a.what_if_id = what_if.what_if_id
          AND a.outcome IS NOT NULL)
        """

    private static func decode(_ row: any SQLRow) throws -> WhatIf {
        WhatIf(
            whatIfID: try row.int(0),
            asked: try JSONDecoder().decode(WhatIfAsked.self, from: Data(try row.text(1).utf8)),
            text: try row.text(2), askedBy: try row.int(3), askedAtMs: try row.int(4), reachCount: try row.int(5),
            accountCount: try row.int(6), doneCount: try row.int(8), endedAtMs: try row.optionalInt(7))
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    public static func find(
        _ whatIfID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> WhatIf {
        let found =
            scope.isWholeCompany
            ? try transaction.first(
                "SELECT \(columns) FROM what_if WHERE org_id = $1 AND what_if_id = $2",
                [.int(scope.orgID), .int(whatIfID)], decode) : nil
        guard let found else { throw Refusal(.notFound, "There is no such what-if.") }
        return found
    }

    /// Newest first.
    public static func list(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [WhatIf] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            "SELECT \(columns) FROM what_if WHERE org_id = $1 ORDER BY what_if_id DESC LIMIT $2",
            [.int(scope.orgID), .int(limit)], decode)
    }

    /// The oldest that is not done.
    static func next(_ whatIfID: Int64?, _ scope: Scope, in transaction: any SQLTransaction) throws -> WhatIf? {
        try transaction.first(
            """
            SELECT \(columns) FROM what_if WHERE org_id = $1 AND ended_at_ms IS NULL AND (what_if_id = $2 OR $2 = 0)
            ORDER BY what_if_id LIMIT 1
            """, [.int(scope.orgID), .int(whatIfID ?? 0)], decode)
    }

    /// Whether any is not done.
    public static func isAnyOpen(_ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        try next(nil, scope, in: transaction) != nil
    }

    static func waiting(
        _ whatIfID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT account_id FROM what_if_account WHERE org_id = $1 AND what_if_id = $2 AND outcome IS NULL
            ORDER BY account_id LIMIT $3
            """, [.int(scope.orgID), .int(whatIfID), .int(limit)]
        ) { try $0.int(0) }
    }

    /// Ends the what-if when none waits any more.
    static func store(
        _ outcomes: [(accountID: Int64, outcome: WhatIfOutcome)], whatIfID: Int64, nowMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        for (accountID, outcome) in outcomes {
            try transaction.run(
                """
                UPDATE what_if_account SET outcome = $4 WHERE org_id = $1 AND what_if_id = $2 AND account_id = $3
                """, [.int(scope.orgID), .int(whatIfID), .int(accountID), .text(try json(outcome))])
        }
        if try waiting(whatIfID, limit: 1, scope, in: transaction).isEmpty {
            try transaction.run(
                "UPDATE what_if SET ended_at_ms = $3 WHERE org_id = $1 AND what_if_id = $2 AND ended_at_ms IS NULL",
                [.int(scope.orgID), .int(whatIfID), .int(nowMs)])
        }
    }

    /// What is known so far, in order of account number.
    public static func outcomes(
        _ whatIfID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [WhatIfReport.Row] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            """
            SELECT s.account_id, s.account_number, a.outcome FROM what_if_account a
            JOIN supply_account s ON s.org_id = a.org_id AND s.account_id = a.account_id
            WHERE a.org_id = $1 AND a.what_if_id = $2 AND a.outcome IS NOT NULL ORDER BY s.account_number
            """, [.int(scope.orgID), .int(whatIfID)]
        ) { row in
            WhatIfReport.Row(
                accountID: try row.int(0), number: try row.text(1),
                outcome: try JSONDecoder().decode(WhatIfOutcome.self, from: Data(try row.text(2).utf8)))
        }
    }
}

/// What is priced: a draft as it stands, or a published version.
public enum WhatIfSubject: Sendable, Equatable {
    case draft(Int64)
    /// The latest version when nil.
    case pack(String, version: Int64?)
}

/// Asks for a what-if. Nothing is posted by it.
public struct AskWhatIf: Command {
    public static let name = "rating.ask-what-if"
    public static let permissions: [Permission] = [.draftPacks, .approvePacks]
    public var subject: WhatIfSubject
    public var asked: WhatIfAsked
    /// Sent twice it is one.
    public var request: String?
    public init(_ subject: WhatIfSubject, _ asked: WhatIfAsked, request: String? = nil) {
        (self.subject, self.asked, self.request) = (subject, asked, request)
    }
    public var key: String? { request.map { "\(Self.name) \($0)" } }
    public var content: String { "\(subject) \((try? WhatIf.json(asked)) ?? "")" }
    public var subjectID: Int64 { 0 }

    /// - Returns: the what-if.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        guard scope.isWholeCompany else { throw Refusal(.forbidden, "Packs are a matter of the whole company.") }
        let today = try Org.find(context.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let months = try asked.months(today: today)
        guard (1...WhatIfAsked.accountsMax).contains(asked.sample) else {
            throw Refusal(
                .invalid, "A sample has 1 to \(WhatIfAsked.accountsMax) consumers.", hint: "Take fewer.",
                at: "sample")
        }
        var asked = asked
        let text = try subjectText(&asked, scope, in: transaction)
        let tariff = try PackCheck.read(text, scope, in: transaction)
        if asked.against != WhatIfAsked.present {
            let other = try Packs.book(asked.against, scope, in: transaction).tariffs[0]
            guard other.currency == tariff.currency, other.minorDigits == tariff.minorDigits else {
                throw Refusal(
                    .invalid, "The two packs have different currencies.", hint: "Compare packs of one currency.",
                    at: "against")
            }
        }
        let reached = try reached(months, scope, in: transaction)
        guard !reached.isEmpty else {
            throw Refusal(
                .invalid, "No consumer was supplied in these months.", hint: "Take other months, or more consumers.",
                at: "account")
        }
        let sample = min(asked.sample, reached.count)
        let chosen = (0..<sample).map { reached[$0 * reached.count / sample] }
        let whatIfID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO what_if (org_id, what_if_id, asked, tariff, asked_by, asked_at_ms, reach_count, account_count)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .int(scope.orgID), .int(whatIfID), .text(try WhatIf.json(asked)), .text(text),
                .int(context.actor.loginID), .int(context.businessNowMs), .int(reached.count), .int(sample),
            ])
        try transaction.runMany(
            "INSERT INTO what_if_account (org_id, what_if_id, account_id) VALUES ($1, $2, $3)",
            chosen.map { [.int(scope.orgID), .int(whatIfID), .int($0)] })
        try forgetOld(scope, in: transaction)
        context.changed(.company, "what_if \(whatIfID)", from: nil, to: "\(asked.subject) for \(sample) consumers")
        return whatIfID
    }

    private func subjectText(
        _ asked: inout WhatIfAsked, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> String {
        switch subject {
        case .draft(let draftID):
            asked.subject = "draft \(draftID)"
            return try PackDraft.find(draftID, scope, in: transaction).text
        case .pack(let packID, let version):
            let version = try version ?? Int64(Packs.book(packID, scope, in: transaction).tariffs.last?.version ?? 0)
            guard let text = try PackShelf.text(of: packID, version: version, scope, in: transaction) else {
                throw Refusal(
                    .notFound, "There is no tariff \(packID) of version \(version).",
                    hint: "Packs of the simple form can be compared against, not tried.", at: "pack")
            }
            asked.subject = "\(packID)@\(version)"
            return text
        }
    }

    /// The consumers asked for who were supplied in some of the months, in order of id.
    private func reached(
        _ months: ClosedRange<CivilMonth>, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        var scope = scope
        if let placeID = asked.placeID {
            _ = try Place.find(placeID, scope, in: transaction)
            scope.placeIDs = [placeID]
        }
        var parameters: [SQLValue] = [
            .int(scope.orgID), .day(months.lowerBound.first), .day(months.upperBound.last),
        ]
        var filter = ""
        if let number = asked.account {
            guard try SupplyAccount.find(number: number, scope, in: transaction) != nil else {
                throw Refusal(.notFound, "There is no account of this number.", at: "account")
            }
            parameters.append(.text(number))
            filter += " AND account_number = $\(parameters.count)"
        }
        if let category = asked.category {
            try SupplyAccount.proveCategory(category, at: "category", orgID: scope.orgID, in: transaction)
            parameters.append(.text(category))
            filter += " AND category = $\(parameters.count)"
        }
        if let pack = asked.heldPack {
            parameters.append(.text(pack))
            filter += """
                 AND EXISTS (SELECT 1 FROM subscription s WHERE s.org_id = supply_account.org_id
                  AND s.account_id = supply_account.account_id AND s.pack_id = $\(parameters.count)
                  AND s.state NOT IN ('draft', 'rejected') AND s.from_day <= $3
                  AND (s.to_day IS NULL OR s.to_day >= $2))
                """
        }
        filter += SupplyAccount.scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT account_id FROM supply_account WHERE org_id = $1 AND opened_day <= $3
              AND (closed_day IS NULL OR closed_day >= $2)\(filter) ORDER BY account_id
            """, parameters
        ) { try $0.int(0) }
    }

    private func forgetOld(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let oldest =
            try transaction.query(
                "SELECT what_if_id FROM what_if WHERE org_id = $1 ORDER BY what_if_id DESC LIMIT $2",
                [.int(scope.orgID), .int(WhatIf.keptMax)]
            ) { try $0.int(0) }.last ?? 0
        for table in ["what_if_account", "what_if"] {
            try transaction.run(
                "DELETE FROM \(table) WHERE org_id = $1 AND what_if_id < $2", [.int(scope.orgID), .int(oldest)])
        }
    }
}
