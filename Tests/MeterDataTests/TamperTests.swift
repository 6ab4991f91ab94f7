// The verdict on signs of tampering: thresholds, repetition, open ends, consumption; pure.
import Access
import CivilTime
import MeterData
import Testing

struct TamperAnalysisTests {
    private static let day = CivilDay(number: 20_500)
    private static let startMs = Zone.india.startS(of: day) * 1000

    private static func sign(_ code: Int, _ minute: Int64) -> TamperSign {
        TamperSign(code: code, atMs: startMs + minute * 60_000)
    }

    private static func finding(
        _ signs: [TamperSign], _ consumption: [CivilDay: Int64] = [:], nowMinute: Int64 = 10_000
    ) -> TamperFinding? {
        TamperAnalysis.finding(
            signs, consumption: consumption, nowMs: startMs + nowMinute * 60_000, zone: .india, TamperRules())
    }

    @Test func `one short sign is seen and not valid`() {
        let found = Self.finding([Self.sign(201, 0), Self.sign(202, 5)])
        #expect(found?.isValid == false && found?.times == 1 && found?.lastedMs == 300_000 && found?.isOver == true)
        #expect(Self.finding([]) == nil)
        #expect(Self.finding([Self.sign(202, 5)]) == nil)
    }

    @Test func `exactly the threshold counts`() {
        let just = Self.finding([Self.sign(201, 0), Self.sign(202, 30)])
        #expect(just?.reasons == [.lasted])
        #expect(Self.finding([Self.sign(201, 0), Self.sign(202, 29)])?.reasons == [])
    }

    @Test func `order and repetition change nothing`() {
        let signs = [
            Self.sign(203, 0), Self.sign(204, 20), Self.sign(203, 100), Self.sign(204, 110), Self.sign(207, 105),
            Self.sign(208, 106), Self.sign(203, 300),
        ]
        let once = Self.finding(signs)
        #expect(once?.times == 4 && once?.isOver == false && once?.isValid == true)
        #expect(Self.finding(signs.reversed() + signs) == once)
    }

    @Test func `what is not over lasts until now`() {
        let found = Self.finding([Self.sign(201, 0)], nowMinute: 45)
        #expect(found?.lastedMs == 45 * 60_000 && found?.isOver == false)
    }

    @Test func `an opened cover is enough`() {
        let found = Self.finding([Self.sign(251, 0)])
        #expect(found?.isValid == true && found?.reasons == [.coverOpened])
    }

    @Test func `signs of long ago do not repeat`() {
        let old = (0..<5).flatMap { [Self.sign(201, $0 * 10), Self.sign(202, $0 * 10 + 1)] }
        #expect(Self.finding(old, nowMinute: 1_000)?.reasons == [.repeated])
        #expect(Self.finding(old, nowMinute: 31 * 1_440)?.reasons == [])
    }

    @Test func `consumption is compared with the own days before`() {
        var wh: [CivilDay: Int64] = [:]
        for offset in 1...20 { wh[Self.day.advanced(by: -offset)] = offset <= 14 ? 10_000 : 1 }
        wh[Self.day] = 0
        let signs = [Self.sign(201, 600), Self.sign(202, 640)]
        #expect(Self.finding(signs, wh)?.dropPPM == nil)
        for offset in 1...3 { wh[Self.day.advanced(by: offset)] = 7_000 }
        let fell = Self.finding(signs, wh)
        #expect(fell?.dropPPM == 300_000 && fell?.reasons == [.lasted, .consumptionFell] && fell?.isValid == true)
        wh[Self.day.advanced(by: 3)] = 7_001
        #expect(Self.finding(signs, wh)?.isValid == false)
        for offset in 1...3 { wh[Self.day.advanced(by: offset)] = 12_000 }
        #expect(Self.finding(signs, wh)?.dropPPM == -200_000)
    }

    @Test func `each id belongs to one kind`() {
        var seen: Set<Int> = []
        for kind in TamperKind.allCases {
            #expect(!kind.codes.isEmpty && seen.isDisjoint(with: kind.codes))
            seen.formUnion(kind.codes)
        }
        #expect(TamperKind.of(101) == nil && TamperKind.of(0) == nil)
    }

    @Test func `rules are read strictly`() throws {
        #expect(try TamperRules(json: TamperRules().json()) == TamperRules())
        #expect(throws: Refusal.self) {
            try TamperRules(json: TamperRules().json().replacing("\"off\"", with: "\"now\""))
        }
        #expect(throws: Refusal.self) { try TamperRules(json: "{\"cut\":\"off\"}") }
    }
}
