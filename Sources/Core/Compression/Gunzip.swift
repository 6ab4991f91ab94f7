// Expands gzip (RFC 1952) piece by piece over zlib, so that a file of any size needs the memory of a piece.
import CZlib

/// Feed it the pieces in order, then call ``finish()``. A class because zlib keeps the address of its state.
public final class Gunzip {
    private let stream: UnsafeMutablePointer<z_stream>
    private var isAtMemberEnd = false
    private var isBegun = false

    /// - Throws: ``CompressionError`` `outOfMemory`.
    public init() throws(CompressionError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw CompressionError(.outOfMemory, "no memory to expand gzip")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Hands what the bytes expand to over in pieces of at most 256 KiB.
    public func expand(_ bytes: [UInt8], to take: ([UInt8]) throws -> Void) throws {
        var consumed = 0
        var mayHoldMore = false
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while consumed < bytes.count || mayHoldMore {
            if isAtMemberEnd {
                guard inflateReset(stream) == Z_OK else {
                    throw CompressionError(.damaged, "the gzip data cannot be continued")
                }
                isAtMemberEnd = false
            }
            isBegun = true
            let (status, read, written) = step(bytes, from: consumed, into: &chunk)
            consumed += read
            if written > 0 { try take(written == chunk.count ? chunk : Array(chunk[..<written])) }
            guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(status) else {
                throw CompressionError(.damaged, "the gzip data is damaged; copy it again")
            }
            isAtMemberEnd = status == Z_STREAM_END
            // A full piece of output may have more behind it, without more input.
            mayHoldMore = written == chunk.count && !isAtMemberEnd
            if read == 0, written == 0 { return }
        }
    }

    /// - Throws: ``CompressionError`` `truncated` when the last member is not whole.
    public func finish() throws(CompressionError) {
        guard isBegun, isAtMemberEnd else {
            throw CompressionError(.truncated, "the gzip data ends early; copy it again")
        }
    }

    private func step(
        _ bytes: [UInt8], from start: Int, into chunk: inout [UInt8]
    ) -> (status: Int32, read: Int, written: Int) {
        bytes.withUnsafeBufferPointer { source in
            chunk.withUnsafeMutableBufferPointer { target in
                // zlib does not write through next_in; its type merely lacks const.
                stream.pointee.next_in = source.baseAddress.map { UnsafeMutablePointer(mutating: $0 + start) }
                stream.pointee.avail_in = UInt32(clamping: source.count - start)
                let given = stream.pointee.avail_in
                stream.pointee.next_out = target.baseAddress
                stream.pointee.avail_out = UInt32(target.count)
                let status = inflate(stream, Z_NO_FLUSH)
                return (status, Int(given - stream.pointee.avail_in), target.count - Int(stream.pointee.avail_out))
            }
        }
    }
}
