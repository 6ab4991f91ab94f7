// Prices of power exchanges as stored: nothing twice, and a price that changed is a new revision of its quarter of an
// hour, so that what was rated by the former one can be shown. Asks no exchange.
import Access
import CivilTime
import SQL
import Tariffs

public enum MarketPriceStore {
    /// Rows of one command: a month of one product has at most 2,976.
    public static let limit = 20_000

    /// The prices of a product from day to day, as they stood at a time; nil is now.
    public static func quarters(
        exchange: String, product: String, from: CivilDay, to: CivilDay, asOfMs: Int64? = nil, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> [MarketQuarter] {
        // In order of revision: the latest comes last and counts.
        try transaction.query(
            """
            SELECT day, slot, milli_per_kwh FROM market_price WHERE org_id = $1 AND exchange = $2 AND product = $3
              AND day >= $4 AND day <= $5 AND stored_at_ms <= $6 ORDER BY day, slot, revision
            """,
            [
                .int(scope.orgID), .text(exchange), .text(product), .day(from), .day(to), .int(asOfMs ?? .max),
            ]
        ) {
            MarketQuarter(
                exchange: exchange, product: product, day: try $0.day(0), slot: Int(try $0.int(1)),
                milliPerKWh: try $0.int(2))
        }
    }

    /// What the indexed components of some tariffs need from day to day; nil when they need none.
    public static func prices(
        for tariffs: [Tariff], from: CivilDay, to: CivilDay, asOfMs: Int64? = nil, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws -> MarketPrices? {
        let markets = Set(tariffs.flatMap(\.markets))
        guard !markets.isEmpty else { return nil }
        return MarketPrices(
            try markets.sorted { ($0.exchange, $0.product) < ($1.exchange, $1.product) }.flatMap {
                try quarters(
                    exchange: $0.exchange, product: $0.product, from: from, to: to, asOfMs: asOfMs, scope,
                    in: transaction)
            })
    }
}

extension MarketQuarter {
    fileprivate var market: Market { Market(exchange: exchange, product: product) }
}

/// Stores prices of exchanges. What is known already is left as it is.
public struct StoreMarketPrices: Command {
    public static let name = "packs.store-market-prices"
    public static let permissions: [Permission] = [.manageSettings]
    public var quarters: [MarketQuarter]
    /// The name that errors carry, with the line of the quarter.
    public var file: String
    /// Another price for a known quarter is a new revision of it, instead of a refusal.
    public var revises: Bool
    public init(_ quarters: [MarketQuarter], file: String, revises: Bool = false) {
        self.quarters = quarters
        self.file = file
        self.revises = revises
    }

    public struct Stored: Codable, Sendable, Equatable {
        public var new = 0
        public var revised = 0
        public var known = 0
        public init(new: Int = 0, revised: Int = 0, known: Int = 0) {
            self.new = new
            self.revised = revised
            self.known = known
        }
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "file=\(file) quarters=\(quarters.count) revises=\(revises)" }

    private struct Quarter: Hashable {
        var day: CivilDay
        var slot: Int
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Stored {
        let scope = context.actor.scope
        guard scope.isWholeCompany else { throw Refusal(.forbidden, "Prices belong to the whole company.") }
        let (stored, rows) = try plan(scope, in: transaction)
        try transaction.runMany(
            """
            INSERT INTO market_price (org_id, exchange, product, day, slot, revision, milli_per_kwh, stored_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            rows.map { quarter, revision in
                [
                    .int(scope.orgID), .text(quarter.exchange), .text(quarter.product), .day(quarter.day),
                    .int(quarter.slot), .int(revision), .int(quarter.milliPerKWh), .int(context.businessNowMs),
                ]
            })
        context.changed(
            .company, "market prices", from: nil,
            to: rows.isEmpty ? nil : "\(stored.new) new, \(stored.revised) revised")
        return stored
    }

    /// What it would store, and as which revision. Changes nothing.
    /// - Throws: `Refusal` with `file:line` for another price of a known quarter, unless the file revises.
    public func plan(
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> (stored: Stored, rows: [(MarketQuarter, revision: Int64)]) {
        guard quarters.count <= MarketPriceStore.limit else {
            throw Refusal(.tooLarge, "More than \(MarketPriceStore.limit) prices at once.", at: file)
        }
        var stored = Stored()
        var rows: [(MarketQuarter, revision: Int64)] = []
        for (market, quarters) in Dictionary(grouping: quarters, by: \.market) {
            var latest = try latest(market, quarters.map(\.day), scope, transaction)
            for quarter in quarters {
                let place = Quarter(day: quarter.day, slot: quarter.slot)
                let before = latest[place]
                guard before?.milliPerKWh != quarter.milliPerKWh else {
                    stored.known += 1
                    continue
                }
                guard before == nil || revises else {
                    throw Refusal(
                        .conflict, "Slot \(quarter.slot + 1) of \(quarter.day) has another price already.",
                        hint: "Leave the row out, or say that the file revises prices.", at: "\(file):\(quarter.line)")
                }
                if before == nil { stored.new += 1 } else { stored.revised += 1 }
                let revision = (before?.revision ?? 0) + 1
                latest[place] = (revision, quarter.milliPerKWh)
                rows.append((quarter, revision))
            }
        }
        return (stored, rows)
    }

    private func latest(
        _ market: Market, _ days: [CivilDay], _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> [Quarter: (revision: Int64, milliPerKWh: Int64)] {
        guard let first = days.min(), let last = days.max() else { return [:] }
        let known = try transaction.query(
            """
            SELECT day, slot, revision, milli_per_kwh FROM market_price WHERE org_id = $1 AND exchange = $2
              AND product = $3 AND day >= $4 AND day <= $5 ORDER BY day, slot, revision
            """, [.int(scope.orgID), .text(market.exchange), .text(market.product), .day(first), .day(last)]
        ) {
            (
                Quarter(day: try $0.day(0), slot: Int(try $0.int(1))),
                (revision: try $0.int(2), milliPerKWh: try $0.int(3))
            )
        }
        return Dictionary(known, uniquingKeysWith: { $1 })
    }
}
