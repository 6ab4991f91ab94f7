// Hostile values through every reader of profiles: whatever comes, rows or an error, never a trap. A short run in
// the normal tests, a million inputs with BUSBAR_LONG=1.
import CivilTime
import DLMS
import Foundation
import IS15959
import Testing

/// SplitMix64: one seed gives the same run everywhere.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

private let rounds = ProcessInfo.processInfo.environment["BUSBAR_LONG"] == "1" ? 1_000_000 : 10_000

@Suite("Profiles under hostile values")
struct ProfileFuzzTests {
    private func scalar(_ random: inout SeededGenerator) -> DLMSData {
        let stamp = COSEMDateTime(instantS: Int64.random(in: 0...4_000_000_000, using: &random), offsetS: 19_800)
        let numbers: [Int64] = [0, 1, -1, .max, .min, 100, 65_535]
        let number = numbers.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<16, using: &random) {
        case 0: return .null
        case 1: return .octetString(stamp.bytes)
        case 2: return .octetString((0..<12).map { _ in UInt8.random(in: 0...255, using: &random) })
        case 3: return .long64(number)
        case 4: return .long64Unsigned(.max)
        case 5: return .deltaDoubleLong(Int32(clamping: number))
        case 6: return .text("200/5")
        case 7: return .structure([.longUnsigned(200), .long64(number)])
        case 8: return .bitString([0xFF], count: 8)
        case 9: return .bitString([], count: Int(clamping: number))
        case 10: return .dateTime(COSEMDateTime(year: 2026, month: 2, day: 31, hour: 25, minute: 0))
        case 11: return .scalerUnit(Int8(truncatingIfNeeded: number), 30)
        case 12: return .float32(bits: 0x7FC0_0000)
        default: return .doubleLongUnsigned(UInt32(clamping: number))
        }
    }

    @Test("no reader of rows traps")
    func rows() {
        var random = SeededGenerator(state: 15959)
        let objects = ObjectNames.all
        var read = 0
        for _ in 0..<rounds {
            var columns: [CaptureObject] = Bool.random(using: &random) ? [ObjectNames.clock.capture] : []
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                if let object = objects.randomElement(using: &random) { columns.append(object.capture) }
            }
            var scalers: [OBIS: ScalerUnit] = [:]
            for column in columns {
                let unit = ObjectNames.find(column.obis, attribute: column.attribute)?.unit ?? 255
                let isWild = Int.random(in: 0..<6, using: &random) == 0
                scalers[column.obis] = ScalerUnit(isWild ? .min : Int8.random(in: -4...4, using: &random), unit)
            }
            let layout = ProfileLayout(columns: columns, scalers: scalers, periodS: 1800)
            let buffer = DLMSData.array(
                (0..<3).map { row in
                    .structure(
                        columns.map { column in
                            // Good stamps in most first columns, so that the rest of the row is read too.
                            column.classID == 8 && row == 0
                                ? .octetString(COSEMDateTime(instantS: 1_795_000_000, offsetS: 19_800).bytes)
                                : scalar(&random)
                        })
                })
            if (try? layout.rows(buffer, zone: .india)) != nil { read += 1 }
            _ = try? layout.blockLoad(buffer, zone: .india)
            _ = try? layout.intervals(buffer, zone: .india)
            _ = try? layout.snapshots(buffer, zone: .india)
            _ = try? layout.registers(buffer, zone: .india)
            _ = try? layout.events(buffer, zone: .india)
            let value = scalar(&random)
            _ = try? ProfileLayout.columns(.array([value, columns[0].data]))
            _ = try? ProfileLayout.scalers(columns: columns, buffer: buffer)
            _ = try? ProfileLayout.instantS(value, zone: .india)
            _ = try? ObjectList(.array([value, .structure([value, value, value, value])]))
            _ = TransformerRatio(value, scaler: Int8.random(in: .min ... .max, using: &random))
            _ = EventStatusWord(value)
            _ = ScalerUnit(value)
        }
        #expect(read > rounds / 4, "\(read)")
    }

    @Test("no profile file traps")
    func files() {
        var random = SeededGenerator(state: 4711)
        let text = Array(
            """
            {"format": 1, "name": "acme", "base": "single-phase", "maker": "Acme", "others": ["relay"],
             "objects": [{"name": "x", "class": 3, "obis": "1.0.96.200.0", "unit": "V", "attribute": 2}],
             "profiles": [{"name": "daily", "columns": ["clock", "x"], "more": ["serial"]}], "without": ["billing"],
             "events": [{"id": 205, "name": "y", "log": "others"}], "statusBits": [{"bit": 61, "name": "z"}]}
            """.utf8)
        #expect((try? MeterProfile(json: String(decoding: text, as: UTF8.self))) != nil)
        for _ in 0..<min(rounds / 10, 20_000) {
            var bytes = text
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 32...126, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert(UInt8.random(in: 32...126, using: &random), at: at)
                }
            }
            _ = try? MeterProfile(json: String(decoding: bytes, as: UTF8.self))
        }
    }
}
