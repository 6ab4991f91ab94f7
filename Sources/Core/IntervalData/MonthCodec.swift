// The days of one meter, channel and month as few bytes: the long-term form of day blocks. Strict in reading: what no
// encoder writes is an error, never a guess and never a trap. Knows no database and no checksum.
//
// Format 1: the format number; how many versions; the makers' names (count, then length and UTF-8 of each, in order of
// first use); then each version in order of (day, version): days since the version before (at first since day 1),
// version, change and making time as differences to the version before, maker, slots, runs of qualities
// (length × 4 + quality), runs of sources (batch as a difference, length), values. Numbers are LEB128, differences
// zig-zag. Values are Rice codes of each value or of its difference to the slot before, whatever is shorter: a byte
// (128 for differences, plus the number k of low bits), then for each value its zig-zag number's high part as so many
// zero bits, a one bit and k low bits; from 24 on, 24 zero bits and the whole number in 32. Padded with zero bits to a
// whole byte.

/// One version of a day with what was noted of its making.
public struct DayVersion: Sendable, Equatable {
    /// 1...31.
    public var dayOfMonth: Int
    public var version: Int64
    /// Its number in the change sequence of the month.
    public var change: Int64
    public var madeAtMs: Int64
    public var madeBy: String
    public var block: DayBlock

    public init(dayOfMonth: Int, version: Int64, change: Int64, madeAtMs: Int64, madeBy: String, block: DayBlock) {
        self.dayOfMonth = dayOfMonth
        self.version = version
        self.change = change
        self.madeAtMs = madeAtMs
        self.madeBy = madeBy
        self.block = block
    }
}

/// Stored bytes that are no month, and where.
public struct MonthCodecError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// The format number, or nil when there is no byte at all.
        case format(UInt8?)
        /// Bits or numbers that an encoder never writes.
        case malformed
    }
    public var code: Code
    /// Byte at which reading ended.
    public var at: Int

    public var description: String {
        switch code {
        case .format(let format): "month: format \(format.map(String.init) ?? "absent") is not known to this release"
        case .malformed: "month: not as written at byte \(at)"
        }
    }
}

public enum MonthCodec {
    /// More versions than this of one meter's month are no data but a fault.
    public static let maximumVersions = 20_000
    private static let format: UInt8 = 1
    fileprivate static let escape = 24

    /// - Precondition: in order of (day, version), days 1...31, slots within `DayBlock.maximumSlots`.
    public static func encode(_ versions: [DayVersion]) -> [UInt8] {
        precondition(versions.count <= maximumVersions, "a month has a bounded number of versions")
        var bytes: [UInt8] = [format]
        bytes.reserveCapacity(32 + versions.count * 96)
        appendLEB128(UInt64(versions.count), to: &bytes)
        var makers: [String] = []
        for version in versions where !makers.contains(version.madeBy) { makers.append(version.madeBy) }
        appendLEB128(UInt64(makers.count), to: &bytes)
        for maker in makers {
            appendLEB128(UInt64(maker.utf8.count), to: &bytes)
            bytes += Array(maker.utf8)
        }
        var last = Running()
        for version in versions {
            let isLater =
                version.dayOfMonth > last.day || (version.dayOfMonth == last.day && version.version > last.version)
            precondition(isLater && version.dayOfMonth <= 31, "versions in order of day and version")
            appendLEB128(UInt64(version.dayOfMonth - max(last.day, 1)), to: &bytes)
            appendLEB128(UInt64(bitPattern: version.version), to: &bytes)
            appendLEB128(zigzag(version.change &- last.change), to: &bytes)
            appendLEB128(zigzag(version.madeAtMs &- last.madeAtMs), to: &bytes)
            appendLEB128(UInt64(makers.firstIndex(of: version.madeBy) ?? 0), to: &bytes)
            append(version.block, to: &bytes, lastBatch: &last.batch)
            last.day = version.dayOfMonth
            last.version = version.version
            last.change = version.change
            last.madeAtMs = version.madeAtMs
        }
        return bytes
    }

    public static func decode(_ bytes: [UInt8]) throws(MonthCodecError) -> [DayVersion] {
        var reader = MonthReader(bytes: bytes)
        guard bytes.first == format else { throw MonthCodecError(code: .format(bytes.first), at: 0) }
        reader.at = 1
        guard let versions = reader.versions(), reader.at == bytes.count else {
            throw MonthCodecError(code: .malformed, at: reader.at)
        }
        return versions
    }

    /// What the differences are taken to.
    fileprivate struct Running {
        var day = 0
        var version: Int64 = 0
        var change: Int64 = 0
        var madeAtMs: Int64 = 0
        var batch: Int64 = 0
    }

