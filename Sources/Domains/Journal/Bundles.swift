// The postings of a large entry, many in a row: sorted by account, those of neighbours together, as text that any
// database reads. Writes and reads such rows; knows no balance. The view `book_posting` shows every posting.
import Access
import CivilTime
import SQL

extension JournalSchema {
    /// `legs` holds the paise of each line by account id − 4096 · account_range, in order of account:
    /// `{"5":{"17":500},"9":{"2":7,"3":-7}}`.
    static let bundles = Migration(
        71, .money, "postings in bundles",
        [
            """
            CREATE TABLE posting_bundle (org_id {id} NOT NULL, account_range {int} NOT NULL, entry_id {id} NOT NULL,
              part {int} NOT NULL, kind {text} NOT NULL, supply_day {int}, revision {int}, estimated {flag} NOT NULL,
              first_account_id {id} NOT NULL, last_account_id {id} NOT NULL, legs {text} NOT NULL,
              PRIMARY KEY (org_id, account_range, entry_id, part),
              FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry (org_id, entry_id)) {table}
            """,
            "CREATE INDEX posting_bundle_entry ON posting_bundle (org_id, entry_id)",
            """
            CREATE TABLE journal_unsettled (org_id {id} NOT NULL, entry_id {id} NOT NULL, legs {int} NOT NULL,
              PRIMARY KEY (org_id, entry_id),
              FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry (org_id, entry_id)) {keyed_table}
            """,
            """
            CREATE VIEW book_posting AS
            SELECT org_id, entry_id, line, journal_account_id, amount_paise, kind, supply_day, revision, estimated
            FROM posting UNION ALL
            SELECT b.org_id, b.entry_id, CAST(leg.key AS BIGINT), b.account_range * 4096 + CAST(account.key AS BIGINT),
              CAST(leg.value AS BIGINT), b.kind, b.supply_day, b.revision, b.estimated
            FROM posting_bundle b CROSS JOIN {json_each}(CAST(b.legs AS {json})) account
            CROSS JOIN {json_each}(account.value) leg
            """,
            """
            CREATE VIEW book_unsettled AS
            SELECT b.org_id, b.account_range * 4096 + CAST(account.key AS BIGINT) AS journal_account_id,
              CAST(leg.value AS BIGINT) AS debit_paise, b.estimated * CAST(leg.value AS BIGINT) AS estimated_paise
            FROM journal_unsettled u CROSS JOIN posting_bundle b
            CROSS JOIN {json_each}(CAST(b.legs AS {json})) account CROSS JOIN {json_each}(account.value) leg
            WHERE b.org_id = u.org_id AND b.entry_id = u.entry_id
            """,
            """
            CREATE VIEW book_balance AS
            SELECT org_id, journal_account_id, CAST(SUM(debit_balance_paise) AS BIGINT) AS debit_balance_paise,
              CAST(SUM(estimated_paise) AS BIGINT) AS estimated_paise
            FROM (SELECT org_id, journal_account_id, debit_balance_paise, estimated_paise FROM journal_balance
              UNION ALL SELECT org_id, journal_account_id, debit_balance_paise, estimated_paise
              FROM journal_chart_balance
              UNION ALL SELECT org_id, journal_account_id, debit_paise, estimated_paise FROM book_unsettled) steps
            GROUP BY org_id, journal_account_id
            """,
        ])
}

/// Rows of `posting_bundle`: legs of neighbouring accounts that are alike but for account and amount.
enum Bundles {
    /// Entries of fewer legs have a row of `posting` each.
    static let legsMin = 256

    /// Accounts with the same number are neighbours: ids made in the same millisecond by the same process.
    static func range(of accountID: Int64) -> Int64 { accountID >> 12 }

    private struct Place {
        var accountID: Int64
        var group: Int
        var line: Int
    }

    static func insert(
        _ legs: [Leg], entryID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let (places, groups) = sorted(legs)
        var rows: [[SQLValue]] = []
        var (start, part, lastRange) = (0, Int64(0), Int64.min)
        while start < places.count {
            let number = range(of: places[start].accountID)
            let group = places[start].group
            var end = start
            while end < places.count, places[end].group == group, range(of: places[end].accountID) == number {
                end += 1
            }
            let text = text(of: places[start..<end], legs, base: number << 12)
            part = number == lastRange ? part + 1 : 0
            lastRange = number
            let like = groups[group]
            rows.append([
                .int(scope.orgID), .int(number), .int(entryID), .int(part), .text(like.kind.rawValue),
                .optional(like.supplyDay.map { Int64($0.number) }), .optional(like.revision), .flag(like.estimated),
                .int(places[start].accountID), .int(places[end - 1].accountID),
                .text(text),
            ])
            start = end
        }
        try transaction.runMany(
            """
            INSERT INTO posting_bundle (org_id, account_range, entry_id, part, kind, supply_day, revision, estimated,
              first_account_id, last_account_id, legs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """, rows)
    }

