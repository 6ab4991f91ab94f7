// Buffers read by what the meter says of itself: order of columns, scalers, stamps in all their forms, compressed rows.
import CivilTime
import DLMS
import Testing

@testable import IS15959

/// 2026-03-02 in India.
private let day = Zone.india.startS(of: CivilDay(number: 20_514))
private let energy = CaptureObject(3, OBIS(1, 0, 1, 29, 0))
private let clock = CaptureObject(8, OBIS(0, 0, 1, 0, 0))

private func stamp(_ atS: Int64) -> DLMSData { .octetString(COSEMDateTime(instantS: atS, offsetS: 19_800).bytes) }

private func layout(_ columns: [CaptureObject] = [clock, energy], scaler: Int8 = 0, unit: UInt8 = 30) -> ProfileLayout {
    ProfileLayout(columns: columns, scalers: [energy.obis: ScalerUnit(scaler, unit)], periodS: 1800)
}

@Suite("Profiles of IS 15959")
struct ProfileTests {
    @Test("the stamp may stand in any column")
    func order() throws {
        let buffer = DLMSData.array([.structure([.doubleLongUnsigned(81), stamp(day + 1800)])])
        let rows = try layout([energy, clock]).blockLoad(buffer, zone: .india)
        #expect(rows == [BlockLoadReading(endS: day + 1800, importWh: 81, exportWh: nil, averageVoltageMilliV: nil)])
    }

    @Test(
        "scalers of both signs reach Wh; half a Wh rounds away from zero",
        arguments: [
            (Int8(0), 81, 81), (-1, 815, 82), (-1, 814, 81), (-3, 81_499, 81), (2, 3, 300),
        ])
    func scalers(_ scaler: Int8, _ raw: UInt32, _ wh: Int32) throws {
        let buffer = DLMSData.array([.structure([stamp(day), .doubleLongUnsigned(raw)])])
        #expect(try layout(scaler: scaler).blockLoad(buffer, zone: .india)[0].importWh == wh)
    }

    @Test("the midnight stamp, hour 24, no deviation and a deviation with its sign turned round are the same instant")
    func stamps() throws {
        let midnight = COSEMDateTime(
            year: 2026, month: 3, day: 2, hour: 0, minute: 0, second: 0, deviationMinutes: -330)
        let hour24 = COSEMDateTime(year: 2026, month: 3, day: 1, hour: 24, minute: 0, second: 0, deviationMinutes: -330)
        let none = COSEMDateTime(year: 2026, month: 3, day: 2, hour: 0, minute: 0, second: 0xFF)
        let turned = COSEMDateTime(year: 2026, month: 3, day: 2, hour: 0, minute: 0, second: 0, deviationMinutes: 330)
        for form in [midnight, hour24, none, turned] {
            #expect(try ProfileLayout.instantS(.octetString(form.bytes), zone: .india) == day, "\(form)")
            #expect(try ProfileLayout.instantS(.dateTime(form), zone: .india) == day, "\(form)")
        }
        let other = COSEMDateTime(year: 2026, month: 3, day: 1, hour: 18, minute: 30, second: 0, deviationMinutes: 0)
        #expect(try ProfileLayout.instantS(.dateTime(other), zone: .india) == day)
        #expect(try ProfileLayout.instantS(.dateTime(COSEMDateTime()), zone: .india) == nil)
        let nonsense = COSEMDateTime(year: 2026, month: 2, day: 30, hour: 0, minute: 0, second: 0, deviationMinutes: 0)
        #expect(throws: ProfileError.self) { try ProfileLayout.instantS(.dateTime(nonsense), zone: .india) }
    }

    @Test("null stamps count on, null values repeat, differences add up")
    func compressed() throws {
        let buffer = DLMSData.array([
            .structure([stamp(day), .doubleLongUnsigned(50)]), .structure([.null, .null]),
            .structure([.null, .deltaInteger(-7)]), .structure([.null, .doubleLongUnsigned(9)]),
        ])
        let rows = try layout().blockLoad(buffer, zone: .india)
        #expect(rows.map(\.endS) == [day, day + 1800, day + 3600, day + 5400])
        #expect(rows.map(\.importWh) == [50, 50, 43, 9])
    }

    @Test(
        "a buffer that does not fit is refused with its row",
        arguments: [
            DLMSData.null, .array([.null]), .array([.structure([stamp(day)])]),
            .array([.structure([.null, .doubleLongUnsigned(1)])]), .array([.structure([stamp(day), .null])]),
            .array([.structure([stamp(day), .text("x")])]), .array([.structure([.text("x"), .unsigned(1)])]),
            .array([.structure([stamp(day), .deltaInteger(1)])]),
            .array([.structure([stamp(day), .long64(.max)]), .structure([.null, .deltaInteger(1)])]),
        ])
    func refused(_ buffer: DLMSData) {
        #expect(throws: ProfileError.self) { try layout().blockLoad(buffer, zone: .india) }
    }

