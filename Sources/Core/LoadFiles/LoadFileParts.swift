// A large file read in parts side by side and put together as if it had been read from head to end. What would come
// out otherwise (values that contradict each other, limits reached, refusals beyond those kept) is not settled here:
// then there is no result, and the file is read row by row.
import CivilTime
import Synchronization

extension LoadFileParser {
    /// Smaller files are not worth the trouble.
    static var smallestSplit: Int { 1_000_000 }

    /// Reads a whole file in parts. Nil when only reading row by row tells rightly, also when that would throw.
    /// - Parameter sideBySide: see ``parse(_:file:zone:periodS:stamps:limits:parts:sideBySide:progress:)``.
    public static func parseInParts(
        _ bytes: [UInt8], file: String, zone: Zone, stamps: StampSide? = nil, limits: LoadFileLimits = .standard,
        parts: Int, sideBySide: (Int, @Sendable (Int) -> Void) -> Void
    ) -> LoadFile? {
        let parser = LoadFileParser(
            file: file, zone: zone, periodS: nil, stamps: stamps, limits: limits, way: .shortAndLater)
        return (try? readParts(bytes, parser, parts: parts, sideBySide)) ?? nil
    }

    /// Nil when only reading row by row tells rightly.
    /// - Parameter headBytes: the head is read in such pieces.
    static func readParts(
        _ bytes: [UInt8], _ parser: LoadFileParser, parts: Int, headBytes: Int = 250_000,
        _ sideBySide: (Int, @Sendable (Int) -> Void) -> Void
    ) throws(LoadFileError) -> LoadFile? {
        var first = parser
        // The head is read alone, until header and capture period are known.
        var start = 0
        while !first.canBeContinued {
            guard start < bytes.count else { return nil }
            let end = min(bytes.count, start + headBytes)
            try first.feed(bytes[start..<end])
            start = end
        }
        let cuts = cuts(bytes, from: start, parts: max(1, parts))
        var parsers = [first]
        for _ in cuts.dropFirst().dropLast() { parsers.append(first.continuation()) }
        let read = Mutex([LoadFileParser?](repeating: nil, count: parsers.count))
        let begun = parsers
        parsers = []
        first = begun[0]
        sideBySide(begun.count) { part in
            var parser = begun[part]
            guard (try? parser.feed(bytes[cuts[part]..<cuts[part + 1]])) != nil, (try? parser.endPart()) != nil else {
                return
            }
            read.withLock { [parser] in $0[part] = parser }
        }
        let done = read.withLock { $0 }
        guard var whole = done[0] else { return nil }
        for part in done.dropFirst() {
            guard let part, whole.append(part) else { return nil }
        }
        guard !whole.needsOrder else { return nil }
        return try whole.finish()
    }

    /// Where the parts begin, each behind an end of line, and the end.
    private static func cuts(_ bytes: [UInt8], from start: Int, parts: Int) -> [Int] {
        var cuts = [start]
        for part in 1..<max(2, parts) where parts > 1 {
            let wanted = max(cuts[cuts.count - 1], start + (bytes.count - start) / parts * part)
            guard let end = bytes[wanted...].firstIndex(of: 0x0A) else { break }
            cuts.append(end + 1)
        }
        return cuts + [bytes.count]
    }
}
