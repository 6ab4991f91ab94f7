// Prices of a power exchange by quarter of an hour, from a CSV file. It opens no file and asks no exchange.
import CivilTime

/// The price of a quarter of an hour.
public struct MarketQuarter: Sendable, Hashable {
    public var exchange: String
    public var product: String
    public var day: CivilDay
    /// From 0 at midnight of the wall clock.
    public var slot: Int
    /// Thousandths of the minor unit per kWh.
    public var milliPerKWh: Int64
    /// Of the file it was read from; 0 from elsewhere.
    public var line: Int

    public init(
        exchange: String, product: String, day: CivilDay, slot: Int, milliPerKWh: Int64, line: Int = 0
    ) {
        self.exchange = exchange
        self.product = product
        self.day = day
        self.slot = slot
        self.milliPerKWh = milliPerKWh
        self.line = line
    }
}

/// Prices by exchange, product and day; 96 slots from midnight of the wall clock.
public struct MarketPrices: Sendable, Equatable {
    public static let slotsPerDay = 96
    private var prices: [String: [CivilDay: [Int64?]]] = [:]

    public init() {}

    private static func key(_ exchange: String, _ product: String) -> String { "\(exchange) \(product)" }

    /// Thousandths of the minor unit per kWh; nil when the file has none.
    func price(exchange: String, product: String, day: CivilDay, slot: Int) -> Int64? {
        prices[Self.key(exchange, product)]?[day]?[slot]
    }

    /// - Parameter quarters: of two for the same quarter the later counts.
    public init(_ quarters: [MarketQuarter]) {
        for quarter in quarters { set(quarter) }
    }

    private mutating func set(_ quarter: MarketQuarter) {
        let key = Self.key(quarter.exchange, quarter.product)
        prices[key, default: [:]][
            quarter.day, default: Array(repeating: nil, count: Self.slotsPerDay)][quarter.slot] = quarter.milliPerKWh
    }

    /// As ``quarters(csv:file:)`` reads them.
    public init(csv bytes: [UInt8], file: String) throws(TariffError) {
        self.init(try Self.quarters(csv: bytes, file: file))
    }

    /// Reads columns `date, exchange, product, slot, price_per_mwh` by name, in any order; slot 1 begins at 00:00. The
    /// names `exchange__name`, `product__name`, `time_slot` and `mcp_rs_mwh` are taken too. Empty prices are absent.
    /// - Throws: with `file:line`; two prices for one quarter.
    public static func quarters(csv bytes: [UInt8], file: String) throws(TariffError) -> [MarketQuarter] {
        guard bytes.count <= 50_000_000 else {
            throw TariffError(file, "more than 50,000,000 bytes", remedy: "give the months that are priced")
        }
        var line = 0
        var columns: [Int] = []
        var found: [MarketQuarter] = []
        var known = MarketPrices()
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        for row in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            let text = String(decoding: row.last == 13 ? row.dropLast() : row, as: UTF8.self)
            guard !text.isEmpty else { continue }
            let cells = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard !columns.isEmpty else {
                columns = try Self.columns(cells, "\(file):\(line)")
                continue
            }
            guard let quarter = try Self.quarter(cells, columns, file, line) else { continue }
            let earlier = known.price(
                exchange: quarter.exchange, product: quarter.product, day: quarter.day, slot: quarter.slot)
            guard earlier == nil || earlier == quarter.milliPerKWh else {
                throw TariffError(
                    "\(file):\(line)", "slot \(quarter.slot + 1) of \(quarter.day) has two prices",
                    remedy: "keep one of the rows")
            }
            known.set(quarter)
            found.append(quarter)
        }
        guard !found.isEmpty else { throw TariffError(file, "no prices", remedy: "give rows below the names") }
        return found
    }

    private static func columns(_ cells: [String], _ place: String) throws(TariffError) -> [Int] {
        let names = [
            ["date"], ["exchange", "exchange__name"], ["product", "product__name"], ["slot", "time_slot"],
            ["price_per_mwh", "mcp_rs_mwh"],
        ]
        var columns: [Int] = []
        for known in names {
            guard let column = cells.firstIndex(where: { known.contains($0) }) else {
                throw TariffError(
                    place, "no column \(known[0])", remedy: "name date, exchange, product, slot and price_per_mwh")
            }
            columns.append(column)
        }
        return columns
    }

    private static func quarter(
        _ cells: [String], _ columns: [Int], _ file: String, _ line: Int
    ) throws(TariffError) -> MarketQuarter? {
        let place = "\(file):\(line)"
        guard columns.allSatisfy({ $0 < cells.count }), let day = CivilDay(cells[columns[0]]),
            let slot = Int(cells[columns[3]]), (1...slotsPerDay).contains(slot)
        else {
            throw TariffError(place, "no day and slot", remedy: "give a date like 2024-01-31 and a slot from 1 to 96")
        }
        let word = cells[columns[4]]
        guard !word.isEmpty else { return nil }
        // A currency unit per MWh with two decimals is a thousandth of a hundredth per kWh.
        guard let price = decimalNumber(word, places: 2), price.magnitude <= UInt64(maximumPriceMilliPaisePerKWh) else {
            throw TariffError(place, "the price \(word) is no number", remedy: "give at most two decimals, 2850.38")
        }
        return MarketQuarter(
            exchange: cells[columns[1]], product: cells[columns[2]], day: day, slot: slot - 1, milliPerKWh: price,
            line: line)
    }
}

/// What has a price of its own: a product at an exchange.
public struct Market: Sendable, Hashable {
    public var exchange: String
    public var product: String
    public init(exchange: String, product: String) {
        self.exchange = exchange
        self.product = product
    }
}

extension Tariff {
    /// The markets its prices follow.
    public var markets: Set<Market> {
        Set(
            components.compactMap { component in
                guard case .indexed(let charge) = component.charge else { return nil }
                return Market(exchange: charge.exchange, product: charge.product)
            })
    }
}
