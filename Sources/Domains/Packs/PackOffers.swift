// The terms under which stored packs are sold, as one book for the rules of subscriptions. Reads only; a pack without
// terms is the company's own, begins the next day and is served everywhere.
import Access
import Accounts
import CivilTime
import Foundation
import Grid
import SQL
import Subscriptions
import Tariffs

/// All that is sold, read once; it answers for any place and day.
public struct PackOffers: Sendable {
    /// Terms of a pack from a day on, as stored.
    public struct Stored: Sendable, Equatable {
        public var packID: String
        public var fromDay: CivilDay
        public var terms: SaleTerms

        public init(packID: String, fromDay: CivilDay, terms: SaleTerms) {
            (self.packID, self.fromDay, self.terms) = (packID, fromDay, terms)
        }
    }

    public let stored: [Stored]
    /// Kind and first day of every stored pack.
    public let packs: [String: (kind: PackKind, firstDay: CivilDay)]
    private let bySeller: [String: [(fromDay: CivilDay, places: Set<Int64>?)]]
    private let book: PackBook

    public init(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let org = [SQLValue.int(scope.orgID)]
        let known = try transaction.query(
            "SELECT pack_id, kind, MIN(from_day) FROM pack WHERE org_id = $1 GROUP BY pack_id, kind", org
        ) { (try $0.text(0), PackKind(rawValue: try $0.text(1)) ?? .base, try $0.day(2)) }
        packs = Dictionary(known.map { ($0.0, (kind: $0.1, firstDay: $0.2)) }, uniquingKeysWith: { first, _ in first })
        stored = try Self.storedTerms(scope, in: transaction)
        let sellers = try transaction.query(
            "SELECT seller, from_day, places FROM seller_place WHERE org_id = $1 ORDER BY seller, from_day", org
        ) { (seller: try $0.text(0), fromDay: try $0.day(1), places: try $0.text(2)) }
        bySeller = Dictionary(grouping: sellers, by: \.seller).mapValues { rows in
            rows.map { row in
                (
                    fromDay: row.fromDay,
                    places: row.places == "all" ? nil : Set(row.places.split(separator: " ").compactMap { Int64($0) })
                )
            }
        }
        var all: [PackTerms] = []
        let termsOf = Dictionary(grouping: stored, by: \.packID)
        for (packID, pack) in packs.sorted(by: { $0.key < $1.key }) {
            all += Self.versions(packID, pack.kind, pack.firstDay, termsOf[packID] ?? [])
        }
        book = try PackBook(all, served: [:])
    }

    /// The terms as they were entered, in order of pack and day.
    /// - Parameter packID: of one pack alone.
    public static func storedTerms(
        of packID: String? = nil, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Stored] {
        try transaction.query(
            """
            SELECT pack_id, from_day, terms FROM pack_terms WHERE org_id = $1\(packID == nil ? "" : " AND pack_id = $2")
            ORDER BY pack_id, from_day
            """, [.int(scope.orgID)] + (packID.map { [.text($0)] } ?? [])
        ) { row in
            let text = try row.text(2)
            guard let terms = try? JSONDecoder().decode(SaleTerms.self, from: Data(text.utf8)) else {
                throw SQLError(.decode, "the terms of \(try row.text(0)) from \(try row.day(1)) cannot be read")
            }
            return Stored(packID: try row.text(0), fromDay: try row.day(1), terms: terms)
        }
    }

    /// Terms by the day from which they hold, never before the pack itself.
    private static func versions(
        _ packID: String, _ kind: PackKind, _ firstDay: CivilDay, _ stored: [Stored]
    ) -> [PackTerms] {
        let seller = stored.first?.terms.seller ?? SaleTerms.ownSeller
        var days = Set(stored.map { max($0.fromDay, firstDay) })
        days.insert(firstDay)
        return days.sorted().enumerated().map { index, day in
            let sale = stored.last { $0.fromDay <= day }?.terms ?? SaleTerms(seller: seller)
            var terms = PackTerms(id: packID, kind: kind == .base ? .base : .addOn, res: seller)
            terms.version = index + 1
            terms.validFrom = day
            terms.leadDays = sale.leadDays
            terms.months = kind == .base ? sale.months : sale.months ?? 1
            terms.renewsItself = sale.renewsItself || (kind == .addOn && sale.months == nil)
            terms.loadLimitW = sale.loadLimitW
            terms.reminderDays = sale.reminderDays
            terms.breakPPM = sale.breakPPM
            terms.breakMonths = sale.breakMonths
            terms.exportMilliPaisePerKWh = sale.exportMilliPaisePerKWh
            terms.fixedPaisePerMonth = sale.fixedPaisePerMonth
            // What a unit costs is the business of pricing; the life of a subscription never asks.
            terms.milliPaisePerKWh = ["all day": 0]
            return terms
        }
    }

    /// The terms of sale in force on a day, with those of a pack that has none.
    public func terms(of packID: String, on day: CivilDay) -> SaleTerms {
        let own = stored.filter { $0.packID == packID }
        return own.last { $0.fromDay <= day }?.terms
            ?? SaleTerms(seller: own.first?.terms.seller ?? SaleTerms.ownSeller)
    }

    /// Whether a seller serves a place, or one above it, on a day. Who has named no places serves all.
    public func serves(_ seller: String, _ places: Set<Int64>, on day: CivilDay) -> Bool {
        guard let rows = bySeller[seller], let row = rows.last(where: { $0.fromDay <= day }) else {
            return bySeller[seller] == nil
        }
        return row.places.map { !$0.isDisjoint(with: places) } ?? true
    }

    /// The book as it looks from the place of a history on a day.
    public func book(for stored: StoredHistory, on day: CivilDay) -> PackBook {
        var book = book
        let sellers = Set(packs.keys.compactMap { book.anyTerms($0)?.res })
        for seller in sellers where serves(seller, stored.places, on: day) {
            book.served[seller] = [stored.history.nma]
        }
        return book
    }

    /// What an account may apply for on a day: served at its place, sold then, and to its category.
    public func offered(to stored: StoredHistory, on day: CivilDay) -> [PackTerms] {
        packs.keys.sorted().compactMap { packID in
            guard let terms = book.terms(packID, on: day), serves(terms.res, stored.places, on: day),
                isFor(stored.account.category, packID, on: day)
            else { return nil }
            return terms
        }
    }

    /// Whether a pack is sold to a category of consumers.
    public func isFor(_ category: String, _ packID: String, on day: CivilDay) -> Bool {
        let categories = terms(of: packID, on: day).categories
        return categories.isEmpty || categories.contains(category)
    }

    /// The place and all above it.
    static func places(above placeID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Set<Int64> {
        let found = try transaction.query(
            "SELECT ancestor_id FROM place_path WHERE org_id = $1 AND place_id = $2",
            [.int(scope.orgID), .int(placeID)]
        ) { try $0.int(0) }
        return Set(found).union([placeID])
    }
}
