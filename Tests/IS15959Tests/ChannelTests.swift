// All channels of the load profile, registers by zone, demands, and the ratios of transformers.
import CivilTime
import DLMS
import IS15959
import Testing

private let day = Zone.india.startS(of: CivilDay(number: 20_514))
private func stamp(_ atS: Int64) -> DLMSData { .octetString(COSEMDateTime(instantS: atS, offsetS: 19_800).bytes) }

private func layout(_ names: [String], _ scalers: [String: ScalerUnit]) -> ProfileLayout {
    var byCode: [OBIS: ScalerUnit] = [:]
    for (name, scaler) in scalers { if let object = ObjectNames.find(name) { byCode[object.obis] = scaler } }
    return ProfileLayout(columns: names.compactMap { ObjectNames.find($0)?.capture }, scalers: byCode, periodS: 1800)
}

@Suite("Channels, registers and ratios")
struct ChannelTests {
    @Test("the storage codes of channels never change")
    func codes() {
        #expect(
            LoadChannel.allCases.map(\.rawValue) == [
                1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 21, 22, 23, 24, 41, 42, 43, 44, 45,
            ])
        for channel in LoadChannel.allCases {
            for name in channel.objectNames { #expect(ObjectNames.find(name) != nil, "\(name)") }
        }
    }

