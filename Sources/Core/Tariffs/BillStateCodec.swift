// A bill's state as bytes: variable-length integers, what is zero left out. Strict: one state has one form, and bytes
// that no state has are refused. It interprets nothing.
import CivilTime

extension BillState {
    /// The first byte; 1 was that of months of packs.
    static let format: UInt8 = 2
    private static let maximumBytes = 1_000_000

    public func encode() -> [UInt8] {
        var writer = StateWriter()
        writer.bytes.reserveCapacity(192)
        writer.bytes.append(Self.format)
        writer.unsigned(bill == nil ? 0 : 1)
        if let bill {
            writer.text(bill.tariffID)
            writer.unsigned(UInt64(bill.version))
            for day in [bill.period.first, bill.period.last, bill.lastDay, bill.slabsFrom] {
                writer.signed(Int64(day.number))
            }
            writer.signed(bill.positionWh)
            writer.signed(bill.openingBankWh)
            writer.totals(totals)
        }
        writer.carry(carry)
        return writer.bytes
    }

    /// - Throws: another format, a value out of range, bytes that are too few, too many or not in their one form.
    public init(decoding bytes: [UInt8]) throws(TariffError) {
        guard bytes.first == Self.format, bytes.count <= Self.maximumBytes else {
            throw TariffError(
                "bill state", "\(bytes.count) bytes of format \(bytes.first.map(String.init) ?? "none")",
                remedy: "price the bill anew from its first day")
        }
        var reader = StateReader(bytes: bytes, next: 1)
        self.init()
        if try reader.unsigned(1) == 1 {
            let id = try reader.text()
            let version = Int(try reader.unsigned(UInt64(Int32.max)))
            let (first, last, lastDay) = (try reader.day(), try reader.day(), try reader.day())
            let slabsFrom = try reader.day()
            guard slabsFrom <= first, first <= lastDay, lastDay <= last else { throw reader.broken }
            bill = Bill(
                tariffID: id, version: version, period: BillPeriod(first: first, last: last), lastDay: lastDay,
                slabsFrom: slabsFrom, positionWh: try reader.signed(), openingBankWh: try reader.signed())
            totals = try reader.totals()
        }
        carry = try reader.carry()
        guard reader.next == bytes.count else { throw reader.broken }
    }
}

private struct StateWriter {
    var bytes: [UInt8] = []

