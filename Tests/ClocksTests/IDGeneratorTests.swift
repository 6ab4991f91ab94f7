// Ids made by the application: never twice, never backwards, whatever the clock does.
import Clocks
import Testing

@Suite struct IDGeneratorTests {
    static let start: Int64 = 1_767_225_600_000

    static func generator(_ processNumber: Int64, _ clock: ManualClock) -> IDGenerator {
        IDGenerator(
            processNumber: processNumber,
            clocks: Clocks(businessNowMs: { 0 }, systemNowMs: { clock.nowMs }, businessRate: 0))
    }

    @Test func noTwoProcessesMakeTheSameId() {
        // All 1,024 in the same millisecond.
        let clock = ManualClock(startMs: Self.start)
        var seen: Set<Int64> = []
        for processNumber in Int64(0)...1023 {
            let ids = Self.generator(processNumber, clock)
            for _ in 1...40 { seen.insert(ids.next()) }
        }
        #expect(seen.count == 1024 * 40)
        #expect(seen.allSatisfy { $0 > 0 })
    }

    @Test func aClockThatJumpsBackMakesNoIdTwiceAndNoneSmaller() {
        let clock = ManualClock(startMs: Self.start)
        let ids = Self.generator(1023, clock)
        var last: Int64 = 0
        // More than a sequence holds in one millisecond, then a day back, an hour at a time, then on.
        for jump: Int64 in [0, 0, -86_400_000, 3_600_000, 1, -1, 90_000_000, 0] {
            clock.nowMs += jump
            for _ in 1...5000 {
                let next = ids.next()
                #expect(next > last)
                last = next
            }
        }
        // Where the clock has overtaken, the id carries its time again.
        clock.nowMs += 1_000_000
        #expect(ids.next() >> 22 == clock.nowMs - 1_704_067_200_000)
    }

    @Test func aFullMillisecondBorrowsFromTheNext() {
        let ids = Self.generator(7, ManualClock(startMs: Self.start))
        let made = (0..<10_000).map { _ in ids.next() }
        #expect(Set(made).count == made.count && made == made.sorted())
        #expect(made.allSatisfy { $0 >> 12 & 1023 == 7 })
        #expect((made[9999] >> 22) - (made[0] >> 22) == 2)
    }

    @Test func threadsShareAGeneratorWithoutAnIdTwice() async {
        let ids = Self.generator(0, ManualClock(startMs: Self.start))
        let all = await withTaskGroup(of: [Int64].self) { group in
            for _ in 1...4 { group.addTask { (0..<5000).map { _ in ids.next() } } }
            return await group.reduce(into: [Int64]()) { lists, list in
                #expect(list == list.sorted())
                lists += list
            }
        }
        #expect(Set(all).count == 20_000)
    }

    @Test func aProcessNumberOutOfRangeStopsTheProcess() async {
        await #expect(processExitsWith: .failure) { _ = IDGenerator(processNumber: 1024, clocks: .live) }
        await #expect(processExitsWith: .failure) { _ = IDGenerator(processNumber: -1, clocks: .live) }
        await #expect(processExitsWith: .success) { _ = IDGenerator(processNumber: 1023, clocks: .live) }
    }
}