    private static func text(of places: ArraySlice<Place>, _ legs: [Leg], base: Int64) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(24 * places.count)
        var last: Int64?
        for place in places {
            if place.accountID == last {
                text.append(",")
            } else {
                text.append(last == nil ? "{\"" : "},\"")
                text.append(decimal: place.accountID - base)
                text.append("\":{")
                last = place.accountID
            }
            text.append("\"")
            text.append(decimal: Int64(place.line + 1))
            text.append("\":")
            text.append(decimal: legs[place.line].amountPaise)
        }
        text.append("}}")
        return String(decoding: text, as: UTF8.self)
    }

    /// The legs by range, kind of group, account and line; and one leg of each group.
    private static func sorted(_ legs: [Leg]) -> ([Place], [Leg]) {
        var groups: [Leg] = []
        var last = 0
        var places: [Place] = []
        places.reserveCapacity(legs.count)
        func alike(_ one: Leg, _ other: Leg) -> Bool {
            one.kind == other.kind && one.supplyDay == other.supplyDay && one.revision == other.revision
                && one.estimated == other.estimated
        }
        for (line, leg) in legs.enumerated() {
            if groups.isEmpty || !alike(groups[last], leg) {
                last = groups.firstIndex { alike($0, leg) } ?? groups.count
                if last == groups.count { groups.append(leg) }
            }
            places.append(Place(accountID: leg.journalAccountID, group: last, line: line))
        }
        places.sort { one, other in
            let (oneRange, otherRange) = (range(of: one.accountID), range(of: other.accountID))
            if oneRange != otherRange { return oneRange < otherRange }
            if one.group != other.group { return one.group < other.group }
            return one.accountID == other.accountID ? one.line < other.line : one.accountID < other.accountID
        }
        return (places, groups)
    }

    static let columns = "p.account_range, p.kind, p.supply_day, p.revision, p.estimated, p.legs"

    /// The legs of a row in order of account.
    /// - Parameters:
    ///   - column: the first of ``columns``.
    ///   - accountID: only those of this account.
    static func legs(
        _ row: any SQLRow, from column: Int, ofAccount accountID: Int64? = nil
    ) throws -> [(line: Int64, leg: Leg)] {
        let base = try row.int(column) << 12
        let like = Leg(
            0, 0, PostingKind(rawValue: try row.text(column + 1)) ?? .adjustment,
            supplyDay: try row.optionalDay(column + 2), revision: try row.optionalInt(column + 3),
            estimated: try row.flag(column + 4))
        var text = try row.text(column + 5)
        var legs: [(line: Int64, leg: Leg)] = []
        try text.withUTF8 { bytes in
            var numbers = Numbers(bytes: bytes)
            while let offset = numbers.next() {
                if let accountID, base + offset > accountID { return }
                repeat {
                    guard let line = numbers.next(), let amountPaise = numbers.next() else {
                        throw SQLError(.corrupt, "a bundle of postings ends within a posting")
                    }
                    if let accountID, base + offset != accountID { continue }
                    var leg = like
                    (leg.journalAccountID, leg.amountPaise) = (base + offset, amountPaise)
                    legs.append((line, leg))
                } while !numbers.isAtEndOfAccount
            }
        }
        return legs
    }

    /// Whole numbers, one after the other, whatever stands between them.
    private struct Numbers {
        let bytes: UnsafeBufferPointer<UInt8>
        var place = 0

        /// Right behind a number.
        var isAtEndOfAccount: Bool { place >= bytes.count || bytes[place] == UInt8(ascii: "}") }

        mutating func next() -> Int64? {
            func digit(_ place: Int) -> UInt8? {
                guard place < bytes.count else { return nil }
                let digit = bytes[place] &- UInt8(ascii: "0")
                return digit < 10 ? digit : nil
            }
            while place < bytes.count, digit(place) == nil { place += 1 }
            guard place < bytes.count else { return nil }
            let isNegative = place > 0 && bytes[place - 1] == UInt8(ascii: "-")
            // Below zero, where there is one number more.
            var number: Int64 = 0
            while let digit = digit(place) {
                number = number &* 10 &- Int64(digit)
                place += 1
            }
            return isNegative ? number : 0 &- number
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// As `String(number)` is written.
    mutating func append(decimal number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var (rest, first) = (number.magnitude, count)
        repeat {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        var last = count - 1
        while first < last {
            swapAt(first, last)
            (first, last) = (first + 1, last - 1)
        }
    }
}
