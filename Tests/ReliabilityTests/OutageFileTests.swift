// Files of outages: both layouts, clock changes, vague numbers, and rows that say nothing.
import CivilTime
import Reliability
import Testing

struct OutageFileTests {
    private static func read(_ text: String, zone: Zone = .india, openUntilS: Int64? = nil) throws -> OutageFile {
        try OutageFile(Array(text.utf8), zone: zone, openUntilS: openUntilS)
    }

    @Test func `the plain layout`() throws {
        let file = try Self.read(
            """
            id,start,end,customers,planned
            a,2026-07-01T10:00:00,2026-07-01T11:00:00Z,40,0
            "b, one",2026-07-01T10:00:00+05:30,2026-07-01T10:30:00,less than 10,yes\r
            c,2026-07-01 10:00,2026-07-01 10:30,<10,
            """)
        #expect(file.layout == .plain && file.refused.isEmpty && file.outages.count == 3)
        let first = file.outages[0].interruption.steps[0]
        #expect(first.durationS == Bounded(Int64(5.5 * 3_600) + 3_600))
        #expect(file.outages[1].id == "b, one" && file.outages[1].interruption.isPlanned)
        #expect(file.outages[1].interruption.steps[0].customers == Bounded(low: 1, likely: 5, high: 9))
        #expect(file.vagueCustomers == 2)
    }

    @Test func `a watched map bounds the end by its sightings`() throws {
        let file = try Self.read(
            """
            outage_id,first_seen_utc,last_seen_utc,gone_by_utc,first_Customers,first_StartDateTime,last_Customers
            9,2023-06-30T14:16:14Z,2023-07-01T11:14:11Z,2023-07-01T12:34:36Z,40,2023-06-28T18:45:00,60
            """, zone: try #require(Zone("Australia/Sydney")))
        let step = try #require(file.outages.first?.interruption.steps.first)
        // 18:45 in Sydney's winter is 08:45 UTC.
        #expect(step.startS == Bounded(1_687_941_900))
        #expect(step.endS.high - step.endS.low == 80 * 60 + 25)
        #expect(step.customers == Bounded(low: 40, likely: 60, high: 60))
        #expect(file.censoredEnds == 1)
    }

    @Test func `hours that clocks repeat or leave out`() throws {
        let zone = try #require(Zone("Australia/Sydney"))
        let file = try Self.read(
            """
            id,start,end,customers
            twice,2024-04-07T02:30:00,2024-04-07T12:00:00Z,1
            never,2023-10-01T02:30:00,2023-10-02T12:00:00Z,1
            """, zone: zone)
        #expect(file.ambiguousStarts == 1)
        let start = try #require(file.outages.first?.interruption.steps.first?.startS)
        #expect(start.high - start.low == 3_600)
        #expect(file.refused.map(\.line) == [3])
    }

    @Test func `bad rows are named and nothing else is lost`() throws {
        let file = try Self.read(
            """
            id,start,end,customers,planned
            ,2026-07-01T10:00:00,2026-07-01T11:00:00,1,0
            b,yesterday,2026-07-01T11:00:00,1,0
            c,2026-07-01T10:00:00,2026-07-01T09:00:00,1,0
            d,2026-07-01T10:00:00,2026-07-01T11:00:00,many,0
            e,2026-07-01T10:00:00,2026-07-01T11:00:00,-5,0
            f,2026-07-01T10:00:00,,5,0
            g,2026-07-01T10:00:00,2026-07-01T11:00:00,5,maybe
            h,2026-07-01T10:00:00,2026-07-01T11:00:00,5,0
            h,2026-07-01T10:00:00,2026-07-01T11:00:00,5,0
            i,2026-07-01T10:00:00,2026-07-01T11:00:00,99999999999999999999,0

            "j,2026-07-01T10:00:00,2026-07-01T11:00:00,5,0
            """)
        #expect(file.outages.map(\.id) == ["h"])
        #expect(file.refused.map(\.line) == [2, 3, 4, 5, 6, 7, 8, 10, 11, 13])
        #expect(file.refused.allSatisfy { !$0.what.isEmpty && !$0.hint.isEmpty })
    }

    @Test func `an outage without an end lasts until the end of what is judged`() throws {
        let file = try Self.read(
            "id,start,end,customers\nopen,2026-07-01T10:00:00Z,,4\n", openUntilS: 1_782_903_600 + 7_200)
        let step = try #require(file.outages.first?.interruption.steps.first)
        #expect(step.durationS.low == 0 && step.durationS.likely == step.durationS.high)
        #expect(file.open == 1)
    }

    @Test func `files of no known layout are refused whole`() {
        #expect(throws: OutageFile.Unreadable.self) { try Self.read("") }
        #expect(throws: OutageFile.Unreadable.self) { try Self.read("a,b,c\n1,2,3\n") }
    }
}
