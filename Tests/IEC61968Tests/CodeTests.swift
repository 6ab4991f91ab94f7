// Codes against the shared lists, numbers and stamps.
import Testing

@testable import IEC61968

@Suite struct CodeTests {
    @Test("every reading type of the list is read, written and has a name of its own")
    func readingTypes() throws {
        guard let rows = codeList("cim_reading_types") else { return }
        #expect(rows.count == 164)
        var names: [String: String] = [:]
        for row in rows {
            let text = try #require(row["mrid"])
            let code = try #require(ReadingTypeCode(text), "\(text)")
            #expect(code.description == text)
            for (index, field) in ReadingTypeCode.Field.allCases.enumerated() {
                let column = try #require(row.keys.first { $0.hasPrefix("f\(index + 1)_") })
                #expect(row[column] == String(code[field]), "\(text) \(column)")
            }
            #expect(names.updateValue(text, forKey: code.name) == nil, "\(code.name) names two codes")
            #expect(!code.name.contains("multiplier") && !code.name.contains("kind "), "\(code.name)")
        }
    }

    /// The objects that carry energy stand for the same reading type there and back.
    @Test func readingTypesAndObjects() throws {
        guard let rows = codeList("cim_reading_types") else { return }
        var checked = 0
        for row in rows where ["block_load", "instantaneous"].contains(row["profile"] ?? "") {
            guard let text = row["mrid"], let code = ReadingTypeCode(text), let obis = row["is15959_obis"] else {
                continue
            }
            #expect(code.obis == obis, "\(row["quantity"] ?? "") \(text)")
            checked += 1
        }
        #expect(checked > 40)
        let block = try #require(ReadingTypeCode(obis: "1.0.1.29.0.255", multiplier: 3))
        #expect(block.isIntervalImport && block.periodS == nil)
        #expect(ReadingTypeCode(obis: "1.0.1.8.0.255", multiplier: 0)?.isImportRegister == true)
        for none in ["1.0.32.7.0.255", "0.0.96.3.10.255", "1.0.1.29.0", "x", ""] {
            #expect(ReadingTypeCode(obis: none, multiplier: 0) == nil)
        }
    }

