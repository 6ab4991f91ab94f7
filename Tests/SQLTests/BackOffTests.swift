// How a server that is out of reach is left alone: bounded pauses, and no pause that a wrong clock has made long.
import Testing

@testable import PostgresAdapter

@Suite struct BackOffTests {
    @Test func pausesDoubleToABoundAndEndWhenReached() {
        let backOff = BackOff()
        var nowMs: Int64 = 1_000_000
        #expect(backOff.reason(nowMs: nowMs) == nil)
        for expectedMs: Int64 in [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000] {
            backOff.failed("no route", nowMs: nowMs)
            #expect(backOff.reason(nowMs: nowMs) == "no route")
            #expect(backOff.reason(nowMs: nowMs + expectedMs - 1) == "no route")
            let end = nowMs + expectedMs + expectedMs / 4
            #expect(backOff.reason(nowMs: end) == nil, "a pause is at most a quarter longer")
            nowMs = end
        }
        backOff.failed("no route", nowMs: nowMs)
        backOff.reached()
        #expect(backOff.reason(nowMs: nowMs) == nil)
        backOff.failed("gone again", nowMs: nowMs)
        #expect(backOff.reason(nowMs: nowMs + 313) == nil, "it begins anew with the shortest")
    }

    @Test func connectionsThatFailTogetherCountOnce() {
        let backOff = BackOff()
        for _ in 1...8 { backOff.failed("no route", nowMs: 0) }
        #expect(backOff.reason(nowMs: 313) == nil)
        backOff.failed("no route", nowMs: 313)
        #expect(backOff.reason(nowMs: 313 + 499) != nil)
        #expect(backOff.reason(nowMs: 313 + 625) == nil)
    }

    @Test func aClockSetBackMakesNoLongPause() {
        let backOff = BackOff()
        backOff.failed("no route", nowMs: 365 * 86_400_000)
        #expect(backOff.reason(nowMs: 1_000) == nil)
    }
}
