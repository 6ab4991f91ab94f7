// Consumers' supply accounts: the number that lives as long as the connection does.
import Access
import CivilTime
import Grid
import SQL

public enum AccountsSchema {
    public static let migrations = [
        Migration(
            3, .money, "accounts",
            [
                """
                CREATE TABLE supply_account (org_id {id} NOT NULL, account_id {id} NOT NULL,
                  account_number {text} NOT NULL,
                  name {text} NOT NULL, category {text} NOT NULL, place_id {id} NOT NULL, sanctioned_w {int} NOT NULL,
                  language {text} NOT NULL, opened_day {int} NOT NULL, closed_day {int},
                  PRIMARY KEY (org_id, account_id)) {table}
                """,
                "CREATE UNIQUE INDEX supply_account_number ON supply_account (org_id, account_number)",
            ]),
        conversions,
    ]
}

public struct SupplyAccount: Sendable, Equatable {
    public var accountID: Int64
    /// Lifelong, printed on everything: `BB-000123`.
    public var accountNumber: String
    public var name: String
    /// `domestic`, `commercial`, …: packs are limited to categories.
    public var category: String
    public var placeID: Int64
    public var sanctionedW: Int64
    public var language: String
    public var openedDay: CivilDay
    public var closedDay: CivilDay?

    public init(
        accountID: Int64, accountNumber: String, name: String, category: String, placeID: Int64, sanctionedW: Int64,
        language: String, openedDay: CivilDay, closedDay: CivilDay? = nil
    ) {
        self.accountID = accountID
        self.accountNumber = accountNumber
        self.name = name
        self.category = category
        self.placeID = placeID
        self.sanctionedW = sanctionedW
        self.language = language
        self.openedDay = openedDay
        self.closedDay = closedDay
    }

    private static let columns =
        "account_id, account_number, name, category, place_id, sanctioned_w, language, opened_day, closed_day"

    private static func decode(_ row: any SQLRow) throws -> SupplyAccount {
        SupplyAccount(
            accountID: try row.int(0), accountNumber: try row.text(1), name: try row.text(2), category: try row.text(3),
            placeID: try row.int(4), sanctionedW: try row.int(5), language: try row.text(6), openedDay: try row.day(7),
            closedDay: try row.optionalDay(8))
    }

    /// Adds the account. Adding it again changes nothing.
    public func create(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO supply_account (org_id, account_id, account_number, name, category, place_id, sanctioned_w,
              language, opened_day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(accountID), .text(accountNumber), .text(name), .text(category), .int(placeID),
                .int(sanctionedW), .text(language), .day(openedDay),
            ])
    }

    /// The account, when it lies in the scope; otherwise the same refusal as for one that does not exist.
    public static func find(_ accountID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> SupplyAccount
    {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(accountID)]
        let filter = scopeFilter(scope, &parameters)
        let found = try transaction.first(
            "SELECT \(columns) FROM supply_account WHERE org_id = $1 AND account_id = $2\(filter)", parameters, decode)
        guard let found else { throw notFound }
        return found
    }

    public static let notFound = Refusal(
        .notFound, "There is no such account.", hint: "Check the number, or ask who may see it.")

    /// Those of the accounts that there are and that lie in the scope.
    public static func inReach(_ accountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction) throws
        -> Set<Int64>
    {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let filter = scopeFilter(scope, &parameters)
        return Set(
            try transaction.queryEach(
                "SELECT account_id FROM supply_account WHERE org_id = $1 AND account_id = $each\(filter)", parameters,
                accountIDs.map { .int($0) }
            ) { try $0.int(0) })
    }

    /// Every category that an account of the company is of, in order.
    public static func categories(orgID: Int64, in transaction: any SQLTransaction) throws -> [String] {
        try transaction.query(
            "SELECT DISTINCT category FROM supply_account WHERE org_id = $1 ORDER BY category", [.int(orgID)]
        ) { try $0.text(0) }
    }

    /// - Throws: ``Refusal`` `notFound` for a category that nobody is of: a misspelt name would find nobody, unseen.
    public static func proveCategory(
        _ name: String, at field: String, orgID: Int64, in transaction: any SQLTransaction
    ) throws {
        let known = try categories(orgID: orgID, in: transaction)
        guard !known.contains(name) else { return }
        throw Refusal(
            .notFound, "No consumer is of the category \(name.prefix(60)).",
            hint: known.isEmpty ? "There are none yet." : "There are: \(known.prefix(20).joined(separator: ", ")).",
            at: field)
    }

    public static func find(number: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> SupplyAccount?
    {
        var parameters: [SQLValue] = [.int(scope.orgID), .text(number)]
        let filter = scopeFilter(scope, &parameters)
        return try transaction.first(
            "SELECT \(columns) FROM supply_account WHERE org_id = $1 AND account_number = $2\(filter)", parameters,
            decode)
    }

    /// Accounts after a number, in order of number; `prefix` of the number or nothing.
    public static func page(
        after: String, prefix: String, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [SupplyAccount] {
        // U+10FFFF closes the range of everything that begins with the prefix.
        var parameters: [SQLValue] = [
            .int(scope.orgID), .text(after), .text(prefix), .text(prefix + "\u{10FFFF}"), .int(limit),
        ]
        let filter = scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM supply_account WHERE org_id = $1 AND account_number > $2
              AND account_number >= $3 AND account_number < $4\(filter)
            ORDER BY account_number LIMIT $5
            """, parameters, decode)
    }

    /// The accounts with these ids that lie in the scope, at most a few hundred, in order of number.
    public static func of(_ accountIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [SupplyAccount]
    {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let marks = parameters.bind(accountIDs)
        let filter = scopeFilter(scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM supply_account WHERE org_id = $1 AND account_id IN (\(marks))\(filter)
            ORDER BY account_number
            """, parameters, decode)
    }

    /// The place of every account of the scope.
    public static func places(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Int64: Int64] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let filter = scopeFilter(scope, &parameters)
        let rows = try transaction.query(
            "SELECT account_id, place_id FROM supply_account WHERE org_id = $1\(filter)", parameters
        ) { (try $0.int(0), try $0.int(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    public static func count(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let filter = scopeFilter(scope, &parameters)
        return try transaction.first(
            "SELECT COUNT(*) FROM supply_account WHERE org_id = $1\(filter)", parameters
        ) { try $0.int(0) } ?? 0
    }

    /// ` AND …` for statements on `supply_account` whose `$1` is the company.
    public static func scopeFilter(_ scope: Scope, _ parameters: inout [SQLValue]) -> String {
        var filter = Place.filter("supply_account.place_id", scope, &parameters)
        if let accountID = scope.accountID {
            parameters.append(.int(accountID))
            filter += " AND supply_account.account_id = $\(parameters.count)"
        }
        return filter
    }
}
