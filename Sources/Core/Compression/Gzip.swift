// gzip (RFC 1952) over zlib, bytes in and bytes out. The output of hostile input is bounded by the caller's limit.
import CZlib

/// Bytes that are not gzip, or more of them than allowed.
public struct CompressionError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable { case notGzip, damaged, truncated, tooLarge, outOfMemory }
    public var code: Code
    public var description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

public enum Gzip {
    /// True when the bytes start as a gzip file does.
    public static func looksCompressed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

    /// Expands one or several gzip members behind each other.
    /// - Throws: `notGzip`, `damaged` (also a wrong checksum), `truncated`, `tooLarge` as soon as the output would pass
    ///   `limit` bytes.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
        guard looksCompressed(bytes) else {
            throw CompressionError(.notGzip, "these bytes are not gzip; give a .gz file or the plain text")
        }
        // avail_in is 32 bits wide.
        guard bytes.count <= Int(UInt32.max) else { throw CompressionError(.tooLarge, "more than 4 GB of gzip") }
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw CompressionError(.outOfMemory, "no memory to expand gzip")
        }
        defer { inflateEnd(&stream) }
        return try expand(&stream, bytes, limit: limit)
    }

    private static func expand(
        _ stream: inout z_stream, _ bytes: [UInt8], limit: Int
    ) throws(CompressionError) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var consumed = 0
        while true {
            let step = inflateStep(&stream, bytes, from: consumed, into: &chunk)
            consumed += step.read
            guard output.count + step.written <= limit else {
                throw CompressionError(.tooLarge, "the file expands to more than \(limit) bytes; split it")
            }
            output += chunk[..<step.written]
            switch step.status {
            case Z_STREAM_END:
                if consumed == bytes.count { return output }
                guard inflateReset(&stream) == Z_OK else {
                    throw CompressionError(.damaged, "the gzip data cannot be continued at byte \(consumed)")
                }
            case Z_OK where step.read > 0 || step.written > 0: continue
            case Z_OK, Z_BUF_ERROR:
                throw CompressionError(.truncated, "the gzip data ends early, after \(bytes.count) bytes; copy it again")
            default:
                throw CompressionError(.damaged, "the gzip data is damaged near byte \(consumed); copy it again")
            }
        }
    }

    private static func inflateStep(
        _ stream: inout z_stream, _ bytes: [UInt8], from start: Int, into chunk: inout [UInt8]
    ) -> (status: Int32, read: Int, written: Int) {
        bytes.withUnsafeBufferPointer { source in
            chunk.withUnsafeMutableBufferPointer { target in
                // zlib does not write through next_in; its type merely lacks const.
                stream.next_in = source.baseAddress.map { UnsafeMutablePointer(mutating: $0 + start) }
                stream.avail_in = UInt32(source.count - start)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                let status = inflate(&stream, Z_NO_FLUSH)
                return (status, source.count - start - Int(stream.avail_in), target.count - Int(stream.avail_out))
            }
        }
    }

    /// One gzip member. `level` 1 (fast) to 9 (small).
    public static func compress(_ bytes: [UInt8], level: Int32 = 6) throws(CompressionError) -> [UInt8] {
        guard bytes.count <= Int(UInt32.max) / 2 else {
            throw CompressionError(.tooLarge, "more than 2 GB to compress; split it")
        }
        var stream = z_stream()
        let level = min(max(level, 1), 9)
        let started = deflateInit2_(
            &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard started == Z_OK else { throw CompressionError(.outOfMemory, "no memory to compress") }
        defer { deflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 32)
        let (status, written) = bytes.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress.map { UnsafeMutablePointer(mutating: $0) }
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                let status = deflate(&stream, Z_FINISH)
                return (status, target.count - Int(stream.avail_out))
            }
        }
        guard status == Z_STREAM_END else { throw CompressionError(.damaged, "zlib could not compress") }
        output.removeSubrange(written...)
        return output
    }
}