    private static func append(_ block: DayBlock, to bytes: inout [UInt8], lastBatch: inout Int64) {
        appendLEB128(UInt64(block.slotCount), to: &bytes)
        var slot = 0
        while slot < block.slotCount {
            let quality = block.qualities[slot]
            var end = slot + 1
            while end < block.slotCount, block.qualities[end] == quality { end += 1 }
            appendLEB128((UInt64(end - slot) << 2) | UInt64(quality.rawValue), to: &bytes)
            slot = end
        }
        for run in block.canonicalSources {
            appendLEB128(zigzag(run.batch &- lastBatch), to: &bytes)
            appendLEB128(UInt64(run.count), to: &bytes)
            lastBatch = run.batch
        }
        RiceCode.append(block.values, to: &bytes)
    }
}

private struct MonthReader {
    let bytes: [UInt8]
    var at = 0

    mutating func number(below limit: Int) -> Int? {
        guard let value = readLEB128(bytes, &at), value < UInt64(limit) else { return nil }
        return Int(value)
    }

    private mutating func makers() -> [String]? {
        guard let count = number(below: 256) else { return nil }
        var makers: [String] = []
        for _ in 0..<count {
            guard let length = number(below: 1_000), at + length <= bytes.count,
                let maker = String(validating: bytes[at..<at + length], as: UTF8.self), !makers.contains(maker)
            else { return nil }
            makers.append(maker)
            at += length
        }
        return makers
    }

    mutating func versions() -> [DayVersion]? {
        guard let count = number(below: MonthCodec.maximumVersions + 1), let makers = makers() else { return nil }
        var versions: [DayVersion] = []
        // A version has at least a dozen bytes: what is not there cannot ask for room.
        versions.reserveCapacity(min(count, bytes.count / 8))
        var last = MonthCodec.Running()
        var makersSeen = 0
        for _ in 0..<count {
            guard let days = number(below: 31), let version = readLEB128(bytes, &at),
                let change = readLEB128(bytes, &at), let madeAt = readLEB128(bytes, &at),
                let maker = number(below: makers.count), maker <= makersSeen
            else { return nil }
            makersSeen = max(makersSeen, maker + 1)
            let day = max(last.day, 1) + days
            guard day <= 31, day > last.day || Int64(bitPattern: version) > last.version,
                let block = block(&last.batch)
            else { return nil }
            last.day = day
            last.version = Int64(bitPattern: version)
            last.change = last.change &+ unzigzag(change)
            last.madeAtMs = last.madeAtMs &+ unzigzag(madeAt)
            versions.append(
                DayVersion(
                    dayOfMonth: day, version: last.version, change: last.change, madeAtMs: last.madeAtMs,
                    madeBy: makers[maker], block: block))
        }
        return makersSeen == makers.count ? versions : nil
    }

    private mutating func block(_ lastBatch: inout Int64) -> DayBlock? {
        guard let slots = number(below: DayBlock.maximumSlots + 1) else { return nil }
        var qualities: [Quality] = []
        while qualities.count < slots {
            guard let run = number(below: DayBlock.maximumSlots * 4 + 4), run >= 4, run >> 2 <= slots - qualities.count,
                let quality = Quality(rawValue: UInt8(run & 3)), qualities.last != quality
            else { return nil }
            if run >> 2 == slots {
                qualities = Array(repeating: quality, count: slots)
            } else {
                qualities.append(contentsOf: repeatElement(quality, count: run >> 2))
            }
        }
        var sources: [SourceRun] = []
        var covered = 0
        while covered < slots {
            guard let difference = readLEB128(bytes, &at), let count = number(below: slots - covered + 1), count > 0
            else { return nil }
            let batch = lastBatch &+ unzigzag(difference)
            guard sources.last?.batch != batch else { return nil }
            sources.append(SourceRun(batch: batch, count: count))
            lastBatch = batch
            covered += count
        }
        guard let values = RiceCode.read(bytes, &at, count: slots) else { return nil }
        return DayBlock(values: values, qualities: qualities, sources: sources)
    }
}

/// Numbers whose high part is written in ones' count and low part in k bits: short for small numbers, never long.
private enum RiceCode {
    private static let differences: UInt8 = 0x80

