// What estimates rest on beside the day blocks: the midnight registers of the raw answers, and outages. Reads only.
import Access
import CivilTime
import Clocks
import HeadEnd
import IntervalData
import MeterData
import SQL
import VEE

extension EstimationSources {
    /// The sources of a company: registers as the meters gave them, and outages as far as they are certain.
    public static func of(_ site: Site, _ org: Org) -> EstimationSources {
        EstimationSources(
            registers: { meterID, from, to in try await registers(of: meterID, from: from, to: to, site, org) },
            outages: { meterID, from, to in try await outages(of: meterID, from: from, to: to, site, org) })
    }

    private static func outages(
        of meterID: Int64, from: CivilDay, to: CivilDay, _ site: Site, _ org: Org
    ) async throws -> [Range<Int64>] {
        let (startMs, endMs) = (
            org.zone.startS(of: from) * 1000, org.zone.startS(of: to.advanced(by: 1)) * 1000
        )
        let nowMs = site.clocks.businessNowMs()
        let found = try await site.money.read { [org] in
            try MeterData.Outages.of(meterID: meterID, fromMs: startMs, toMs: endMs, Scope(orgID: org.orgID), in: $0)
        }
        return found.compactMap { outage in
            let (fromMs, toMs) = (outage.certainFromMs, min(outage.certainToMs, nowMs))
            // A second is dark when all of it is.
            return fromMs < toMs && (fromMs + 999) / 1000 < toMs / 1000 ? (fromMs + 999) / 1000..<toMs / 1000 : nil
        }
    }

    private static func registers(
        of meterID: Int64, from: CivilDay, to: CivilDay, _ site: Site, _ org: Org
    ) async throws -> [VEE.RegisterReading] {
        var found: [RawRegister] = []
        var fromFiles: [VEE.RegisterReading] = []
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            found += try await site.readings.shard(month).read { [org] in
                try RawRegister.of(
                    meterID: meterID, from: max(from, month.first), to: min(to, month.last), orgID: org.orgID, in: $0)
            }
            fromFiles += try await site.readings.shard(month).read { [org] in
                try MeterData.RegisterReading.of(
                    meterID: meterID, from: max(from, month.first), to: min(to, month.last), orgID: org.orgID, in: $0)
            }.filter { $0.quality == .actual }.map { VEE.RegisterReading(atS: $0.atS, registerWh: $0.value) }
        }
        // A register that turned over goes on counting from where it was.
        var turnedWh: Int64 = 0
        var readings: [VEE.RegisterReading] = []
        for item in found {
            let startS = org.zone.startS(of: item.day)
            if let wh = item.startWh { readings.append(VEE.RegisterReading(atS: startS, registerWh: wh + turnedWh)) }
            turnedWh += item.wrapWh ?? 0
            if let wh = item.endWh {
                let endS = org.zone.startS(of: item.day.advanced(by: 1))
                readings.append(VEE.RegisterReading(atS: endS, registerWh: wh + turnedWh))
            }
        }
        // A meter that is called says it itself; others come by file.
        return readings.isEmpty ? fromFiles : readings
    }
}
