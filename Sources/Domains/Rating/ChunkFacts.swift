// What is stored of the accounts of a chunk of a rating run, read at once. Prices and writes nothing.
import Access
import Accounts
import CivilTime
import MeterData
import Meters
import Packs
import SQL

/// What of an account its price and its way of delivery depend on.
struct SupplyTerms: Sendable {
    var accountID: Int64
    var placeID: Int64
    var sanctionedW: Int64
    var closedDay: CivilDay?
}

extension SupplyTerms {
    init(_ account: SupplyAccount) {
        self.init(
            accountID: account.accountID, placeID: account.placeID, sanctionedW: account.sanctionedW,
            closedDay: account.closedDay)
    }
}

struct ChunkFacts {
    private(set) var held: [Int64: HeldPacks] = [:]
    /// Of the days that are looked at.
    private(set) var charges: [Int64: [CivilDay: Charge]] = [:]
    /// Of the day before them.
    private var ends: [Int64: Charge.End] = [:]
    private(set) var aside: [Int64: Set<CivilDay>] = [:]
    private var installations: [Int64: [Installation]] = [:]
    private var accounts: [Int64: SupplyTerms] = [:]

    /// Every account that any of the meters serves on the days.
    private(set) var accountIDs: Set<Int64> = []

    init(
        _ blocks: [StoredBlock], _ month: CivilMonth, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        let fromDay = blocks.map(\.day).min() ?? month.first
        let meterIDs = Set(blocks.map(\.meterID)).sorted()
        // Some thousands of meters at a time: databases bound the values of a statement.
        for part in stride(from: 0, to: meterIDs.count, by: Rater.chunkSize) {
            let some = Array(meterIDs[part..<min(part + Rater.chunkSize, meterIDs.count)])
            try readAccounts(some, from: fromDay, to: month.last, scope, transaction)
            aside.merge(
                try RatingRefusal.days(meterIDs: some, from: fromDay, to: month.last, scope, in: transaction)
            ) { $1 }
        }
        let all = accountIDs.sorted()
        for part in stride(from: 0, to: all.count, by: Rater.chunkSize) {
            let some = Array(all[part..<min(part + Rater.chunkSize, all.count)])
            held.merge(try HeldPacks.of(some, scope, in: transaction)) { $1 }
            charges.merge(
                try Charge.current(
                    accountIDs: some, from: fromDay, to: month.last, scope, in: transaction)
            ) { $1 }
            ends.merge(
                try Charge.ends(accountIDs: some, on: fromDay.advanced(by: -1), scope, in: transaction)
            ) { $1 }
        }
    }

    /// Whom the meters serve, and on what terms.
    private mutating func readAccounts(
        _ meterIDs: [Int64], from: CivilDay, to: CivilDay, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws {
        var parameters: [SQLValue] = [.int(scope.orgID), .day(from), .day(to)]
        let marks = parameters.bind(meterIDs)
        let rows = try transaction.query(
            """
            SELECT i.meter_id, i.account_id, i.from_day, i.to_day, a.place_id, a.sanctioned_w, a.closed_day
            FROM installation i LEFT JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            WHERE i.org_id = $1 AND i.meter_id IN (\(marks)) AND i.from_day <= $3
              AND (i.to_day IS NULL OR i.to_day >= $2) ORDER BY i.meter_id, i.from_day
            """, parameters
        ) { row -> (Installation, SupplyTerms?) in
            let accountID = try row.int(1)
            let terms = try row.optionalInt(4).map { placeID in
                SupplyTerms(
                    accountID: accountID, placeID: placeID, sanctionedW: try row.int(5),
                    closedDay: try row.optionalDay(6))
            }
            return (
                Installation(
                    meterID: try row.int(0), accountID: accountID, fromDay: try row.day(2),
                    toDay: try row.optionalDay(3)), terms
            )
        }
        for (installation, terms) in rows {
            installations[installation.meterID, default: []].append(installation)
            accountIDs.insert(installation.accountID)
            if let terms { accounts[terms.accountID] = terms }
        }
    }

    func accountID(of block: StoredBlock) -> Int64? {
        installations[block.meterID]?.last {
            $0.fromDay <= block.day && $0.toDay.map { block.day <= $0 } != false
        }?.accountID
    }

    /// - Throws: ``Refusal`` where the meter serves an account that is not there.
    func terms(of accountID: Int64, _ scope: Scope, _ transaction: any SQLTransaction) throws -> SupplyTerms {
        try accounts[accountID] ?? SupplyTerms(SupplyAccount.find(accountID, scope, in: transaction))
    }

    /// How the last charged day before a day ended.
    func last(
        _ accountID: Int64, before day: CivilDay, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> Charge.End? {
        if let near = charges[accountID]?.filter({ $0.key < day }).max(by: { $0.key < $1.key }) {
            return near.value.end
        }
        return try ends[accountID]
            ?? Charge.last(accountID: accountID, before: day, scope, in: transaction)?.end
    }
}
