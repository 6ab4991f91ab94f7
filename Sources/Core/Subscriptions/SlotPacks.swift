// Which pack prices a band of a day, today or long after. By dates only: neither sweeps nor today's terms matter.
import CivilTime
import Tariffs

/// The pack of a band of a day.
public struct SlotPack: Sendable, Equatable {
    public var band: String
    /// Nil when nobody bills it.
    public var pack: String?
    /// The version in force on that day; nil with the price when there was none yet.
    public var version: Int?
    public var milliPaisePerKWh: Int64?
    /// Nothing was held: the default pack stands in.
    public var isDefault = false
    /// Add-ons that would have been cheaper but for a load above theirs.
    public var overLoad: [String] = []
}

extension PackHistory {
    /// The base pack that bills a day, if one was held.
    public func base(on day: CivilDay) -> String? {
        rows.first { $0.kind == .base && $0.bills(on: day) }?.pack
    }

    /// Add-ons held on a day that apply on it, and whether or not they cover a band.
    public func addOns(on day: CivilDay, by book: PackBook) -> [String] {
        let isHoliday = book.holidays.contains(day)
        return rows.filter { row in
            row.kind == .addOn && row.bills(on: day)
                && book.terms(row.pack, on: day)?.applies(on: day, isHoliday: isHoliday) == true
        }.map(\.pack)
    }

    /// The least price among add-ons that cover the band and bear its load; the base where none does. Among equal
    /// prices the earlier name wins.
    /// - Parameter loadW: by band; a band without one is within every limit.
    public func slots(on day: CivilDay, loadW: [String: Int64] = [:], by book: PackBook) -> [SlotPack] {
        let held = base(on: day)
        let basePack = held ?? book.defaultPack
        let base = basePack.flatMap { book.terms($0, on: day) }
        let addOns = addOns(on: day, by: book).compactMap { book.terms($0, on: day) }
        return book.calendar.bands.map { band in
            let covering = addOns.filter { $0.milliPaisePerKWh[band.name] != nil }
            func isOver(_ terms: PackTerms) -> Bool {
                terms.loadLimitW.map { (loadW[band.name] ?? 0) > $0 } ?? false
            }
            var candidates = covering.filter { !isOver($0) }
            if let base, candidates.isEmpty || book.comparesBase { candidates.append(base) }
            func rank(_ terms: PackTerms) -> (Int64, String) {
                (terms.milliPaisePerKWh[band.name] ?? Int64.max, terms.id)
            }
            let best = candidates.min { rank($0) < rank($1) }
            let over = covering.filter { terms in isOver(terms) && best.map { rank(terms) < rank($0) } ?? true }
            return SlotPack(
                band: band.name, pack: best?.id ?? basePack, version: best?.version,
                milliPaisePerKWh: best?.milliPaisePerKWh[band.name],
                isDefault: held == nil && basePack != nil && (best?.id ?? basePack) == basePack,
                overLoad: over.map(\.id).sorted())
        }
    }

    /// Energy of a day by band × the price of its pack, in micro-paise; nil when a band has energy and no price.
    public func energyMicroPaise(
        on day: CivilDay, energyWh: [String: Int64], loadW: [String: Int64] = [:], by book: PackBook
    ) -> Int128? {
        var total: Int128 = 0
        for slot in slots(on: day, loadW: loadW, by: book) {
            guard let energy = energyWh[slot.band], energy != 0 else { continue }
            guard let price = slot.milliPaisePerKWh else { return nil }
            total += Int128(energy) * Int128(price)
        }
        return total
    }
}
