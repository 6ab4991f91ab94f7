// What prices a supply account on a day: its base pack, the add-on packs it holds that day, its sanctioned load.

/// Checked when made, so that a plan that exists can price any load.
public struct PricePlan: Sendable, Equatable {
    public let base: BasePack
    /// The add-ons held on the day; those whose weekdays or dates leave the day out simply do nothing.
    public let addOns: [AddOnPack]
    public let sanctionedW: Int64

    /// - Throws: a pack that is not valid, an add-on naming a band the base calendar lacks, or covering a minute twice.
    public init(base: BasePack, addOns: [AddOnPack] = [], sanctionedW: Int64) throws(TariffError) {
        try within("base", base.validate)
        try checkRange(sanctionedW, 0...maximumLoadW, "sanctionedW")
        guard addOns.count <= 32 else {
            throw TariffError("addOns", "\(addOns.count) add-on packs", remedy: "hold at most 32 at a time")
        }
        let minutes = try within("base.calendar", base.calendar.bandAndEndOfMinutes)
        for (index, pack) in addOns.enumerated() {
            try within("addOns[\(index)]") { () throws(TariffError) in
                try pack.validate()
                if addOns[..<index].contains(where: { $0.id == pack.id }) {
                    throw TariffError("id", "pack \(pack.id) stands twice", remedy: "hold each add-on pack once")
                }
                _ = try Self.priceOfMinutes(pack, base: base, minutes: minutes)
            }
        }
        self.base = base
        self.addOns = addOns
        self.sanctionedW = sanctionedW
    }

    /// The price index of an add-on in each minute and the minute where that price ends; -1 where it covers nothing.
    static func priceOfMinutes(
        _ pack: AddOnPack, base: BasePack, minutes: [(band: Int, endMinute: Int)]
    ) throws(TariffError) -> [(price: Int, endMinute: Int)] {
        var found = [(price: Int, endMinute: Int)](repeating: (-1, minutesPerDay), count: minutesPerDay)
        for (index, price) in pack.prices.enumerated() {
            let ranges: [MinuteRange]
            switch price.cover {
            case .minutes(let range): ranges = [range]
            case .band(let name):
                guard let band = base.calendar.bands.first(where: { $0.name == name }) else {
                    let known = base.calendar.bands.map(\.name).joined(separator: ", ")
                    throw TariffError(
                        "prices[\(index)].band", "the calendar of base pack \(base.id) has no band \(name)",
                        remedy: "use one of \(known), or give minutes")
                }
                ranges = band.ranges
            }
            for range in ranges {
                for minute in range.fromMinute..<range.toMinute {
                    guard found[minute].price < 0 else {
                        throw TariffError(
                            "prices[\(index)]", "\(clock(minute)) has two prices in this pack",
                            remedy: "let the prices of one add-on pack not overlap")
                    }
                    found[minute] = (index, range.toMinute)
                }
            }
        }
        // Where nothing is covered the stretch ends at the next covered minute.
        var end = minutesPerDay
        for minute in found.indices.reversed() {
            if found[minute].price >= 0 { end = minute } else { found[minute].endMinute = end }
        }
        return found
    }
}
