// Day blocks as bytes: golden bytes, round trips, and every kind of damage refused with its type.
import Testing

@testable import IntervalData

@Suite struct DayBlockCodec {
    static let block = DayBlock(
        values: [1, -2, 0, 65536, 7], qualities: [.actual, .estimated, .missing, .edited, .actual],
        sources: [SourceRun(batch: 300, count: 2), SourceRun(batch: 0, count: 1), SourceRun(batch: 1, count: 2)])

    @Test func goldenBytes() throws {
        let bytes = Self.block.encode()
        #expect(
            bytes.values == [
                1, 1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 1, 0, 7, 0, 0, 0,
            ])
        // 3 | 1 << 2 | 0 << 4 | 2 << 6, then 3
        #expect(bytes.qualities == [1, 0x87, 0x03])
        #expect(bytes.sources == [1, 0xAC, 0x02, 2, 0, 1, 1, 2])
        #expect(try DayBlock(decoding: bytes) == Self.block)
    }

    @Test(arguments: [0, 1, 4, 23, 46, 48, 92, 96, 100, 1500])
    func roundTrip(slots: Int) throws {
        let values = (0..<slots).map { Int32(truncatingIfNeeded: $0 * 7_654_321) }
        let block = DayBlock(
            values: values, qualities: (0..<slots).map { Quality(rawValue: UInt8($0 % 4))! },
            sources: DayBlock.runs((0..<slots).map { Int64.max - Int64($0 / 5) }))
        #expect(try DayBlock(decoding: block.encode()) == block)
    }

    @Test func negativeBatchAndSplitRuns() throws {
        let split = DayBlock(
            values: [1, 2], qualities: [.actual, .actual],
            sources: [SourceRun(batch: -1, count: 1), SourceRun(batch: -1, count: 1)])
        let back = try DayBlock(decoding: split.encode())
        #expect(back.sources == [SourceRun(batch: -1, count: 2)])
    }

    @Test func damage() {
        func fails(_ part: DayBlockError.Part, _ code: DayBlockError.Code, _ change: (inout EncodedDay) -> Void) {
            var day = Self.block.encode()
            change(&day)
            #expect(throws: DayBlockError(part: part, code: code)) { try DayBlock(decoding: day) }
        }
        fails(.values, .format(nil)) { $0.values = [] }
        fails(.values, .format(9)) { $0.values[0] = 9 }
        fails(.values, .length(20)) { $0.values.removeLast() }
        fails(.values, .tooManySlots(1501)) { $0.values = [1] + Array(repeating: 0, count: 6004) }
        fails(.qualities, .format(nil)) { $0.qualities = [] }
        fails(.qualities, .length(4)) { $0.qualities.append(0) }
        fails(.qualities, .malformed(2)) { $0.qualities[2] = 0x07 }
        fails(.sources, .format(0)) { $0.sources[0] = 0 }
        fails(.sources, .length(6)) { $0.sources.removeLast(2) }
        fails(.sources, .malformed(6)) { $0.sources.removeLast() }
        fails(.sources, .malformed(6)) { $0.sources[7] = 3 }
        fails(.sources, .malformed(6)) { $0.sources[7] = 0 }
        fails(.sources, .malformed(1)) { $0.sources = [1, 0x80, 0x00, 5] }
        fails(.sources, .malformed(1)) { $0.sources = [1] + Array(repeating: 0xFF, count: 10) + [1] }
        fails(.sources, .malformed(3)) { $0.sources = [1, 7, 2, 7, 3] }
        fails(.sources, .malformed(1)) { $0.sources = [1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1] }
    }

    /// Random bytes are refused or decoded, never a trap; what is decoded encodes to the same bytes.
    @Test func randomBytes() {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        var state = seed
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for _ in 0..<3000 {
            func bytes(_ count: Int) -> [UInt8] { [1] + (0..<count).map { _ in UInt8(next(256)) } }
            let slots = Int(next(8))
            let day = EncodedDay(
                values: bytes(slots * 4), qualities: bytes((slots + 3) / 4), sources: bytes(Int(next(6))))
            if let block = try? DayBlock(decoding: day) { #expect(block.encode() == day, "seed \(seed)") }
        }
    }
}

@Suite struct DayBlockChanges {
    @Test func replacingManyAndOne() {
        let empty = DayBlock.empty(slots: 6)
        let many = empty.replacing([(1, 10), (2, 20), (5, 50)], quality: .actual, batch: 9)
        #expect(many.values == [0, 10, 20, 0, 0, 50])
        #expect(many.qualities == [.missing, .actual, .actual, .missing, .missing, .actual])
        #expect(many.batches == [0, 9, 9, 0, 0, 9])
        #expect(many.sources.map(\.count) == [1, 2, 2, 1])
        var one = empty
        for slot in [5, 1, 2] { one.set(slot, value: Int32(slot * 10), quality: .actual, batch: 9) }
        #expect(one == many)
        #expect(empty.replacing([], quality: .actual, batch: 9) == empty)
    }

    @Test func higherQualityWins() {
        let estimated = DayBlock.empty(slots: 3).replacing([(0, 1), (1, 1), (2, 1)], quality: .estimated, batch: 1)
        let actual = DayBlock.empty(slots: 3).replacing([(1, 7)], quality: .actual, batch: 2)
        #expect(estimated.merged(with: actual).values == [1, 7, 1])
        #expect(actual.merged(with: estimated).values == [1, 7, 1])
        #expect(actual.merged(with: estimated).batches == [1, 2, 1])
        let later = DayBlock.empty(slots: 3).replacing([(1, 8)], quality: .actual, batch: 3)
        #expect(actual.merged(with: later).values == [0, 8, 0])
    }
}
