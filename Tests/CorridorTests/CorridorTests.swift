// The case table of delivery paths, row by row, and the losses on them, with the ways of reckoning that are wrong.
import Corridor
import Testing

@Suite struct CorridorTests {
    static let gujarat: Int64 = 1
    static let maharashtra: Int64 = 2
    static let ctu: Int64 = 9
    static let nma: Int64 = 50

    struct Row: Sendable, CustomTestStringConvertible {
        var number: Int
        var sameState: Bool
        var capable: Bool
        var injecting: Int64?
        var drawing: Int64?
        var nodes: [PathNode]?
        var error: CorridorError?
        var warnings: [CorridorWarning] = []
        var testDescription: String { "row \(number)" }
    }

    static let rows: [Row] = [
        Row(number: 1, sameState: true, capable: false, injecting: 1, drawing: 1, nodes: [stu(1), end]),
        Row(number: 2, sameState: true, capable: true, injecting: 1, drawing: 1, nodes: [stu(1), end]),
        Row(number: 3, sameState: true, capable: true, injecting: nil, drawing: 1, nodes: [between, stu(1), end]),
        Row(number: 4, sameState: true, capable: false, injecting: nil, drawing: 1, error: .noInjectionPath),
        Row(
            number: 5, sameState: true, capable: false, injecting: 1, drawing: 2, nodes: [stu(1), stu(2), end],
            warnings: [.twoSTUsInOneState]),
        Row(
            number: 5, sameState: true, capable: true, injecting: 1, drawing: 2, nodes: [stu(1), stu(2), end],
            warnings: [.twoSTUsInOneState]),
        Row(number: 6, sameState: false, capable: true, injecting: 1, drawing: 2, nodes: [between, stu(2), end]),
        Row(number: 6, sameState: false, capable: true, injecting: 2, drawing: 2, nodes: [between, stu(2), end]),
        Row(
            number: 7, sameState: false, capable: false, injecting: 1, drawing: 2,
            nodes: [stu(1), between, stu(2), end]
        ),
        Row(
            number: 7, sameState: false, capable: false, injecting: 1, drawing: nil, nodes: [stu(1), between, end],
            warnings: [.readLikeTheNearestCase]),
        Row(number: 8, sameState: false, capable: false, injecting: nil, drawing: 2, error: .noInjectionPath),
        Row(number: 9, sameState: false, capable: true, injecting: 1, drawing: nil, nodes: [between, end]),
        Row(
            number: 10, sameState: false, capable: false, injecting: 1, drawing: 1, nodes: [stu(1), end],
            warnings: [.sharedSTUWithoutCTU]),
        Row(number: 1, sameState: true, capable: false, injecting: 1, drawing: nil, error: .noDrawingPath),
    ]

    static func stu(_ id: Int64) -> PathNode { PathNode(.stu, id) }
    static let between = PathNode(.ctu, ctu)
    static let end = PathNode(.nma, nma)

    @Test(arguments: rows)
    func everyRowOfTheTable(_ row: Row) throws {
        let plant = PlantFacts(
            plantID: 7, geography: "Gujarat", injectingSTU: row.injecting, isCTUCapable: row.capable)
        let nma = NMAFacts(
            nmaID: Self.nma, geography: row.sameState ? "Gujarat" : "Maharashtra", drawingSTU: row.drawing)
        if let error = row.error {
            #expect(throws: error) { try Corridor.derive(plant: plant, nma: nma, ctu: Self.ctu) }
            return
        }
        let found = try Corridor.derive(plant: plant, nma: nma, ctu: Self.ctu)
        #expect(found.nodes == row.nodes && found.caseNumber == row.number && found.warnings == row.warnings)
        // Row 12: the same without the wires of the NMA.
        let atSTU = try Corridor.derive(plant: plant, nma: nma, ctu: Self.ctu, takesFromSTU: true)
        #expect(atSTU.nodes == row.nodes.map { Array($0.dropLast()) })
        let read = try #require(Corridor.parse(channelKey: found.channelKey))
        #expect(read.plantID == 7 && read.nodes == found.nodes)
    }

