// The short way through long files gives what the long way gives, row for row and word for word: plain rows and odd
// ones, in any order, in parts, in zones whose clock is changed.
import CivilTime
import Testing

@testable import LoadFiles

@Suite struct ShortWayTests {
    /// A repeatable stream of numbers.
    struct Dice {
        var state: UInt64
        mutating func roll(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    enum Order: CaseIterable { case byMeter, byStamp, none }

    static func stamp(_ day: CivilDay, _ minute: Int, _ dice: inout Dice, odd: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = "\(two(minute / 60)):\(two(minute % 60))"
        guard dice.roll(odd) == 0 else { return "\(day) \(time):00" }
        let slashed = day.description.split(separator: "-").joined(separator: "/")
        return [
            "\(day)T\(time)", "\(day)T\(time):00Z", "\(day) \(time):00+05:30", "\(slashed) \(time)",
            "\"\(day) \(time)\"",
            "\(day) \(time):00.000", "\(day) 24:00", "\(day) \(time):07", "2025-02-30 00:00", "", "nonsense",
            "\(day) \(time)Z", " \(day) \(time):00 ", "1969-12-31 00:00", "1970-01-02 00:00", "2101-01-01 00:00",
        ][dice.roll(16)]
    }

    static func value(_ dice: inout Dice, odd: Int) -> String {
        let wh = dice.roll(4000)
        guard dice.roll(odd) == 0 else { return "\(wh / 1000).\(String(1000 + wh % 1000).dropFirst())" }
        return [
            "0.5", "12", "1.25", ".125", "3.", "-0.250", "0.0865", "0.123456789", "NA", "", "x", "2147483.647",
            "2147483.648", "99999999.999", "+1.000", "\"0.250\"", " 0.125", "1.2.3", "00000.001", "1e3",
        ][dice.roll(20)]
    }

    static func file(_ dice: inout Dice, order: Order, odd: Int) -> [UInt8] {
        let first = CivilDay(year: 2025, month: 3, day: 28 - dice.roll(2))!
        let names = ["M1", "M22", "meter three", "ü4", "\"q\"", "M1 ", String(repeating: "n", count: 101)]
        var rows: [String] = []
        var places: [(meter: Int, minute: Int)] = []
        let meters = dice.roll(odd) == 0 ? names.count : 3
        for meter in 0..<meters { for slot in 0..<200 { places.append((meter, slot * 30)) } }
        switch order {
        case .byMeter: break
        case .byStamp: places.sort { ($0.minute, $0.meter) < ($1.minute, $1.meter) }
        case .none: for index in places.indices.reversed() { places.swapAt(index, dice.roll(index + 1)) }
        }
        for place in places {
            let day = first.advanced(by: place.minute / 1440)
            var row =
                "\(names[place.meter]),\(stamp(day, place.minute % 1440, &dice, odd: odd)),\(value(&dice, odd: odd))"
            if dice.roll(odd * 3) == 0 { row += [",7", "\r", " ", ",", "\n", "\n \n"][dice.roll(6)] }
            rows.append(row)
            if dice.roll(odd) == 0 { rows.append(row) }
        }
        return Array(("meter,time,kwh\n" + rows.joined(separator: "\n") + (dice.roll(2) == 0 ? "\n" : "")).utf8)
    }

    static func told(_ body: () throws -> LoadFile?) -> String? {
        do {
            guard let file = try body() else { return nil }
            let days = file.meters.indices.map { index in
                file.days(index).map {
                    "\($0.day) \($0.values.map { $0.map(String.init) ?? "-" }.joined(separator: " "))"
                }
            }
            return "\(file.meters) \(file.periodS) \(file.rowCount) \(file.valueCount) \(file.roundedCount) "
                + "\(file.refusedCount) \(file.refused) \(days)"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: Order.allCases, ["Asia/Kolkata", "Europe/Berlin", "America/New_York", "UTC"])
    func sameAsTheLongWay(order: Order, zoneName: String) throws {
        let zone = try #require(Zone(zoneName))
        let seed = UInt64.random(in: 0...UInt64.max)
        var dice = Dice(state: seed)
        var inParts = 0
        for round in 0..<30 {
            // Of every five files two have nothing odd, and one of these is within all limits.
            let bytes = Self.file(&dice, order: order, odd: [4, 40, 400, 1 << 40, 1 << 40][round % 5])
            let isPlain = round % 5 == 4
            var limits = LoadFileLimits.standard
            if !isPlain, dice.roll(5) == 0 { limits.rows = 400 + dice.roll(400) }
            if !isPlain, dice.roll(5) == 0 { limits.refusedRows = dice.roll(10) }
            if !isPlain, dice.roll(5) == 0 { limits.slots = 300 + dice.roll(500) }
            let side: LoadFileParser.StampSide? = [nil, .start, .end][dice.roll(3)]
            let periodS = dice.roll(2) == 0 ? nil : 1800
            func parser(_ way: LoadFileParser.Way) -> LoadFileParser {
                LoadFileParser(
                    file: "f", zone: zone, periodS: periodS, stamps: side, limits: limits,
                    way: way)
            }
            func read(_ way: LoadFileParser.Way, piece: Int) throws -> LoadFile {
                var parser = parser(way)
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    try parser.feed(bytes[start..<min(bytes.count, start + piece)])
                }
                return try parser.finish()
            }
            let long = Self.told { try read(.long, piece: bytes.count) }
            let piece = [7, 100, 5000, bytes.count][dice.roll(4)]
            #expect(Self.told { try read(.short, piece: piece) } == long, "seed \(seed), round \(round)")
            let parts = Self.told {
                try? LoadFileParser.readParts(
                    LoadFileBytes(bytes), parser(.shortAndLater), parts: 1 + round % 4, headBytes: 500
                ) { count, read in for part in (0..<count).reversed() { read(part) } }
            }
            #expect(parts != nil || !isPlain, "a plain file is read in parts: seed \(seed), round \(round)")
            if let parts {
                inParts += 1
                #expect(parts == long, "seed \(seed), round \(round)")
            }
        }
        #expect(inParts >= 5)
    }

    /// Rows in no order at all still tell their period.
    @Test func periodOfShuffledRows() throws {
        var dice = Dice(state: 5)
        var rows = (0..<5).flatMap { meter in (0..<480).map { (meter, $0) } }
        for index in rows.indices.reversed() { rows.swapAt(index, dice.roll(index + 1)) }
        let text = rows.map {
            "m\($0.0),\(CivilDay(number: 20_000 + Int32($0.1 / 48))) "
                + "\($0.1 % 48 / 2 < 10 ? "0" : "")\($0.1 % 48 / 2):\($0.1 % 2 == 0 ? "00" : "30"),0.\(100 + $0.1)"
        }
        let file = try LoadFileParser.parse(
            Array(("id,time,kwh\n" + text.joined(separator: "\n")).utf8), file: "f", zone: .utc)
        #expect(file.periodS == 1800 && file.valueCount == 2400 && file.refusedCount == 0)
    }
}
