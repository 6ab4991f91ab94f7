// What estimates rest on beside the day blocks: the midnight registers of the raw answers. Reads only.
import Access
import CivilTime
import HeadEnd
import MeterData
import SQL
import VEE

extension EstimationSources {
    /// The sources of a company: registers as the meters gave them.
    public static func of(_ site: Site, _ org: Org) -> EstimationSources {
        EstimationSources(registers: { meterID, from, to in
            try await registers(of: meterID, from: from, to: to, site, org)
        })
    }

    private static func registers(
        of meterID: Int64, from: CivilDay, to: CivilDay, _ site: Site, _ org: Org
    ) async throws -> [RegisterReading] {
        var found: [RawRegister] = []
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            found += try await site.readings.shard(month).read { [org] in
                try RawRegister.of(
                    meterID: meterID, from: max(from, month.first), to: min(to, month.last), orgID: org.orgID, in: $0)
            }
        }
        // A register that turned over goes on counting from where it was.
        var turnedWh: Int64 = 0
        var readings: [RegisterReading] = []
        for item in found {
            let startS = org.zone.startS(of: item.day)
            if let wh = item.startWh { readings.append(RegisterReading(atS: startS, registerWh: wh + turnedWh)) }
            turnedWh += item.wrapWh ?? 0
            if let wh = item.endWh {
                let endS = org.zone.startS(of: item.day.advanced(by: 1))
                readings.append(RegisterReading(atS: endS, registerWh: wh + turnedWh))
            }
        }
        return readings
    }
}
