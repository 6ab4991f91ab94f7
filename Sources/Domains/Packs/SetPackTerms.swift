// Enters a file of terms of sale: all of it or nothing, every error with its line. What is in force never changes.
import Access
import CivilTime
import Foundation
import Grid
import SQL
import Subscriptions
import Tariffs

public struct SetPackTerms: Command {
    public static let name = "packs.set-terms"
    public static let permissions: [Permission] = [.manageSettings]
    public static let bytesMax = 500_000

    public let file: PackTermsFile
    let name: String

    /// - Parameter name: of the file, as errors say it.
    /// - Throws: ``Refusal`` `invalid` at `file:line`.
    public init(_ bytes: [UInt8], name: String) throws {
        do throws(TariffError) {
            file = try PackTermsFile.read(bytes, file: name)
        } catch {
            throw Refusal(error)
        }
        self.name = name
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        let words =
            file.sellers.map { "\($0.name)/\($0.from)" } + file.entries.map { "\($0.pack)/\($0.from)" }
        return "terms=\(words.joined(separator: " ").prefix(2_000))"
    }

    /// How many rows were new.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "The terms of packs belong to the whole company.")
        }
        let today = try Org.find(scope.orgID, in: transaction).zone.day(atS: context.businessNowMs / 1000)
        let places = try Place.all(scope, in: transaction)
        var taken = 0
        for seller in file.sellers {
            taken += try take(seller, places, today, in: transaction, context) ? 1 : 0
        }
        for entry in file.entries {
            taken += try take(entry, today, in: transaction, context) ? 1 : 0
        }
        // Terms that contradict one another are found here, before anything is kept.
        do {
            _ = try PackOffers(scope, in: transaction)
        } catch let error as TariffError {
            throw Refusal(error)
        }
        return taken
    }

    private func refusal(_ line: Int, _ code: Refusal.Code, _ message: String, hint: String) -> Refusal {
        Refusal(code, message, hint: hint, at: "\(name):\(line)")
    }

    private func take(
        _ seller: PackTermsFile.Seller, _ places: [Place], _ today: CivilDay, in transaction: any SQLTransaction,
        _ context: CommandContext
    ) throws -> Bool {
        if seller.name.contains(":") {
            do {
                _ = try GridNode.find(named: seller.name, at: "seller", context.actor.scope, in: transaction)
            } catch let found as Refusal {
                throw refusal(seller.line, found.code, found.message, hint: found.hint)
            }
        }
        let ids = try seller.places.map { words in
            try Set(
                words.map { word in
                    let found = places.filter { String($0.placeID) == word || $0.name == word }
                    guard let place = found.first, found.count == 1 else {
                        throw refusal(
                            seller.line, .notFound,
                            found.isEmpty ? "There is no place \(word)." : "Several places are named \(word).",
                            hint: "`busbar place list` shows their numbers.")
                    }
                    return place.placeID
                }
            ).sorted().map { String($0) }.joined(separator: " ")
        }
        return try keep(
            ids ?? "all", in: Row(table: "seller_place", column: "places", key: "seller", name: seller.name),
            seller.from, line: seller.line, today, transaction, context)
    }

    private func take(
        _ entry: PackTermsFile.Entry, _ today: CivilDay, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws -> Bool {
        let org = SQLValue.int(context.orgID)
        let kind = try transaction.first(
            "SELECT kind FROM pack WHERE org_id = $1 AND pack_id = $2 LIMIT 1", [org, .text(entry.pack)]
        ) { try $0.text(0) }
        guard let kind else {
            throw refusal(
                entry.line, .notFound, "There is no pack \(entry.pack).", hint: "Store the pack before its terms.")
        }
        if kind == PackKind.addOn.rawValue, entry.terms.breakPPM > 0 {
            throw refusal(
                entry.line, .invalid, "An add-on has no contract to break.", hint: "Leave breakPercent out.")
        }
        let stored = try PackOffers.storedTerms(of: entry.pack, context.actor.scope, in: transaction)
        if let other = stored.first?.terms.seller, other != entry.terms.seller {
            throw refusal(
                entry.line, .conflict, "\(entry.pack) is sold by \(other).",
                hint: "A pack has one seller; make another pack for another seller.")
        }
        if entry.terms.seller != SaleTerms.ownSeller {
            let known = try transaction.first(
                "SELECT 1 FROM seller_place WHERE org_id = $1 AND seller = $2 LIMIT 1",
                [org, .text(entry.terms.seller)]
            ) { try $0.int(0) }
            guard known != nil else {
                throw refusal(
                    entry.line, .invalid, "It is not said which places \(entry.terms.seller) serves.",
                    hint: "Name the seller under sellers, with its places or all.")
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return try keep(
            String(decoding: try encoder.encode(entry.terms), as: UTF8.self),
            in: Row(table: "pack_terms", column: "terms", key: "pack_id", name: entry.pack), entry.from,
            line: entry.line, today, transaction, context)
    }

    /// Where a dated text stands.
    private struct Row {
        var table: String
        var column: String
        var key: String
        var name: String
    }

    /// Writes what begins on a day. What began is never changed, and nothing is put before what began.
    private func keep(
        _ text: String, in row: Row, _ from: CivilDay, line: Int, _ today: CivilDay,
        _ transaction: any SQLTransaction, _ context: CommandContext
    ) throws -> Bool {
        let org = SQLValue.int(context.orgID)
        let known = try transaction.query(
            "SELECT from_day, \(row.column) FROM \(row.table) WHERE org_id = $1 AND \(row.key) = $2",
            [org, .text(row.name)]
        ) { (try $0.day(0), try $0.text(1)) }
        let same = known.first { $0.0 == from }
        if same?.1 == text { return false }
        if from <= today, let first = known.map(\.0).min(), first <= today {
            throw refusal(
                line, .conflict, "What holds for \(row.name) up to today cannot be changed any more.",
                hint: "Give a day from \(today.advanced(by: 1)) on.")
        }
        try transaction.run(
            """
            INSERT INTO \(row.table) (org_id, \(row.key), from_day, \(row.column)) VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, \(row.key), from_day) DO UPDATE SET \(row.column) = excluded.\(row.column)
            """, [org, .text(row.name), .day(from), .text(text)])
        context.changed(.company, "terms of \(row.name) from \(from)", from: same?.1, to: text)
        return true
    }
}