    static func append(_ values: [Int32], to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: values.count * 2) { numbers in
            let plain = UnsafeMutableBufferPointer(rebasing: numbers[..<values.count])
            let steps = UnsafeMutableBufferPointer(rebasing: numbers[values.count...])
            var before: Int32 = 0
            for (slot, value) in values.enumerated() {
                plain[slot] = zigzag32(value)
                steps[slot] = zigzag32(value &- before)
                before = value
            }
            let byValue = shortest(UnsafeBufferPointer(plain))
            let byStep = shortest(UnsafeBufferPointer(steps))
            if byStep.bits < byValue.bits {
                bytes.append(differences | UInt8(byStep.k))
                write(UnsafeBufferPointer(steps), k: byStep.k, bits: byStep.bits, to: &bytes)
            } else {
                bytes.append(UInt8(byValue.k))
                write(UnsafeBufferPointer(plain), k: byValue.k, bits: byValue.bits, to: &bytes)
            }
        }
    }

    /// The best k near the one that fits the mean; ties go to the smaller.
    private static func shortest(_ numbers: UnsafeBufferPointer<UInt32>) -> (k: Int, bits: Int) {
        var sum: UInt64 = 0
        for number in numbers { sum &+= UInt64(number) }
        let mean = numbers.isEmpty ? 0 : sum / UInt64(numbers.count)
        let near = mean == 0 ? 0 : 63 - mean.leadingZeroBitCount
        var best = (k: 0, bits: Int.max)
        for k in max(0, near - 1)...min(31, near + 1) {
            let short = UInt32(k + 1)
            let long = UInt32(MonthCodec.escape + 32)
            var bits: UInt32 = 0
            for number in numbers {
                let high = number &>> UInt32(k)
                bits &+= high < UInt32(MonthCodec.escape) ? high &+ short : long
            }
            if Int(bits) < best.bits { best = (k, Int(bits)) }
        }
        return best
    }

    private static func write(_ numbers: UnsafeBufferPointer<UInt32>, k: Int, bits: Int, to bytes: inout [UInt8]) {
        // Room for eight bytes behind the last.
        withUnsafeTemporaryAllocation(byteCount: bits / 8 + 9, alignment: 8) { room in
            var held: UInt64 = 0
            var count = 0
            var at = 0
            for number in numbers {
                let high = Int(number &>> UInt32(k))
                let isLong = high >= MonthCodec.escape
                let width = isLong ? MonthCodec.escape + 32 : high + 1 + k
                let low = UInt64(number) & ((1 &<< UInt64(k)) - 1)
                let code = isLong ? UInt64(number) : (1 &<< UInt64(k)) | low
                // At most 7 bits are held and 56 come: 63.
                held = (held &<< UInt64(width)) | code
                count += width
                // All that is held, from the highest byte on; the whole bytes of it stay.
                room.storeBytes(of: (held &<< UInt64(64 - count)).bigEndian, toByteOffset: at, as: UInt64.self)
                at += count / 8
                count %= 8
            }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: room[..<(at + (count > 0 ? 1 : 0))]))
        }
    }

    static func read(_ bytes: [UInt8], _ at: inout Int, count: Int) -> [Int32]? {
        guard at < bytes.count, bytes[at] & 0x60 == 0 else { return nil }
        let k = Int(bytes[at] & 31)
        let isSteps = bytes[at] & differences != 0
        // Each value has at least a bit: what is not there cannot ask for room.
        guard count <= (bytes.count - at - 1) * 8 else { return nil }
        var bit = (at + 1) * 8
        let values = bytes.withUnsafeBytes { raw in
            [Int32](unsafeUninitializedCapacity: count) { values, made in
                var before: Int32 = 0
                while made < count, let number = next(raw, &bit, k: k) {
                    let value = unzigzag32(number)
                    before = isSteps ? before &+ value : value
                    values.initializeElement(at: made, to: before)
                    made += 1
                }
            }
        }
        guard values.count == count else { return nil }
        // The rest of the last byte must be the padding.
        guard bit % 8 == 0 || bytes[bit / 8] &<< UInt8(bit % 8) == 0 else { return nil }
        at = (bit + 7) / 8
        return values
    }

    /// Nil when there is no number as `write` writes it.
    private static func next(_ raw: UnsafeRawBufferPointer, _ bit: inout Int, k: Int) -> UInt32? {
        // 57 bits at least, zeros behind the end; a number has 56 at most.
        let byte = bit / 8
        var held: UInt64 = 0
        if byte + 8 <= raw.count {
            held = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: byte, as: UInt64.self))
        } else {
            for place in byte..<raw.count { held |= UInt64(raw[place]) &<< UInt64(56 - (place - byte) * 8) }
        }
        held &<<= UInt64(bit % 8)
        let left = raw.count * 8 - bit
        let zeros = held.leadingZeroBitCount
        if zeros >= MonthCodec.escape {
            let number = UInt32(truncatingIfNeeded: (held &<< UInt64(MonthCodec.escape)) &>> 32)
            guard left >= MonthCodec.escape + 32, number &>> UInt32(k) >= UInt32(MonthCodec.escape) else { return nil }
            bit += MonthCodec.escape + 32
            return number
        }
        let (high, overflow) = UInt32(zeros).multipliedReportingOverflow(by: 1 &<< UInt32(k))
        guard left >= zeros + 1 + k, !overflow else { return nil }
        bit += zeros + 1 + k
        let low = k == 0 ? 0 : UInt32(truncatingIfNeeded: (held &<< UInt64(zeros + 1)) &>> UInt64(64 - k))
        return high | low
    }
}

private func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }
private func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
private func zigzag32(_ value: Int32) -> UInt32 { UInt32(bitPattern: (value << 1) ^ (value >> 31)) }
private func unzigzag32(_ value: UInt32) -> Int32 { Int32(bitPattern: value >> 1) ^ -Int32(bitPattern: value & 1) }