    @Test("every channel that is among the columns is given, scaled and multiplied")
    func channels() throws {
        let names = [
            "clock", "block-import-energy", "block-export-energy", "block-import-apparent-energy",
            "block-reactive-energy-q1", "block-reactive-energy-q4", "average-voltage-r", "average-voltage-y",
            "average-current-b", "average-neutral-current", "average-frequency", "average-power-factor",
        ]
        let rows = layout(
            names,
            [
                "block-import-energy": ScalerUnit(-1, 30), "block-export-energy": ScalerUnit(0, 30),
                "block-import-apparent-energy": ScalerUnit(0, 31), "block-reactive-energy-q1": ScalerUnit(0, 32),
                "block-reactive-energy-q4": ScalerUnit(1, 32), "average-voltage-r": ScalerUnit(-1, 35),
                "average-voltage-y": ScalerUnit(-2, 35), "average-current-b": ScalerUnit(-2, 33),
                "average-neutral-current": ScalerUnit(-3, 33), "average-frequency": ScalerUnit(-2, 44),
                "average-power-factor": ScalerUnit(-2, 255),
            ])
        let row = DLMSData.structure([
            stamp(day + 1800), .longUnsigned(1234), .longUnsigned(0), .longUnsigned(140), .longUnsigned(30),
            .longUnsigned(2), .longUnsigned(2305), .null, .longUnsigned(512), .longUnsigned(7), .longUnsigned(4998),
            .long(-95),
        ])
        let plain = try rows.intervals(.array([row]), zone: .india)
        #expect(
            plain == [
                IntervalReading(
                    endS: day + 1800,
                    values: [
                        .importWh: 123, .exportWh: 0, .importVAh: 140, .varhQ1: 30, .varhQ4: 20, .voltageR: 230_500,
                        .currentB: 5120, .neutralCurrent: 7, .frequency: 49_980, .powerFactor: -950,
                    ])
            ])
        let current = try #require(TransformerRatio(200, over: 5))
        let voltage = try #require(TransformerRatio(11_000, over: 110))
        let primary = try rows.intervals(
            .array([row]), zone: .india, multiplier: MeterMultiplier(current: current, voltage: voltage))[0].values
        #expect(primary[.importWh] == 123 * 4000 && primary[.currentB] == 5120 * 40)
        #expect(primary[.voltageR] == 230_500 * 100 && primary[.powerFactor] == -950)
        #expect(primary[.frequency] == 49_980)
    }

    @Test("units are read, never assumed; energy must be there")
    func units() {
        let names = ["clock", "block-import-energy", "average-voltage"]
        let row = DLMSData.array([.structure([stamp(day), .unsigned(1), .unsigned(1)])])
        for wrong in [
            ["block-import-energy": ScalerUnit(0, 32), "average-voltage": ScalerUnit(0, 35)],
            ["block-import-energy": ScalerUnit(0, 30), "average-voltage": ScalerUnit(0, 33)],
            ["block-import-energy": ScalerUnit(0, 30)],
        ] {
            #expect(throws: ProfileError.self) { try layout(names, wrong).intervals(row, zone: .india) }
        }
        let none = layout(["clock", "average-voltage"], ["average-voltage": ScalerUnit(0, 35)])
        let short = DLMSData.array([.structure([stamp(day), .unsigned(1)])])
        #expect(throws: ProfileError.self) { try none.intervals(short, zone: .india) }
    }

    @Test("a maker's place for a channel is taken from its file")
    func makersPlace() throws {
        let acme = try MeterProfile(
            json: """
                {"format": 1, "name": "acme", "base": "three-phase",
                 "objects": [{"name": "block-reactive-energy-q1", "class": 3, "obis": "1.0.131.29.0"}]}
                """)
        let obis = OBIS(1, 0, 131, 29, 0)
        var rows = layout(["clock", "block-import-energy"], ["block-import-energy": ScalerUnit(0, 30)])
        rows.columns.append(CaptureObject(3, obis))
        rows.scalers[obis] = ScalerUnit(0, 32)
        let buffer = DLMSData.array([.structure([stamp(day), .unsigned(1), .unsigned(9)])])
        #expect(try rows.intervals(buffer, zone: .india, profile: acme)[0].values == [.importWh: 1, .varhQ1: 9])
        #expect(try rows.intervals(buffer, zone: .india)[0].values == [.importWh: 1])
    }

    @Test("billing rows: registers by zone, demands with their times, the billing date as stamp")
    func billing() throws {
        let names = [
            "billing-date", "billing-power-factor", "import-energy", "import-energy-tz3", "max-demand",
            "max-demand-time", "max-demand-apparent-tz2", "export-energy", "reactive-energy-q1",
            "billing-power-on-duration", "max-demand-apparent",
        ]
        let scalers: [String: ScalerUnit] = [
            "billing-power-factor": ScalerUnit(-3, 255), "import-energy": ScalerUnit(3, 30),
            "import-energy-tz3": ScalerUnit(0, 30), "max-demand": ScalerUnit(0, 27),
            "max-demand-apparent-tz2": ScalerUnit(0, 28), "export-energy": ScalerUnit(0, 30),
            "reactive-energy-q1": ScalerUnit(0, 32), "billing-power-on-duration": ScalerUnit(0, 6),
            "max-demand-apparent": ScalerUnit(0, 28),
        ]
        let open = COSEMDateTime()
        let row = DLMSData.structure([
            stamp(day), .longUnsigned(987), .doubleLongUnsigned(12), .doubleLongUnsigned(5000), .longUnsigned(2400),
            stamp(day - 7200), .longUnsigned(7), .null, .doubleLongUnsigned(3), .doubleLongUnsigned(43_000),
            .longUnsigned(2500),
        ])
        let ratio = MeterMultiplier(current: try #require(TransformerRatio(10, over: 1)))
        let snapshot = try layout(names, scalers).snapshots(.array([row]), zone: .india, multiplier: ratio)[0]
        #expect(snapshot.atS == day && snapshot.powerFactorThousandths == 987 && snapshot.powerOnMinutes == 43_000)
        #expect(
            snapshot.registers == [
                RegisterKey(.importWh): 120_000, RegisterKey(.importWh, zone: 3): 50_000, RegisterKey(.varhQ1): 30,
            ])
        #expect(
            snapshot.demands == [
                DemandKey(.importW): DemandReading(value: 24_000, atS: day - 7200),
                DemandKey(.importVA, zone: 2): DemandReading(value: 70, atS: nil),
                DemandKey(.importVA): DemandReading(value: 25_000, atS: nil),
            ])
        #expect(throws: ProfileError.self) {
            try layout(names, [:]).snapshots(.array([row]), zone: .india)
        }
        let undated = layout(["billing-date", "import-energy"], scalers)
        #expect(throws: ProfileError.self) {
            try undated.snapshots(.array([.structure([.dateTime(open), .unsigned(1)])]), zone: .india)
        }
    }

    @Test("event logs carry the count of the log")
    func sequences() throws {
        let log = layout(["clock", "event-code-power", "event-sequence-power"], [:])
        let buffer = DLMSData.array([.structure([stamp(day), .longUnsigned(101), .doubleLongUnsigned(77)])])
        #expect(try log.events(buffer, zone: .india).first?.sequence == 77)
    }

    @Test(
        "ratios in every form makers send",
        arguments: [
            (DLMSData.longUnsigned(40), 40, 1), (.structure([.longUnsigned(200), .longUnsigned(5)]), 200, 5),
            (.text("200/5"), 200, 5), (.text("11000 V / 110 V"), 11_000, 110), (.text("40"), 40, 1),
        ] as [(DLMSData, Int64, Int64)])
    func ratios(_ data: DLMSData, _ primary: Int64, _ secondary: Int64) {
        #expect(TransformerRatio(data) == TransformerRatio(primary, over: secondary))
    }

    @Test("what is no ratio is nothing; results are exact and rounded once")
    func exact() throws {
        for bad in [DLMSData.unsigned(0), .null, .text("x"), .text("1/0"), .text("1/2/3"), .text(""), .long(-5)] {
            #expect(TransformerRatio(bad) == nil, "\(bad)")
        }
        #expect(TransformerRatio(.unsigned(125), scaler: -1) == TransformerRatio(125, over: 10))
        let third = MeterMultiplier(current: try #require(TransformerRatio(1, over: 3)))
        #expect(third.primary(5, .energy) == 2 && third.primary(-5, .energy) == -2 && third.primary(4, .energy) == 1)
        #expect(third.primary(5, .voltage) == 5 && third.primary(5, .none) == 5)
        let large = MeterMultiplier(
            current: try #require(TransformerRatio(1_000_000, over: 1)),
            voltage: try #require(TransformerRatio(1_000_000, over: 1)))
        #expect(large.primary(.max, .energy) == nil && large.primary(9, .energy) == 9_000_000_000_000)
    }
}