    mutating func unsigned(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    /// Small magnitudes are short, whatever their sign.
    mutating func signed(_ value: Int64) { unsigned(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    mutating func text(_ text: String) {
        unsigned(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    mutating func list(_ values: [Int64]) {
        unsigned(UInt64(values.count))
        for value in values { signed(value) }
    }

    mutating func totals(_ totals: PeriodState) {
        for value in [
            totals.importWh, totals.addOnWh, totals.exportWh, totals.generationWh, totals.netWh, totals.totalWh,
            Int64(totals.days), totals.monthParts,
        ] { signed(value) }
        unsigned((totals.isClosed ? 1 : 0) | (totals.hasLeft ? 2 : 0))
        unsigned(UInt64(totals.runs.count))
        for run in totals.runs { self.run(run) }
        unsigned(UInt64(totals.retired.count))
        for (id, run) in totals.retired.sorted(by: { $0.key < $1.key }) {
            text(id)
            self.run(run)
        }
    }

    /// A bit for each part that is there, then those parts.
    private mutating func run(_ run: ComponentRun) {
        let has: UInt64 =
            (run.wh != 0 ? 1 : 0) | (run.addOnWh != 0 ? 2 : 0) | (run.cells.isEmpty ? 0 : 4)
            | (run.bandWh.isEmpty ? 0 : 8) | (run.micro != 0 ? 16 : 0) | (run.maximumW.isEmpty ? 0 : 32)
            | (run.chargedMinor != 0 ? 64 : 0) | (run.surchargedOn.isEmpty ? 0 : 128)
            | (run.partsMinor.isEmpty ? 0 : 256) | (run.apparentVAh != 0 ? 512 : 0)
        unsigned(has)
        if has & 1 != 0 { signed(run.wh) }
        if has & 2 != 0 { signed(run.addOnWh) }
        if has & 4 != 0 { list(run.cells) }
        if has & 8 != 0 { list(run.bandWh) }
        if has & 16 != 0 {
            signed(Int64(run.micro >> 64))
            unsigned(UInt64(truncatingIfNeeded: run.micro))
        }
        if has & 32 != 0 { list(run.maximumW) }
        if has & 64 != 0 { signed(run.chargedMinor) }
        if has & 128 != 0 {
            unsigned(UInt64(run.surchargedOn.count))
            for (month, day) in run.surchargedOn.sorted(by: { $0.key < $1.key }) {
                unsigned(UInt64(month.index))
                signed(Int64(day.number))
            }
        }
        if has & 256 != 0 { list(run.partsMinor) }
        if has & 512 != 0 { signed(run.apparentVAh) }
    }

    mutating func carry(_ carry: AccountCarry) {
        signed(carry.bankWh)
        unsigned(UInt64(carry.months.count))
        for (month, value) in carry.months.sorted(by: { $0.key < $1.key }) {
            unsigned(UInt64(month.index))
            signed(value.wh)
            unsigned(UInt64(value.days))
            unsigned(UInt64(value.amountsMinor.count))
            for (id, minor) in value.amountsMinor.sorted(by: { $0.key < $1.key }) {
                text(id)
                signed(minor)
            }
        }
        unsigned(UInt64(carry.surcharged.count))
        for (id, months) in carry.surcharged.sorted(by: { $0.key < $1.key }) {
            text(id)
            unsigned(UInt64(months.count))
            for month in months.sorted() { unsigned(UInt64(month.index)) }
        }
    }
}

private struct StateReader {
    let bytes: [UInt8]
    var next: Int

    /// Far above what a bill may come to.
    private static let most: Int64 = 1_000_000_000_000_000_000

    var broken: TariffError {
        TariffError(
            "bill state", "its bytes are not those of a state, near byte \(next)",
            remedy: "price the bill anew from its first day")
    }

    private mutating func raw() throws(TariffError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while next < bytes.count, shift <= 63 {
            let byte = UInt64(bytes[next])
            next += 1
            guard shift < 63 || byte <= 1 else { throw broken }
            value |= (byte & 0x7F) << shift
            if byte < 0x80 {
                guard byte != 0 || shift == 0 else { throw broken }
                return value
            }
            shift += 7
        }
        throw broken
    }

    mutating func unsigned(_ most: UInt64) throws(TariffError) -> UInt64 {
        let value = try raw()
        guard value <= most else { throw broken }
        return value
    }

    private mutating func any() throws(TariffError) -> Int64 {
        let value = try raw()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func signed() throws(TariffError) -> Int64 {
        let value = try any()
        guard value.magnitude <= Self.most.magnitude else { throw broken }
        return value
    }

    /// A count of things that take a byte at least.
    private mutating func count() throws(TariffError) -> Int { Int(try unsigned(UInt64(bytes.count - next))) }

    mutating func text() throws(TariffError) -> String {
        let count = try count()
        guard (1...120).contains(count), next + count <= bytes.count,
            let text = String(validating: bytes[next..<next + count], as: UTF8.self)
        else { throw broken }
        next += count
        return text
    }

    mutating func day() throws(TariffError) -> CivilDay {
        let number = try any()
        guard (-719_162...2_932_896).contains(number) else { throw broken }
        return CivilDay(number: Int32(number))
    }

    private mutating func month() throws(TariffError) -> CivilMonth { CivilMonth(index: Int(try unsigned(119_999))) }

    private mutating func list() throws(TariffError) -> [Int64] {
        let count = try count()
        guard count > 0 else { throw broken }
        var values: [Int64] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try signed()) }
        return values
    }

    /// Keys come in order, each once.
    private mutating func pairs<Key: Comparable & Hashable, Value>(
        _ key: (inout StateReader) throws(TariffError) -> Key,
        _ value: (inout StateReader) throws(TariffError) -> Value
    ) throws(TariffError) -> [Key: Value] {
        var found: [Key: Value] = [:]
        var last: Key?
        for _ in 0..<(try count()) {
            let name = try key(&self)
            if let last, last >= name { throw broken }
            last = name
            found[name] = try value(&self)
        }
        return found
    }

    mutating func totals() throws(TariffError) -> PeriodState {
        var totals = PeriodState()
        totals.importWh = try signed()
        totals.addOnWh = try signed()
        totals.exportWh = try signed()
        totals.generationWh = try signed()
        totals.netWh = try signed()
        totals.totalWh = try signed()
        totals.days = Int(try signed())
        totals.monthParts = try signed()
        let flags = try unsigned(3)
        totals.isClosed = flags & 1 != 0
        totals.hasLeft = flags & 2 != 0
        for _ in 0..<(try count()) { totals.runs.append(try run()) }
        totals.retired = try pairs { (reader) throws(TariffError) in
            try reader.text()
        } _: { (reader) throws(TariffError) in
            try reader.run()
        }
        return totals
    }

    private mutating func run() throws(TariffError) -> ComponentRun {
        let has = try unsigned(1023)
        var run = ComponentRun()
        if has & 1 != 0 { run.wh = try notZero() }
        if has & 2 != 0 { run.addOnWh = try notZero() }
        if has & 4 != 0 { run.cells = try list() }
        if has & 8 != 0 { run.bandWh = try list() }
        if has & 16 != 0 {
            let high = try signed()
            run.micro = Int128(high) << 64 | Int128(try unsigned(.max))
            // 1e14 minor units are 1e20 millionths; sums of a day beyond them were refused.
            guard run.micro != 0, run.micro.magnitude <= 1_000_000_000_000_000_000_000_000 else { throw broken }
        }
        if has & 32 != 0 { run.maximumW = try list() }
        if has & 64 != 0 { run.chargedMinor = try notZero() }
        if has & 128 != 0 {
            run.surchargedOn = try pairs { (reader) throws(TariffError) in
                try reader.month()
            } _: { (reader) throws(TariffError) in
                try reader.day()
            }
            guard !run.surchargedOn.isEmpty else { throw broken }
        }
        if has & 256 != 0 { run.partsMinor = try list() }
        if has & 512 != 0 { run.apparentVAh = try notZero() }
        return run
    }

    private mutating func notZero() throws(TariffError) -> Int64 {
        let value = try signed()
        guard value != 0 else { throw broken }
        return value
    }

    mutating func carry() throws(TariffError) -> AccountCarry {
        var carry = AccountCarry()
        carry.bankWh = try signed()
        carry.months = try pairs { (reader) throws(TariffError) in
            try reader.month()
        } _: { (reader) throws(TariffError) in
            var month = AccountCarry.Month()
            month.wh = try reader.signed()
            month.days = Int(try reader.unsigned(31))
            month.amountsMinor = try reader.pairs { (reader) throws(TariffError) in
                try reader.text()
            } _: { (reader) throws(TariffError) in
                try reader.signed()
            }
            return month
        }
        carry.surcharged = try pairs { (reader) throws(TariffError) in
            try reader.text()
        } _: { (reader) throws(TariffError) in
            Set(
                try reader.pairs { (reader) throws(TariffError) in
                    try reader.month()
                } _: { (_) throws(TariffError) in
                    ()
                }.keys)
        }
        return carry
    }
}
