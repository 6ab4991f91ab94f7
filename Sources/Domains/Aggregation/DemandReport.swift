// Contracted load against the highest load of each account, by time band of its pack. A load is the mean over one
// interval; estimated and edited intervals count and are said to be such.
import Access
import Accounts
import CivilTime
import IntervalData
import MeterData
import Meters
import Packs
import SQL
import Tariffs

extension SetReader {
    /// Meter-days read for one answer.
    static let demandDaysMax = 100_000

    private struct Peak {
        var powerW: Int64
        var startS: Int64
        var quality: Quality
        var meterID: Int64
        var day: CivilDay
    }

    private struct PeakKey: Hashable {
        var accountID: Int64
        var band: String
    }

    func maximumDemand(_ query: ReportQuery, _ scope: Scope) async throws -> ([ReportColumn], [ReportRow]) {
        let columns = [
            ReportColumn("account", .text), ReportColumn("band", .text), ReportColumn("contracted_W", .watt),
            ReportColumn("highest_W", .watt), ReportColumn("of_contracted_ppm", .ppm), ReportColumn("at", .time),
            ReportColumn("quality", .text),
        ]
        let key = query.set ?? (scope.placeIDs?.first).map { .place($0) } ?? .all
        try await site.money.read { try key.prove(scope, in: $0) }
        let company = Scope(orgID: org.orgID)
        let master = try await site.money.read { try SetMasterData(company, in: $0) }
        var peaks: [PeakKey: Peak] = [:]
        var looked = 0
        for (shard, days) in try await months(query.from, query.to) {
            for day in days {
                let (membership, bases, packs) = try await site.money.read { [org] transaction in
                    (
                        try Membership(on: day, master, zone: org.zone, company, in: transaction),
                        try Subscription.bases(on: day, company, in: transaction),
                        try Packs.basesInForce(on: day, company, in: transaction)
                    )
                }
                let members = membership.members(of: key) ?? []
                looked += members.count
                guard looked <= Self.demandDaysMax else {
                    throw Refusal(
                        .tooLarge, "More than \(Self.demandDaysMax) days of meters would have to be read.",
                        hint: "Ask for a shorter period or one place.", at: "to")
                }
                let byPack = Dictionary(packs.map { ($0.id, $0.dayCalendar(on: day)) }) { first, _ in first }
                let found = try await read(members, day, shard)
                for member in members {
                    guard let raw = found[member.meterID] else { continue }
                    let calendar = bases[member.accountID].flatMap { byPack[$0] ?? nil } ?? .flat()
                    try take(raw, member, calendar, day, &peaks)
                }
            }
        }
        return (columns, try await rows(peaks, scope))
    }

    private func read(_ members: [Member], _ day: CivilDay, _ shard: any Database) async throws -> [Int64: RawDay] {
        var found: [Int64: RawDay] = [:]
        for start in stride(from: 0, to: members.count, by: 200) {
            let part = members[start..<min(start + 200, members.count)].map(\.meterID)
            let days = try await shard.read { [org] in
                try DayBlocks.pair(
                    day: day, channel: .importWh, meters: part, before: 0, through: .max, orgID: org.orgID, in: $0)
            }
            found.merge(days.compactMapValues(\.new)) { $1 }
        }
        return found
    }

    private func take(
        _ raw: RawDay, _ member: Member, _ calendar: TOUCalendar, _ day: CivilDay, _ peaks: inout [PeakKey: Peak]
    ) throws {
        let values = try DayBlock.decodeValues(raw.values)
        guard !values.isEmpty else { return }
        let periodS = org.zone.lengthS(of: day) / Int64(values.count)
        let startS = org.zone.startS(of: day)
        for (slot, value) in values.enumerated() {
            let minute = org.zone.minuteOfDay(slot: slot, of: day, periodS: periodS)
            let band = calendar.bands.first { $0.ranges.contains { $0.fromMinute <= minute && minute < $0.toMinute } }
            let key = PeakKey(accountID: member.accountID, band: band?.name ?? "")
            let powerW = Int64(value) * 3_600 / periodS
            guard peaks[key].map({ $0.powerW < powerW }) != false else { continue }
            peaks[key] = Peak(
                powerW: powerW, startS: startS + Int64(slot) * periodS, quality: raw.quality(slot),
                meterID: raw.meterID, day: day)
        }
    }

    private static func words(_ quality: Quality) -> String {
        switch quality {
        case .missing: "missing"
        case .estimated: "estimated"
        case .edited: "edited"
        case .actual: "measured"
        }
    }

    private func rows(_ peaks: [PeakKey: Peak], _ scope: Scope) async throws -> [ReportRow] {
        let ids = Set(peaks.keys.map(\.accountID)).sorted()
        let accounts = try await site.money.read { transaction in
            try stride(from: 0, to: ids.count, by: 300).flatMap { start in
                try SupplyAccount.of(Array(ids[start..<min(start + 300, ids.count)]), scope, in: transaction)
            }
        }
        let byID = Dictionary(uniqueKeysWithValues: accounts.map { ($0.accountID, $0) })
        let sorted = peaks.compactMap { key, peak -> (share: Int64, ReportRow, String)? in
            guard let account = byID[key.accountID] else { return nil }
            let share =
                account.sanctionedW > 0
                ? Int64(Int128(peak.powerW) * 1_000_000 / Int128(account.sanctionedW)) : nil
            let row = ReportRow(
                cells: [
                    .text(account.accountNumber), .text(key.band), .number(account.sanctionedW), .number(peak.powerW),
                    .optional(share), .text(time(peak.startS)), .text(Self.words(peak.quality)),
                ], opens: .meter(peak.meterID, peak.day))
            return (share ?? 0, row, "\(account.accountNumber) \(key.band)")
        }.sorted { ($1.share, $0.2) < ($0.share, $1.2) }
        return sorted.map(\.1)
    }
}
