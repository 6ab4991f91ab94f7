// The month's end of a consumer who feeds in: one credit at the export price, and the wallet for renewable energy
// emptied into the others. It moves nothing itself: facts say what to book.
import CivilTime
import Quantities

/// What is known of a month that is over.
public struct MonthClose: Sendable, Equatable {
    public struct Wallet: Sendable, Equatable {
        public var name: String
        public var balancePaise: Int64
        public init(name: String, balancePaise: Int64) {
            self.name = name
            self.balancePaise = balancePaise
        }
    }

    public var month: CivilMonth
    public var meter: String
    public var exportWh: [CivilDay: Int64]
    /// Other energy than was credited before follows as a difference; otherwise it is refused.
    public var followsReadings = false
    /// The wallet that renewable energy alone fills, before the credit.
    public var renewablePaise: Int64 = 0
    /// Where its balance goes, in this order: debts first, the rest to the first.
    public var wallets: [Wallet] = []

    public init(month: CivilMonth, meter: String, exportWh: [CivilDay: Int64]) {
        self.month = month
        self.meter = meter
        self.exportWh = exportWh
    }

    /// What of a surplus goes to each wallet: debts first, in their order, the rest to the first. Nothing where there
    /// is no surplus or no wallet.
    public static func moves(surplusPaise: Int64, balancesPaise: [Int64]) -> [Int64] {
        guard surplusPaise > 0, !balancesPaise.isEmpty else { return balancesPaise.map { _ in 0 } }
        var left = surplusPaise
        var moves = balancesPaise.map { balance in
            let part = min(left, balance < 0 ? (balance == .min ? .max : -balance) : 0)
            left -= part
            return part
        }
        moves[0] += left
        return moves
    }

    static let maximumWh: Int64 = 1_000_000_000_000
    static let maximumPaise: Int64 = 1_000_000_000_000_000
}

extension PackWork {
    /// - Returns: whether the month was closed before, with the same credit.
    mutating func closeMonth(_ close: MonthClose) throws(PackRefusal) -> Bool {
        guard day > close.month.last else {
            throw PackRefusal(
                .monthNotOver, "\(close.month) is not over on \(day).", hint: "Close it on \(close.month.next.first).")
        }
        var microPaise: Int128 = 0
        for (fedInOn, energyWh) in close.exportWh {
            guard fedInOn.month == close.month, (0...MonthClose.maximumWh).contains(energyWh) else {
                throw PackRefusal(
                    .notOfTheMonth, "\(energyWh) Wh of \(fedInOn) cannot be energy fed in in \(close.month).",
                    hint: "Give days of the month and 0 to \(MonthClose.maximumWh) Wh.")
            }
            guard let price = exportPrice(on: fedInOn) else {
                throw PackRefusal(
                    .noExportPrice, "No pack of \(history.consumer) buys energy on \(fedInOn).",
                    hint: "Give the base pack an exportPrice, or leave the day out.")
            }
            microPaise += Int128(energyWh) * Int128(price)
        }
        let creditPaise = roundedHalfAway(microPaise, dividedBy: 1_000_000)
        let key = "export:\(close.meter):\(close.month)"
        let told = history.told.filter { $0.key == key || $0.key.hasPrefix("\(key):") }
        if !told.isEmpty {
            let knownPaise = told.values.reduce(0, +)
            guard knownPaise != creditPaise else { return true }
            guard close.followsReadings else {
                throw PackRefusal(
                    .keyWithOtherAmount, "\(key) was credited with \(rupees(paise: knownPaise)) already.",
                    hint: "Book the difference as a correction.")
            }
            tell(
                .exportCredit, "\(key):\(told.count + 1)", on: close.month.last, amountPaise: creditPaise - knownPaise)
            return false
        }
        tell(.exportCredit, key, on: close.month.last, amountPaise: creditPaise)
        try emptyWallet(close, creditPaise)
        return false
    }

    private func exportPrice(on day: CivilDay) -> Int64? {
        history.rows.first { $0.kind == .base && $0.bills(on: day) }
            .flatMap { book.terms($0.pack, on: day)?.exportMilliPaisePerKWh }
    }

    private mutating func emptyWallet(_ close: MonthClose, _ creditPaise: Int64) throws(PackRefusal) {
        let limit = MonthClose.maximumPaise
        guard ([close.renewablePaise] + close.wallets.map(\.balancePaise)).allSatisfy({ (-limit...limit).contains($0) })
        else {
            throw PackRefusal(
                .outOfRange, "A balance is out of range.", hint: "Give at most \(limit) paise.")
        }
        let moves = MonthClose.moves(
            surplusPaise: close.renewablePaise + creditPaise, balancesPaise: close.wallets.map(\.balancePaise))
        for (wallet, amountPaise) in zip(close.wallets, moves) where amountPaise > 0 {
            tell(
                .walletMove, "move:\(close.meter):\(close.month):\(wallet.name)", on: close.month.last,
                amountPaise: amountPaise, wallet: wallet.name)
        }
    }
}