    @Test("no energy column, no scaler, another unit, no clock: refused")
    func incomplete() {
        let buffer = DLMSData.array([.structure([stamp(day), .doubleLongUnsigned(1)])])
        let apparent = CaptureObject(3, OBIS(1, 0, 9, 29, 0))
        #expect(throws: ProfileError.self) { try layout([clock, apparent]).blockLoad(buffer, zone: .india) }
        #expect(throws: ProfileError.self) {
            try ProfileLayout(columns: [clock, energy], scalers: [:], periodS: 0).blockLoad(buffer, zone: .india)
        }
        #expect(throws: ProfileError.self) { try layout(unit: 32).blockLoad(buffer, zone: .india) }
        #expect(throws: ProfileError.self) { try layout([energy, energy]).blockLoad(buffer, zone: .india) }
    }

    @Test("capture objects and the scaler profile are read; what it does not tell is asked for")
    func scalerProfile() throws {
        let voltage = CaptureObject(3, OBIS(1, 0, 12, 27, 0))
        let columns = try ProfileLayout.columns(.array([clock.data, voltage.data, energy.data]))
        #expect(columns == [clock, voltage, energy])
        let captures = [CaptureObject(3, voltage.obis, 3)]
        let scalers = try ProfileLayout.scalers(
            columns: captures, buffer: .array([.structure([.scalerUnit(-1, 35)])]))
        #expect(scalers == [voltage.obis: ScalerUnit(-1, 35)])
        #expect(ProfileLayout(columns: columns, scalers: scalers, periodS: 0).columnsWithoutScaler == [energy])
        #expect(throws: ProfileError.self) { try ProfileLayout.columns(.array([])) }
        #expect(throws: ProfileError.self) { try ProfileLayout.columns(.array([.null])) }
        #expect(throws: ProfileError.self) { try ProfileLayout.scalers(columns: captures, buffer: .array([])) }
    }

    @Test("a scaled number is exact text; what does not fit is nothing")
    func scaled() {
        #expect(ScalerUnit(-2, 35).text(23_012) == "230.12" && ScalerUnit(-3, 30).text(-7) == "-0.007")
        #expect(ScalerUnit(3, 30).text(5) == "5000" && ScalerUnit(0, 30).text(5) == "5")
        #expect(ScalerUnit(-1, 35).value(2305, exponent: -3) == 230_500)
        #expect(ScalerUnit(-1, 30).value(-15) == -2 && ScalerUnit(-1, 30).value(14) == 1)
        #expect(ScalerUnit(18, 30).value(.max) == nil && ScalerUnit(100, 30).value(1) == nil)
        #expect(ScalerUnit(.min, 30).value(1) == nil && ScalerUnit(.min, 30).text(1) == "1e-128")
    }

    @Test("events carry their code and time")
    func events() throws {
        let code = EventLog.control.code
        let log = ProfileLayout(columns: [clock, code], scalers: [:], periodS: 0)
        let buffer = DLMSData.array([
            .structure([stamp(day), .longUnsigned(301)]), .structure([stamp(day + 60), .longUnsigned(302)]),
        ])
        #expect(
            try log.events(buffer, zone: .india) == [
                EventReading(atS: day, code: 301), EventReading(atS: day + 60, code: 302),
            ])
        #expect(EventIDs.name(101) == "power failure" && EventIDs.name(102) == "power failure over")
        #expect(
            EventIDs.name(999) == nil && EventIDs.log(251) == .nonRollover
                && EventLog.control.obis == OBIS(0, 0, 99, 98, 6))
    }

    @Test("every column of every profile has a name, every name and code stands for one object")
    func names() {
        for profile in MeterProfile.all {
            for name in profile.profiles.flatMap(\.columns) { #expect(ObjectNames.find(name) != nil, "\(name)") }
        }
        #expect(Set(ObjectNames.all.map(\.name)).count == ObjectNames.all.count)
        // The value of a maximum demand and its time are two attributes of one object.
        #expect(Set(ObjectNames.all.map(\.value)).count == ObjectNames.all.count)
        #expect(ObjectNames.find("import-energy")?.obis == OBIS("1.0.1.8.0"))
        #expect(MeterProfile.singlePhase.profile("block-load")?.scalerProfile == OBIS("1.0.94.91.4"))
    }
}
