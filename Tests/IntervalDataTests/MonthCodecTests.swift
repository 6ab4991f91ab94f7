// Months as bytes: golden bytes, round trips of what is likely and what is not, damage refused, never a trap.
import Testing

@testable import IntervalData

@Suite struct MonthCodecTests {
    static func version(
        _ day: Int, v version: Int64 = 1, change: Int64 = 7, at: Int64 = 1000, by: String = "import", _ values: [Int32],
        _ qualities: [Quality]? = nil, _ sources: [SourceRun]? = nil
    ) -> DayVersion {
        DayVersion(
            dayOfMonth: day, version: version, change: change, madeAtMs: at, madeBy: by,
            block: DayBlock(
                values: values, qualities: qualities ?? values.map { _ in .actual },
                sources: sources ?? (values.isEmpty ? [] : [SourceRun(batch: 5, count: values.count)])))
    }

    /// Worked by hand from the text at the head of the codec.
    @Test func goldenBytes() throws {
        let month = [
            Self.version(2, [1, 2, 3, 0], [.actual, .actual, .actual, .missing]),
            Self.version(2, v: 2, change: 9, at: 1001, by: "read", [-1, -1, -1, -1]),
        ]
        let bytes = MonthCodec.encode(month)
        let head: [UInt8] = [1, 2, 2, 6] + Array("import".utf8) + [4] + Array("read".utf8)
        // Day 2 is one after day 1; version 1; change 7; 1000 ms (zig-zag 2000); maker 0; four slots; runs 3 × actual
        // and 1 × missing; batch 5 (zig-zag 10) for four. Values zig-zag 2 4 6 0 with k = 1: 01 0, 001 0, 0001 0, 1 0,
        // 14 bits; as differences 2 2 2 5: 01 0, 01 0, 01 0, 001 1, 13 bits, so these.
        let first: [UInt8] = [1, 1, 14, 0xD0, 0x0F, 0, 4, 15, 4, 10, 4, 0x81, 0b0100_1001, 0b0001_1000]
        // The same day; version 2; change 2 on (4); 1 ms on (2); maker 1; four actual; same batch. Zig-zag 1 1 1 1:
        // k = 0
        // gives 01 01 01 01; as differences 1 0 0 0: 01 1 1 1, shorter.
        let second: [UInt8] = [0, 2, 4, 2, 1, 4, 19, 0, 4, 0x80, 0b0111_1000]
        #expect(bytes == head + first + second)
        #expect(try MonthCodec.decode(bytes) == month)
        #expect(try MonthCodec.decode([1, 0, 0]).isEmpty)
        #expect(MonthCodec.encode([]) == [1, 0, 0])
    }

    @Test func extremes() throws {
        let month = [
            Self.version(1, v: Int64.max, change: Int64.min, at: Int64.max, by: "", []),
            Self.version(
                2, change: Int64.max, at: Int64.min, by: "é", [Int32.min, Int32.max, Int32.min, 0, -1, Int32.max],
                [.missing, .estimated, .edited, .actual, .missing, .missing],
                [SourceRun(batch: Int64.min, count: 2), SourceRun(batch: Int64.max, count: 4)]),
            Self.version(31, v: 3, Array(repeating: 0, count: DayBlock.maximumSlots)),
        ]
        #expect(try MonthCodec.decode(MonthCodec.encode(month)) == month)
    }

    private static func random(_ state: inout UInt64, _ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }

    static func randomMonth(_ state: inout UInt64) -> [DayVersion] {
        var month: [DayVersion] = []
        let slotCounts = [0, 1, 24, 46, 48, 50, 96, 100]
        for day in 1...31 {
            for version in 0..<Int(random(&state, 4)) {
                let slots = slotCounts[Int(random(&state, 8))]
                let width = random(&state, 32)
                let values = (0..<slots).map { _ -> Int32 in
                    let magnitude = Int32(truncatingIfNeeded: random(&state, 1 << (width + 1)))
                    return random(&state, 9) == 0 ? ~magnitude : magnitude
                }
                month.append(
                    DayVersion(
                        dayOfMonth: day, version: Int64(version * 2 + 1), change: Int64(random(&state, 1 << 31)),
                        madeAtMs: Int64(random(&state, 1 << 31)) << 10,
                        madeBy: ["import", "read", "edit"][Int(random(&state, 3))],
                        block: DayBlock(
                            values: values,
                            qualities: (0..<slots).map { _ in
                                Quality(rawValue: UInt8(random(&state, 4))) ?? .missing
                            },
                            sources: DayBlock.runs((0..<slots).map { _ in Int64(random(&state, 3)) << 40 }))))
            }
        }
        return month
    }

    @Test func randomMonths() throws {
        var state = UInt64.random(in: 0...UInt64.max)
        let seed = state
        for _ in 0..<60 {
            let month = Self.randomMonth(&state)
            #expect(try MonthCodec.decode(MonthCodec.encode(month)) == month, "seed \(seed)")
        }
    }

    /// Bytes cut, lengthened, changed and at random: refused, or another month that holds; never a trap.
    @Test func damage() throws {
        var state = UInt64.random(in: 0...UInt64.max)
        let seed = state
        let good = MonthCodec.encode([
            Self.version(1, (0..<48).map { 100 + $0 % 7 }),
            Self.version(2, v: 4, by: "read", (0..<48).map { $0 * 900 }),
        ])
        for count in 0..<good.count {
            #expect(throws: MonthCodecError.self) { try MonthCodec.decode(Array(good[..<count])) }
        }
        #expect(throws: MonthCodecError.self) { try MonthCodec.decode(good + [0]) }
        #expect(throws: MonthCodecError(code: .format(9), at: 0)) { try MonthCodec.decode([9] + good[1...]) }
        #expect(throws: MonthCodecError(code: .format(nil), at: 0)) { try MonthCodec.decode([]) }
        for round in 0..<4000 {
            var bytes = good
            if round % 2 == 0 {
                for _ in 0...Self.random(&state, 3) {
                    bytes[Int(Self.random(&state, UInt64(bytes.count)))] = UInt8(Self.random(&state, 256))
                }
            } else {
                bytes = [1] + (0..<Int(Self.random(&state, 60))).map { _ in UInt8(Self.random(&state, 256)) }
            }
            guard let month = try? MonthCodec.decode(bytes) else { continue }
            #expect(try MonthCodec.decode(MonthCodec.encode(month)) == month, "seed \(seed)")
        }
    }

    /// What no encoder writes: a long code for a short number, padding that is not zero, a maker nobody names.
    @Test func notCanonical() {
        func one(_ tail: [UInt8]) -> [UInt8] { [1, 1, 1, 0, 0, 1, 0, 0, 0, 1, 7, 0, 1] + tail }
        #expect(throws: Never.self) { try MonthCodec.decode(one([0, 0b1000_0000])) }
        for tail: [UInt8] in [
            [0, 0b1100_0000], [0, 0, 0, 0, 0, 0, 0, 1, 0], [0x20, 0x80], [0x40, 0x80], [0, 0], [0], [0, 0x80, 0],
        ] {
            #expect(throws: MonthCodecError.self) { try MonthCodec.decode(one(tail)) }
        }
        #expect(throws: MonthCodecError.self) { try MonthCodec.decode([1, 0, 1, 0]) }
    }
}
