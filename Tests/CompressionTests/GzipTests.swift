// gzip both ways, foreign bytes, damage and the output limit.
import Testing

@testable import Compression

@Suite struct GzipTests {
    static let text = Array("2009-03-01T00:00:00Z,0.086\n".utf8)

    /// Made by `gzip -n` from "a\n".
    static let foreign: [UInt8] = [
        0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0x4B, 0xE4, 0x02, 0, 0x07, 0xA1, 0xEA, 0xDD, 0x02, 0, 0, 0,
    ]

    @Test func roundTrip() throws {
        let large = Array(repeatElement(Self.text, count: 20_000).joined())
        for bytes in [[], [7], Self.text, large] as [[UInt8]] {
            let packed = try Gzip.compress(bytes)
            #expect(try Gzip.decompress(packed, limit: bytes.count) == bytes)
        }
        #expect(try Gzip.compress(large).count < large.count / 50)
    }

    @Test func foreignBytesAndMembers() throws {
        #expect(try Gzip.decompress(Self.foreign, limit: 10) == Array("a\n".utf8))
        #expect(try Gzip.decompress(Self.foreign + Self.foreign, limit: 10) == Array("a\na\n".utf8))
    }

    private func code(_ bytes: [UInt8], limit: Int = 1_000_000) -> CompressionError.Code? {
        do {
            _ = try Gzip.decompress(bytes, limit: limit)
            return nil
        } catch { return error.code }
    }

    @Test func badInput() throws {
        #expect(code([]) == .notGzip)
        #expect(code(Self.text) == .notGzip)
        #expect(code([0x1F, 0x8B]) == .truncated)
        for count in 2..<Self.foreign.count { #expect(code(Array(Self.foreign[..<count])) == .truncated) }
        #expect(code(Self.foreign + [1, 2, 3]) == .damaged)
        var wrong = Self.foreign
        wrong[14] ^= 1
        #expect(code(wrong) == .damaged)
        let bomb = try Gzip.compress([UInt8](repeating: 0, count: 5_000_000))
        #expect(bomb.count < 10_000)
        #expect(code(bomb, limit: 4_999_999) == .tooLarge)
        #expect(code(bomb, limit: 5_000_000) == nil)
    }

    @Test func anyDamagedByteIsAnErrorOrTheSame() throws {
        let packed = try Gzip.compress(Self.text + Self.text)
        for index in packed.indices {
            var bytes = packed
            bytes[index] ^= 0x55
            if let out = try? Gzip.decompress(bytes, limit: 10_000) { #expect(out == Self.text + Self.text) }
        }
    }
}