    @Test func readingTypesAreBuilt() throws {
        #expect(ReadingTypeCode.intervalImport(periodS: 900)?.description == "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0")
        #expect(ReadingTypeCode.intervalImport(periodS: 1_800)?.periodS == 1_800)
        #expect(ReadingTypeCode.intervalImport(periodS: 7) == nil)
        #expect(ReadingTypeCode.dailyImportRegister.description == "11.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0")
        let export = try #require(ReadingTypeCode("0.0.2.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0"))
        #expect(!export.isIntervalImport && export.name == "energy, 15 minutes, delta, reverse, kWh")
        let bad = ["", "1.2.3", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0.0"]
        for text in bad + ["a.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0", "-1.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"] {
            #expect(ReadingTypeCode(text) == nil, "\(text)")
        }
        #expect(ReadingTypeCode("0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.-3.72.0")?[.multiplier] == -3)
    }

    @Test("every event of the list has its code here")
    func events() throws {
        guard let rows = codeList("cim_event_types") else { return }
        var checked = 0
        for row in rows {
            let text = try #require(row["cim_code"])
            #expect(EndDeviceCode(text)?.description == text)
            guard let id = row["event_id"].flatMap({ Int($0) }) else { continue }
            #expect(EndDeviceEventCodes.code(of: id).description == text, "\(id)")
            #expect(EndDeviceEventCodes.isListed(id))
            checked += 1
        }
        #expect(checked > 100)
        #expect(EndDeviceEventCodes.eventID(of: EndDeviceCode(3, 26, 9, 185)) == 101)
        // Many tampers share one code: nobody may guess which it was.
        #expect(EndDeviceEventCodes.eventID(of: EndDeviceCode(3, 33, 1, 257)) == nil)
        #expect(!EndDeviceEventCodes.isListed(7_777))
    }

    @Test("every event of IS 15959 can be sent, and is known again by its detail")
    func eventsOfTheStandard() throws {
        guard let rows = codeList("is15959_events") else { return }
        for row in rows {
            guard let id = row["event_id"].flatMap({ Int($0) }) else { continue }
            let event = EndDeviceEvent(
                code: EndDeviceEventCodes.code(of: id), createdMs: 0, device: NamedThing(name: "M"),
                details: [.init(EndDeviceEventCodes.detailName, "\(id)")])
            #expect(event.eventID == id)
        }
    }

    @Test("every control of the list is known")
    func controls() throws {
        guard let rows = codeList("cim_control_types") else { return }
        var seen: Set<EndDeviceAction> = []
        for row in rows where row["cim_code"]?.hasPrefix("(") == false {
            let code = try #require(row["cim_code"].flatMap { EndDeviceCode($0) })
            let action = try #require(EndDeviceAction(code), "\(row)")
            #expect(action.code == code)
            seen.insert(action)
        }
        #expect(seen == Set(EndDeviceAction.allCases))
        #expect(EndDeviceAction(EndDeviceCode(0, 36, 116, 13)) == .setClock)
        #expect(EndDeviceAction(EndDeviceCode(3, 1, 1, 1)) == nil)
    }

    @Test(
        arguments: [
            ("0", 0, 0), ("-0.50", -50, -2), (" 312 ", 312, 0), ("1.2E3", 12, 2), ("+.5", 5, -1), ("5.", 5, 0),
            ("0000000000000000000000012", 12, 0), ("999999999999999999", 999_999_999_999_999_999, 0), ("2e-7", 2, -7),
        ] as [(String, Int64, Int8)]) func numbers(_ text: String, _ mantissa: Int64, _ exponent: Int8) throws
    {
        let number = try #require(ExactNumber(text))
        #expect(number.mantissa == mantissa && number.exponent == exponent)
    }

    @Test(arguments: [
        "", " ", ".", "-", "1.2.3", "NaN", "INF", "1e", "1e999", "0x10", "1,5", "9999999999999999999", "१",
    ])
    func noNumbers(_ text: String) { #expect(ExactNumber(text) == nil) }

    @Test func numbersInUnits() {
        #expect(ExactNumber("0.312")?.whole(inUnitsOf: -3) == 312)
        #expect(ExactNumber("0.3120")?.whole(inUnitsOf: -3) == 312)
        #expect(ExactNumber("0.3125")?.whole(inUnitsOf: -3) == nil)
        #expect(ExactNumber("12")?.whole(inUnitsOf: -3) == 12_000)
        #expect(ExactNumber("-7E3")?.whole(inUnitsOf: 0) == -7_000)
        #expect(ExactNumber("999999999999999999")?.whole(inUnitsOf: -3) == nil)
        #expect(ExactNumber("0E40")?.whole(inUnitsOf: -3) == 0)
        #expect(
            ExactNumber(-5, exponent: -3).description == "-0.005" && ExactNumber(7, exponent: 2).description == "700")
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-20T00:30:00+05:30", 1_795_114_800_000),
            ("2026-11-19T24:00:00+05:30", 1_795_113_000_000), ("1969-12-31T23:59:59.5Z", -500),
            ("2024-02-29T12:00:00.123-00:30", 1_709_209_800_123),
        ] as [(String, Int64)]) func stamps(_ text: String, _ ms: Int64)
    {
        #expect(Stamp.ms(text) == ms)
        for offsetS: Int64 in [0, 19_800, -12_600] { #expect(Stamp.ms(Stamp.text(ms, offsetS: offsetS)) == ms) }
    }

    @Test(arguments: [
        "", "2026-11-20", "2026-11-20T00:30:00", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-20T25:00:00Z", "2026-11-20T24:00:01Z", "2026-11-20T00:30:00+0530", "2026-11-20 00:30:00Z",
        "2026-11-20T00:30:00Zx", "2026-11-20T00:30:00.Z", "+2026-11-20T00:30:00Z",
    ]) func noStamps(_ text: String) { #expect(Stamp.ms(text) == nil) }

    @Test func qualities() {
        #expect(ReadingStanding([]) == .actual && ReadingStanding([.actual]) == .actual)
        #expect(ReadingStanding([.actual, .estimated]) == .estimated && ReadingStanding([.edited]) == .edited)
        #expect(ReadingStanding([.missing, .estimated]) == .missing)
        #expect(ReadingStanding([QualityCode(2, 6, 1)]) == .doubtful)
        #expect(QualityCode("1.2") == nil && QualityCode("1.0.0")?.description == "1.0.0")
    }
}
