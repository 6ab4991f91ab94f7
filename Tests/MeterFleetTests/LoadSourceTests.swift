// Loads: the same inputs give the same energy, parts add up to the whole, a file is served as it stands.
import CivilTime
import Clocks
import LoadFiles
import MeterFleet
import Testing

@Suite("Loads of virtual meters")
struct LoadSourceTests {
    @Test("a household has a shape: evenings above nights, days that differ, one seed one load")
    func household() {
        let load = LoadSource.household(HouseholdModel(seed: 3))
        let nights = (1...20).map { load.energyWh(startS: at($0, 2), durationS: 7200) }
        let evenings = (1...20).map { load.energyWh(startS: at($0, 19), durationS: 7200) }
        #expect(zip(nights, evenings).allSatisfy { $0 < $1 } && Set(evenings).count > 10)
        let again = LoadSource.household(HouseholdModel(seed: 3))
        let other = LoadSource.household(HouseholdModel(seed: 4))
        #expect(again.energyWh(startS: at(5), durationS: 86_400) == load.energyWh(startS: at(5), durationS: 86_400))
        #expect(other.energyWh(startS: at(5), durationS: 86_400) != load.energyWh(startS: at(5), durationS: 86_400))
    }

    @Test(
        "parts of a span add up to the span",
        arguments: [
            LoadSource.household(HouseholdModel(seed: 9)), .constant(watts: 777),
            .recorded(
                RecordedLoad(
                    firstStartS: at(0), periodS: 1800, valuesWh: (0..<480).map { Int32($0 % 97) }, repeats: true)),
        ])
    func additive(_ load: LoadSource) {
        let whole = load.energyWh(startS: at(3), durationS: 86_400 * 9)
        let parts = stride(from: at(3), to: at(12), by: 900).reduce(0) {
            $0 + load.energyWh(startS: $1, durationS: 900)
        }
        #expect(parts == whole && whole > 0)
    }

    @Test("a load file is served as it stands; a moved one keeps its weekdays and repeats")
    func file() throws {
        var text = "stamp,A,B\n"
        for slot in 0..<(48 * 14) {
            let hour = slot % 48 / 2, minute = slot % 2 * 30, day = slot / 48 + 1
            text += "2026-03-\(day < 10 ? "0" : "")\(day) \(hour < 10 ? "0" : "")\(hour):\(minute == 0 ? "00" : "30"),"
            text += "0.\(100 + slot % 900),\(slot == 5 ? "" : "0.001")\n"
        }
        let file = try LoadFileParser.parse(Array(text.utf8), file: "load.csv", zone: .india)
        var plain = configuration(load: .recorded(try RecordedLoad(file, meter: 0, zone: .india)))
        plain.baseWh = 0
        let clock = ManualClock(startMs: at(14) * 1000)
        let meter = try VirtualMeter(plain, clocks: .manual(clock))
        for (day, values) in file.days(0) { #expect(meter.servedWh(day: day).map { Int32?($0) } == values) }
        #expect(meter.registerWh == file.days(0).flatMap(\.values).reduce(0) { $0 + Int64($1 ?? 0) })
        #expect(try RecordedLoad(file, meter: 1, zone: .india).missingSlots == 1)
        let moved = LoadSource.recorded(try RecordedLoad(file, meter: 0, zone: .india, shiftDays: 28, repeats: true))
        let original = LoadSource.recorded(try RecordedLoad(file, meter: 0, zone: .india))
        #expect(
            moved.energyWh(startS: at(28, 7), durationS: 1800) == original.energyWh(startS: at(0, 7), durationS: 1800))
        #expect(
            moved.energyWh(startS: at(45, 7), durationS: 1800) == original.energyWh(startS: at(3, 7), durationS: 1800))
        #expect(
            moved.energyWh(startS: at(-11, 7), durationS: 1800) == original.energyWh(startS: at(3, 7), durationS: 1800))
        #expect(original.energyWh(startS: at(20), durationS: 1800) == 0)
    }

    @Test("a meter that cannot be is refused with a reason")
    func refused() {
        let clocks = Clocks.manual(ManualClock(startMs: 0))
        var bad = configuration("a b")
        #expect(throws: MeterFleetError.self) { try VirtualMeter(bad, clocks: clocks) }
        bad = configuration(periodS: 700)
        #expect(throws: MeterFleetError.self) { try VirtualMeter(bad, clocks: clocks) }
        bad = configuration()
        bad.secrets.hls = [1]
        #expect(throws: MeterFleetError.self) { try VirtualMeter(bad, clocks: clocks) }
    }

    @Test("a clock that is ahead and one that drifts show in stamps, not in energy lost")
    func drift() throws {
        var fast = configuration()
        fast.clockAheadS = 120
        fast.driftPPM = 1000
        let clock = ManualClock(startMs: at(10) * 1000)
        let meter = try VirtualMeter(fast, clocks: .manual(clock))
        #expect(meter.nowS == at(10) + 120 + 864)
        let exact = try VirtualMeter(configuration(), clocks: .manual(clock))
        #expect(meter.servedWh(day: firstDay) == exact.servedWh(day: firstDay))
        #expect(meter.loadRows().last?.endS == at(10))
    }
}
