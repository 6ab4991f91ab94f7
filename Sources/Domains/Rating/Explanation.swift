// Where a charge came from: recomputed from the stored inputs and checked against the hash it was posted with.
import Access
import Accounts
import CivilTime
import Cryptography
import IntervalData
import MeterData
import Packs
import SQL
import Tariffs

public struct Explanation: Sendable {
    public var charge: Charge
    /// Every component with its lines; nil for a charge that an earlier release priced by other rules, of which the
    /// amounts alone are kept.
    public var explained: DayExplained?
    /// Neighbouring intervals of one band or add-on pack; empty where nothing is explained.
    public var slots: [SlotPrice]
    public var block: StoredBlock
    /// Minute of the wall clock at which each slot starts.
    public var slotStartMinutes: [Int]
    /// The recomputed inputs give the stored hash and the recomputed charge the stored amounts.
    public var agrees: Bool
    public var revisions: [Charge]

    /// Explains a revision of an account-day; nil stands for the current one.
    public static func of(
        accountID: Int64, day: CivilDay, revision: Int64?, zone: Zone, site: Site, _ scope: Scope
    ) async throws -> Explanation {
        let (charge, revisions) = try await site.money.read { transaction in
            _ = try SupplyAccount.find(accountID, scope, in: transaction)
            let revisions = try Charge.revisions(accountID: accountID, day: day, scope, in: transaction)
            guard let charge = revision.map({ wanted in revisions.first { $0.revision == wanted } }) ?? revisions.last
            else {
                throw Refusal(
                    .notFound, "This day is not charged yet.", hint: "Charges follow the night after the day.")
            }
            return (charge, revisions)
        }
        let (stored, export, apparents) = try await site.readings.shard(day.month).read { transaction in
            func version(_ channel: Channel, _ version: Int64) throws -> StoredBlock? {
                try DayBlocks.versions(
                    meterID: charge.meterID, channel: channel, day: day, orgID: scope.orgID, in: transaction
                ).first { $0.version == version }
            }
            return (
                try version(.importWh, charge.blockVersion),
                charge.exportVersion == 0 ? nil : try version(.exportWh, charge.exportVersion),
                try DayBlocks.versions(
                    meterID: charge.meterID, channel: .importVAh, day: day, orgID: scope.orgID, in: transaction)
            )
        }
        guard let stored else { throw Refusal(.notFound, "The readings behind this charge are in the archive.") }
        let slotCount = stored.block.slotCount
        let periodS = slotCount > 0 ? zone.lengthS(of: day) / Int64(slotCount) : 1800
        var explanation = Explanation(
            charge: charge, slots: [], block: stored,
            slotStartMinutes: (0..<slotCount).map { zone.minuteOfDay(slot: $0, of: day, periodS: periodS) },
            agrees: false, revisions: revisions)
        guard let opening = try? BillState(decoding: charge.opening), let period = charge.closingState?.period else {
            return explanation
        }
        let priced = try await site.money.read { transaction in
            // A charge does not name its version of the apparent energy: the hash finds it, latest first.
            var nearest: PricedInput?
            for apparent in apparents.reversed().map({ stored.block.apparent($0.block) }) + [nil] {
                let readings = DayReadings(
                    day: day, meterID: charge.meterID, importWh: stored.block.values,
                    exportWh: export?.block.values, importVAh: apparent)
                let priced = try charge.input(readings, period, zone, scope, transaction)
                if priced?.hash(opening: charge.opening) == charge.inputsHash { return priced }
                nearest = nearest ?? priced
                if priced?.tariff.looksAtApparent == false { break }
            }
            return nearest
        }
        guard let priced, let explained = try? priced.bill.explain(priced.input, opening: opening) else {
            return explanation
        }
        explanation.explained = explained
        explanation.slots = try priced.tariff.slotPrices(priced.input.load, addOns: explained.addOnLines)
        explanation.agrees =
            priced.hash(opening: charge.opening) == charge.inputsHash
            && explained.amounts.amountsMinor.map(ChargePart.init) == charge.components
            && explained.amounts.closing.encode() == charge.closing
        return explanation
    }
}

extension Charge {
    /// What it was made from, by the versions it names. Of a bill in which several versions hold, those that were there
    /// when it was made are found by the hash.
    fileprivate func input(
        _ readings: DayReadings, _ period: BillPeriod, _ zone: Zone, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> PricedInput? {
        let (base, addOns) = try named(scope, transaction)
        let all = try Packs.versions(of: base.id, scope, in: transaction)
        var nearest: PricedInput?
        for latest in all.reversed() where latest.version >= base.version {
            var shelf = RatingShelf(zone: zone, nowMs: ratedAtMs, scope)
            shelf.asOfMs = ratedAtMs
            do {
                let book = try TariffBook(stored: all.filter { $0.version <= latest.version })
                guard let tariff = book.tariff(on: day), tariff.version == base.version else { continue }
                let priced = try shelf.input(
                    readings, PackDay(book, tariff), period, addOns, sanctionedW: sanctionedW, transaction)
                if priced.hash(opening: opening) == inputsHash { return priced }
                nearest = nearest ?? priced
            } catch is TariffError {
                continue
            }
        }
        return nearest
    }

    /// The versions of ``packs``.
    private func named(
        _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> (base: (id: String, version: Int), addOns: [AddOnPack]) {
        let names = try packs.split(separator: "\n").map { line in
            guard let at = line.lastIndex(of: "@"), let version = Int(line[line.index(after: at)...]) else {
                throw SQLError(.decode, "a charge names its packs as \(packs)")
            }
            return (id: String(line[..<at]), version: version)
        }
        guard let base = names.first else { throw SQLError(.decode, "a charge names no base pack") }
        let addOns = try names.dropFirst().map { name in
            let found = try Packs.addOnVersions(of: name.id, scope, in: transaction)
            guard let pack = found.first(where: { $0.pack.version == name.version })?.pack else {
                throw Refusal(.notFound, "Pack \(name.id) is not stored any more.")
            }
            return pack
        }
        return (base, addOns)
    }
}
