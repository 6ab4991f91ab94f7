// gzip piece by piece: the same as at once, however it is cut.
import Testing

@testable import Compression

@Suite struct GunzipTests {
    private func expand(_ bytes: [UInt8], piece: Int) throws -> [UInt8] {
        let gunzip = try Gunzip()
        var all: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try gunzip.expand(Array(bytes[start..<min(bytes.count, start + piece)])) { all += $0 }
        }
        try gunzip.finish()
        return all
    }

    @Test(arguments: [1, 7, 4_096, 1 << 20]) func pieces(_ piece: Int) throws {
        let large = Array(repeatElement(GzipTests.text, count: 40_000).joined())
        let packed = try Gzip.compress(large)
        #expect(try expand(packed, piece: piece) == large)
        #expect(try expand(packed + packed, piece: piece).count == large.count * 2)
        #expect(try expand(GzipTests.foreign + GzipTests.foreign, piece: piece) == Array("a\na\n".utf8))
    }

    @Test func badInput() throws {
        let packed = try Gzip.compress(GzipTests.text)
        for count in 0..<packed.count {
            #expect(throws: CompressionError.self) { try expand(Array(packed.prefix(count)), piece: 5) }
        }
        var damaged = packed
        damaged[packed.count / 2] ^= 0xFF
        #expect(throws: CompressionError.self) { try expand(damaged, piece: 5) }
        #expect(throws: CompressionError.self) { try expand(packed + [1, 2, 3], piece: 5) }
    }
}
