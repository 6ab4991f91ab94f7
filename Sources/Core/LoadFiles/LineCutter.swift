// Cuts bytes that come in pieces into lines, within limits. Knows nothing of what stands in them.

struct LineCutter {
    let file: String
    let limits: LoadFileLimits
    private var pending: [UInt8] = []
    private var byteCount = 0
    private(set) var lineNumber = 0

    init(file: String, limits: LoadFileLimits) { (self.file, self.limits) = (file, limits) }

    private func tooMuch(_ what: String, _ limit: Int) -> LoadFileError {
        LoadFileError(
            place: lineNumber > 0 ? "\(file):\(lineNumber + 1)" : file, what: "more than \(limit) \(what)",
            hint: "split the file")
    }

    /// Hands each whole line over, without its end; blank lines count and are left out.
    mutating func feed(_ bytes: [UInt8], to take: (Int, [UInt8]) throws -> Void) throws {
        byteCount += bytes.count
        guard byteCount <= limits.bytes else { throw tooMuch("bytes", limits.bytes) }
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            pending += bytes[start..<end]
            start = end + 1
            try takePending(to: take)
        }
        pending += bytes[start...]
        guard pending.count <= limits.lineBytes else { throw tooMuch("bytes in a line", limits.lineBytes) }
    }

    mutating func finish(to take: (Int, [UInt8]) throws -> Void) throws {
        if !pending.isEmpty { try takePending(to: take) }
    }

    private mutating func takePending(to take: (Int, [UInt8]) throws -> Void) throws {
        guard pending.count <= limits.lineBytes else { throw tooMuch("bytes in a line", limits.lineBytes) }
        lineNumber += 1
        if lineNumber == 1 {
            if pending.starts(with: [0xEF, 0xBB, 0xBF]) { pending.removeFirst(3) }
            if pending.starts(with: [0xFF, 0xFE]) || pending.starts(with: [0xFE, 0xFF]) || pending.contains(0) {
                throw LoadFileError(place: "\(file):1", what: "the file is not in UTF-8", hint: "save it as UTF-8")
            }
        }
        if pending.last == 0x0D { pending.removeLast() }
        if !pending.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { try take(lineNumber, pending) }
        pending.removeAll(keepingCapacity: true)
    }
}

/// The next end of a line, eight bytes at a time.
func endOfLine(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    var at = start
    let raw = UnsafeRawBufferPointer(bytes)
    while at + 8 <= bytes.count {
        // A byte becomes zero where it is the one looked for; the lowest high bit of this names the first zero byte.
        let found = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ 0x0A0A_0A0A_0A0A_0A0A
        let marks = (found &- 0x0101_0101_0101_0101) & ~found & 0x8080_8080_8080_8080
        if marks != 0 { return at + marks.trailingZeroBitCount / 8 }
        at += 8
    }
    while at < bytes.count {
        if bytes[at] == 0x0A { return at }
        at += 1
    }
    return nil
}
