// A large file read in parts side by side and put together as if it had been read from head to end. What would come
// out otherwise (values that contradict each other, limits reached, refusals beyond those kept) is not settled here:
// then there is no result, and the file is read row by row.
import CivilTime
import Synchronization

/// The bytes of a file, any part of which may be read at any time, by several at once.
public struct LoadFileBytes: Sendable {
    public let count: Int
    private let fill: @Sendable (Int, UnsafeMutableRawBufferPointer) -> Bool

    /// - Parameter fill: fills the buffer with the bytes from a place on; false when it cannot.
    public init(count: Int, fill: @escaping @Sendable (Int, UnsafeMutableRawBufferPointer) -> Bool) {
        (self.count, self.fill) = (count, fill)
    }

    public init(_ bytes: [UInt8]) {
        self.init(count: bytes.count) { start, buffer in
            bytes.withUnsafeBytes { all in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[start..<start + buffer.count]))
            }
            return true
        }
    }

    /// Hands the bytes of a range over in pieces, until `take` wants no more. False when they cannot be read.
    public func read(_ range: Range<Int>, pieceBytes: Int = 262_144, take: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool
    {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: min(pieceBytes, range.count)) { buffer in
            var start = range.lowerBound
            while start < range.upperBound {
                let piece = UnsafeMutableBufferPointer(rebasing: buffer.prefix(range.upperBound - start))
                guard fill(start, UnsafeMutableRawBufferPointer(piece)) else { return false }
                guard take(UnsafeBufferPointer(piece)) else { return true }
                start += piece.count
            }
            return true
        }
    }
}

extension LoadFileParser {
    /// Smaller files are not worth the trouble.
    static var smallestSplit: Int { 1_000_000 }

    /// Reads a whole file in parts. Nil when only reading row by row tells rightly, also when that would throw.
    /// - Parameter sideBySide: see ``parse(_:file:zone:periodS:stamps:limits:parts:sideBySide:progress:)``.
    public static func parseInParts(
        _ bytes: LoadFileBytes, file: String, zone: Zone, stamps: StampSide? = nil, limits: LoadFileLimits = .standard,
        parts: Int, sideBySide: (Int, @Sendable (Int) -> Void) -> Void
    ) -> LoadFile? {
        let parser = LoadFileParser(
            file: file, zone: zone, periodS: nil, stamps: stamps, limits: limits, way: .shortAndLater)
        return (try? readParts(bytes, parser, parts: parts, sideBySide)) ?? nil
    }

    /// Nil when only reading row by row tells rightly.
    /// - Parameter headBytes: the head is read in such pieces.
    static func readParts(
        _ bytes: LoadFileBytes, _ parser: LoadFileParser, parts: Int, headBytes: Int = 250_000,
        _ sideBySide: (Int, @Sendable (Int) -> Void) -> Void
    ) throws(LoadFileError) -> LoadFile? {
        var first = parser
        // The head is read alone, until header and capture period are known.
        var start = 0
        while !first.canBeContinued {
            guard start < bytes.count else { return nil }
            let end = min(bytes.count, start + headBytes)
            guard first.feed(bytes, start..<end) else { return nil }
            start = end
        }
        guard let cuts = cuts(bytes, from: start, parts: max(1, parts), lineBytes: first.lineBytesMax) else {
            return nil
        }
        var parsers = [first]
        for _ in cuts.dropFirst().dropLast() { parsers.append(first.continuation()) }
        let read = Mutex([LoadFileParser?](repeating: nil, count: parsers.count))
        let begun = parsers
        parsers = []
        first = begun[0]
        sideBySide(begun.count) { part in
            var parser = begun[part]
            guard parser.feed(bytes, cuts[part]..<cuts[part + 1]), (try? parser.endPart()) != nil else { return }
            read.withLock { [parser] in $0[part] = parser }
        }
        // Taken out, not copied: what is held twice would be copied day by day as soon as it is written to.
        var done = read.withLock { held in
            let taken = held
            held = []
            return taken
        }
        guard var whole = done[0].take() else { return nil }
        for index in done.indices.dropFirst() {
            guard let part = done[index].take(), whole.append(part) else { return nil }
        }
        guard !whole.needsOrder else { return nil }
        return try whole.finish()
    }

    /// False when the bytes cannot be read, or not as a load file.
    private mutating func feed(_ bytes: LoadFileBytes, _ range: Range<Int>) -> Bool {
        var isWell = true
        let isRead = bytes.read(range) { piece in
            isWell = (try? feed(piece)) != nil
            return isWell
        }
        return isRead && isWell
    }

    /// Where the parts begin, each behind an end of line, and the end. Nil when the bytes cannot be read.
    private static func cuts(_ bytes: LoadFileBytes, from start: Int, parts: Int, lineBytes: Int) -> [Int]? {
        var cuts = [start]
        for part in 1..<max(2, parts) where parts > 1 {
            let wanted = max(cuts[cuts.count - 1], start + (bytes.count - start) / parts * part)
            var looked = wanted
            var found: Int?
            let isRead = bytes.read(wanted..<min(bytes.count, wanted + lineBytes), pieceBytes: 4_096) { piece in
                found = piece.firstIndex(of: 0x0A).map { looked + $0 }
                looked += piece.count
                return found == nil
            }
            guard isRead else { return nil }
            guard let found else { break }
            cuts.append(found + 1)
        }
        return cuts + [bytes.count]
    }
}
