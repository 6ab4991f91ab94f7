// Prices of a power exchange by quarter of an hour, from a CSV file. It opens no file and asks no exchange.
import CivilTime

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

    /// Reads columns `date, exchange, product, slot, price_per_mwh` by name, in any order; slot 1 begins at 00:00. The
    /// names `exchange__name`, `product__name`, `time_slot` and `mcp_rs_mwh` are taken too. Empty prices are absent.
    /// - Throws: with `file:line`.
    public init(csv bytes: [UInt8], file: String) throws(TariffError) {
        guard bytes.count <= 50_000_000 else {
            throw TariffError(file, "more than 50,000,000 bytes", remedy: "give the months that are priced")
        }
        var line = 0
        var columns: [Int] = []
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
            try add(cells, columns, "\(file):\(line)")
        }
        guard !prices.isEmpty else { throw TariffError(file, "no prices", remedy: "give rows below the names") }
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

    private mutating func add(_ cells: [String], _ columns: [Int], _ place: String) throws(TariffError) {
        guard columns.allSatisfy({ $0 < cells.count }), let day = CivilDay(cells[columns[0]]),
            let slot = Int(cells[columns[3]]), (1...Self.slotsPerDay).contains(slot)
        else {
            throw TariffError(place, "no day and slot", remedy: "give a date like 2024-01-31 and a slot from 1 to 96")
        }
        let word = cells[columns[4]]
        guard !word.isEmpty else { return }
        // A currency unit per MWh with two decimals is a thousandth of a hundredth per kWh.
        guard let price = decimalNumber(word, places: 2), price.magnitude <= UInt64(maximumPriceMilliPaisePerKWh) else {
            throw TariffError(place, "the price \(word) is no number", remedy: "give at most two decimals, 2850.38")
        }
        let key = Self.key(cells[columns[1]], cells[columns[2]])
        var slots = prices[key]?[day] ?? Array(repeating: nil, count: Self.slotsPerDay)
        guard slots[slot - 1] == nil || slots[slot - 1] == price else {
            throw TariffError(place, "slot \(slot) of \(day) has two prices", remedy: "keep one of the rows")
        }
        slots[slot - 1] = price
        prices[key, default: [:]][day] = slots
    }
}
