// The clock of a whole group: found when many meters are late together, silent on ordinary days and changed habits.
import CivilTime
import Compression
import Foundation
import LoadFiles
import Testing

@testable import VEE

@Suite struct GroupClock {
    /// Homes of one street: breakfast and supper at their own minutes, so that no two are alike.
    private func street(_ meters: Int, _ days: Range<Int>, lateOn late: Range<Int>, slots late2: Int) -> [[ShapeDay]] {
        let first = CivilDay("2026-03-02") ?? CivilDay(number: 0)
        return (0..<meters).map { meter in
            days.map { day in
                let usual = (0..<48).map { slot -> Int32 in
                    let noise = Int32((slot &* 31 &+ meter &* 17 &+ day &* 13) % 40)
                    let breakfast = abs(slot - 14 - meter % 3) < 2 ? 600 : 0
                    let supper = abs(slot - 38 - meter % 4) < 3 ? 900 : 0
                    return 60 + noise + Int32(breakfast + supper)
                }
                let shift = late.contains(day) ? late2 : 0
                let values = usual.indices.map { usual[(($0 - shift) % 48 + 48) % 48] as Int32? }
                return ShapeDay(day: first.advanced(by: day), values: values)
            }
        }
    }

    @Test func lateAndEarlyGroupsAreFound() {
        let first = CivilDay("2026-03-02") ?? CivilDay(number: 0)
        for slots in [2, -1, 4] {
            let found = clockShifts(street(40, 0..<21, lateOn: 15..<18, slots: slots), periodS: 1800)
            #expect(found.map(\.day) == (15..<18).map { first.advanced(by: $0) })
            #expect(found.allSatisfy { $0.shiftMinutes == slots * 30 && $0.meters == 40 && $0.fittingMeters > 36 })
        }
        // Only from the day asked for.
        let some = clockShifts(
            street(40, 0..<21, lateOn: 15..<18, slots: 2), periodS: 1800, from: first.advanced(by: 17))
        #expect(some.map(\.day) == [first.advanced(by: 17)])
    }

    @Test func ordinaryAndTooFewAreSilent() {
        #expect(clockShifts(street(40, 0..<28, lateOn: 0..<0, slots: 0), periodS: 1800) == [])
        #expect(clockShifts(street(10, 0..<21, lateOn: 15..<18, slots: 2), periodS: 1800) == [])
        #expect(clockShifts([], periodS: 1800) == [] && clockShifts([[]], periodS: 0) == [])
        // Half of them late, as when people change their habits: the shape blurs, but does not move as one.
        let half = street(20, 0..<21, lateOn: 15..<18, slots: 2) + street(24, 0..<21, lateOn: 0..<0, slots: 0)
        #expect(clockShifts(half, periodS: 1800) == [])
        // Days with a gap or of another slot count are no shape.
        let short = street(40, 0..<21, lateOn: 15..<18, slots: 2).map { days in
            days.map { ShapeDay(day: $0.day, values: Array($0.values.dropLast())) }
        }
        #expect(clockShifts(short, periodS: 1800) == [])
    }

    /// The fault of the real set: all meters one hour late from the night of 13/14 May to 2009-05-20 00:30.
    @Test func realFaultIsFound() throws {
        let root = ProcessInfo.processInfo.environment["BUSBAR_DATA"] ?? "../shared"
        let path = "\(root)/data/edrp-households-a/edrp_a_30min_kwh_wide.csv.gz"
        guard let data = FileManager.default.contents(atPath: path) else {
            print("no \(path): the real clock fault is not checked; set BUSBAR_DATA")
            return
        }
        let zone = try #require(Zone("Europe/London"))
        let file = try LoadFileParser.parse(
            try Gzip.decompress([UInt8](data), limit: 100_000_000), file: "load", zone: zone)
        let begin = try #require(CivilDay("2009-04-06"))
        let meters = file.meters.indices.map { meter in
            file.days(meter).filter { $0.day >= begin }.map { ShapeDay(day: $0.day, values: $0.values) }
        }
        let found = clockShifts(meters, periodS: file.periodS)
        let faulty = (14...19).compactMap { CivilDay("2009-05-\($0)") }
        #expect(found.map(\.day) == faulty)
        #expect(found.allSatisfy { $0.shiftMinutes == 60 && $0.meters == 311 && $0.fittingMeters * 2 > $0.meters })
    }
}
