// The tools of the day editor: lines and totals, exact to the last Wh.
import Testing
import VEE

@Suite struct EditToolTests {
    @Test func aLineRunsBetweenItsNeighbours() {
        #expect(EditTools.line(count: 3, before: 10, after: 50) == [20, 30, 40])
        #expect(EditTools.line(count: 2, before: 0, after: 10) == [3, 7])
        #expect(EditTools.line(count: 2, before: 10, after: 0) == [7, 3])
        #expect(EditTools.line(count: 2, before: nil, after: 8) == [8, 8])
        #expect(EditTools.line(count: 2, before: 8, after: nil) == [8, 8])
        #expect(EditTools.line(count: 2, before: nil, after: nil) == nil)
        #expect(EditTools.line(count: 1, before: .max, after: .min) == [-1])
    }

    @Test func aTotalIsMetExactly() throws {
        for total in [0, 1, 7, 100, 999, 123_457] as [Int64] {
            let scaled = try #require(EditTools.scaled([3, 0, 5, 11, 2], to: total))
            #expect(scaled.reduce(0) { $0 + Int64($1) } == total)
            #expect(scaled[1] == 0)
        }
        #expect(EditTools.scaled([10, 20, 30], to: 120) == [20, 40, 60])
        #expect(EditTools.scaled([0, 0, 0], to: 7)?.reduce(0, +) == 7)
        #expect(EditTools.scaled([1, -1], to: 7) == nil)
        #expect(EditTools.scaled([1], to: -1) == nil)
        #expect(EditTools.scaled([1], to: Int64(Int32.max) + 1) == nil)
        #expect(EditTools.scaled([], to: 1) == nil)
    }
}