    @Test func unknownStatesAndAMissingCTUAreRefused() {
        let plant = PlantFacts(plantID: 7, geography: "Gujarat", injectingSTU: 1, isCTUCapable: true)
        // Row 11, on either side.
        #expect(throws: CorridorError.geographyUnknown) {
            try Corridor.derive(
                plant: plant, nma: NMAFacts(nmaID: 5, geography: nil, drawingSTU: 1), ctu: Self.ctu)
        }
        var unknown = plant
        unknown.geography = nil
        #expect(throws: CorridorError.geographyUnknown) {
            try Corridor.derive(
                plant: unknown, nma: NMAFacts(nmaID: 5, geography: "Gujarat", drawingSTU: 1), ctu: Self.ctu)
        }
        #expect(throws: CorridorError.noCTU) {
            try Corridor.derive(
                plant: plant, nma: NMAFacts(nmaID: 5, geography: "Kerala", drawingSTU: 3), ctu: nil)
        }
    }

    @Test func theOtherReadingOfTwoNodes() throws {
        let found = try Corridor.derive(
            plant: PlantFacts(plantID: 7, geography: "Gujarat", injectingSTU: 1, isCTUCapable: false),
            nma: NMAFacts(nmaID: 5, geography: "Gujarat", drawingSTU: 1), ctu: nil, twoNodeMeaning: .plantAndNMA)
        #expect(found.channelKey == "plant:7|nma:5")
    }

    @Test(arguments: ["", "plant:7|", "nma:5", "plant:x|nma:5", "plant:7|sea:5", "plant:7|nma:5:6"])
    func whatIsNoKeyIsNotRead(_ text: String) {
        #expect(Corridor.parse(channelKey: text) == nil)
    }
}

@Suite struct LossTests {
    /// 300 kWh over NMA 8 %, drawing STU 4 %, CTU 3 %, injecting STU 3.5 %, in mWh.
    @Test func theWorkedExample() throws {
        let path = try Losses.grossUp(milliWh: 300_000_000, lossesPPM: [80_000, 40_000, 30_000, 35_000])
        #expect(path == [326_086_957, 339_673_913, 350_179_292, 362_880_095])
        let wrong: [Int64] = [355_500_000, 359_216_000]
        #expect(!wrong.contains { abs($0 - path[3]) < 1_000_000 })
        let added = try Losses.grossUp(
            milliWh: 390_000, lossesPPM: [20_000, 40_000, 20_000, 40_000, 40_000], composition: .sumOfPercents)
        #expect(added.last == 464_286)
        let chained = try Losses.grossUp(milliWh: 390_000, lossesPPM: [20_000, 40_000, 20_000, 40_000, 40_000])
        #expect(chained.last == 458_985 || chained.last == 458_986)
    }

    @Test func theLossesAndTheMeterAddToThePlant() throws {
        var seed = SplitMix(state: 7)
        for _ in 0..<2_000 {
            let meter = Int64(truncatingIfNeeded: seed.next()) >> Int64(seed.next() % 40 + 4)
            let nodes = (0..<Int(seed.next() % 5)).map { PathNode(.stu, Int64($0)) }
            let losses = nodes.map { _ in Int64(seed.next() % 200_000) }
            let flows = try Losses.flows(milliWh: meter, nodes: nodes) { losses[Int($0.nodeID)] }
            #expect(meter + flows.reduce(0) { $0 + $1.lossMilliWh } == flows.first?.inMilliWh ?? meter)
            #expect(flows.last?.outMilliWh ?? meter == meter)
            #expect(zip(flows, flows.dropFirst()).allSatisfy { $0.outMilliWh == $1.inMilliWh })
            // Backwards through the exact fractions: each node gives out what it takes in less its loss, to a unit.
            for flow in flows where losses[Int(flow.node.nodeID)] > 0 {
                let out = Int128(flow.inMilliWh) * Int128(1_000_000 - losses[Int(flow.node.nodeID)])
                #expect((out - Int128(flow.outMilliWh) * 1_000_000).magnitude <= 2_000_000)
            }
        }
    }

    @Test func badLossesAreRefused() {
        #expect(throws: LossError.self) { try Losses.grossUp(milliWh: 1, lossesPPM: [1_000_000]) }
        #expect(throws: LossError.self) { try Losses.grossUp(milliWh: 1, lossesPPM: [-1]) }
        #expect(throws: LossError.self) {
            try Losses.grossUp(milliWh: 1, lossesPPM: [600_000, 400_000], composition: .sumOfPercents)
        }
        #expect(throws: LossError.self) { try Losses.grossUp(milliWh: .max, lossesPPM: [999_999]) }
        #expect(throws: LossError.self) {
            try Losses.grossUp(milliWh: 1, lossesPPM: Array(repeating: 1, count: 7))
        }
    }

    @Test func percentagesAreReadExactly() {
        #expect(Losses.partsPerMillion(percent: "3.5") == 35_000)
        #expect(Losses.partsPerMillion(percent: "0") == 0 && Losses.partsPerMillion(percent: "99.9999") == 999_999)
        for text in ["", ".5", "5.", "100", "-1", "1.23456", "1e1", "३"] {
            #expect(Losses.partsPerMillion(percent: text) == nil)
        }
    }
}

/// A small generator, the same numbers on each run.
struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
