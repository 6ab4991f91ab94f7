// The last status words of a meter by its own time, and what a new one tells: pushes come late and out of order, and a
// word says only what is present now. Pure.

/// At most eight words, in order of the meter's time. Coded as 24 octets each.
public struct StatusHistory: Sendable, Equatable {
    public static let limit = 8
    public struct Entry: Sendable, Equatable {
        public var atMs: Int64
        public var word: EventStatusWord
    }
    public private(set) var entries: [Entry] = []

    public init() {}

    /// What one word tells.
    public struct News: Sendable, Equatable {
        /// Events at the time of the word.
        public var codes: [Int] = []
        /// Events of the word after this one that had begun by this one already: they are moved to its time.
        public var earlier: [(code: Int, fromMs: Int64)] = []

        public init(codes: [Int] = [], earlier: [(code: Int, fromMs: Int64)] = []) {
            self.codes = codes
            self.earlier = earlier
        }

        public static func == (a: News, b: News) -> Bool {
            a.codes == b.codes && a.earlier.map(\.code) == b.earlier.map(\.code)
                && a.earlier.map(\.fromMs) == b.earlier.map(\.fromMs)
        }
    }

    /// Bits that report a moment and not a state: each word that has one tells it anew.
    static let moments: Set<Int> = [EventStatusWord.lastGasp, EventStatusWord.firstBreath, EventStatusWord.billed]

    /// Places a word and says what is new. Of a time that is known already, only bits that were not set tell something:
    /// a meter says two things within a second by two words.
    public mutating func place(_ word: EventStatusWord, atMs: Int64) -> News {
        if let index = entries.firstIndex(where: { $0.atMs == atMs }) { return add(word, to: index) }
        let index = entries.firstIndex { $0.atMs > atMs } ?? entries.count
        var news = News()
        var before = index > 0 ? entries[index - 1].word : EventStatusWord()
        // Nobody knows how long a relay has stood open that the first word shows open.
        if index == 0 { before.bits.insert(EventStatusWord.relayOpen) }
        let after = index < entries.count ? entries[index] : nil
        let changes = word.changes(since: before)
        for bit in Set(changes.raised).union(word.bits.intersection(Self.moments)).sorted() {
            guard let code = EventIDs.code(bit: bit, raised: true) else { continue }
            if let after, after.word.contains(bit), !Self.moments.contains(bit) {
                news.earlier.append((code, after.atMs))
            } else {
                news.codes.append(code)
            }
        }
        if index > 0 {
            for bit in changes.cleared where !Self.moments.contains(bit) {
                guard let code = EventIDs.code(bit: bit, raised: false) else { continue }
                if let after, !after.word.contains(bit) {
                    news.earlier.append((code, after.atMs))
                } else {
                    news.codes.append(code)
                }
            }
        }
        // What is older than all that is kept has told its moments and is not kept.
        if index == 0, entries.count >= Self.limit { return News(codes: news.codes, earlier: []) }
        entries.insert(Entry(atMs: atMs, word: word), at: index)
        if entries.count > Self.limit { entries.removeFirst() }
        return news
    }

    private mutating func add(_ word: EventStatusWord, to index: Int) -> News {
        let before = index > 0 ? entries[index - 1].word : EventStatusWord([EventStatusWord.relayOpen])
        let after = index + 1 < entries.count ? entries[index + 1] : nil
        var news = News()
        for bit in word.bits.subtracting(entries[index].word.bits).sorted() {
            let isMoment = Self.moments.contains(bit)
            guard isMoment || !before.contains(bit), let code = EventIDs.code(bit: bit, raised: true) else { continue }
            if let after, after.word.contains(bit), !isMoment {
                news.earlier.append((code, after.atMs))
            } else {
                news.codes.append(code)
            }
        }
        entries[index].word.bits.formUnion(word.bits)
        return news
    }

    // MARK: Storing

    public var bytes: [UInt8] {
        entries.flatMap { entry -> [UInt8] in
            let stamp = UInt64(bitPattern: entry.atMs)
            var octets = [UInt8](repeating: 0, count: EventStatusWord.bitCount / 8)
            for bit in entry.word.bits { octets[bit / 8] |= 0x80 >> UInt8(bit % 8) }
            return (0..<8).map { UInt8(truncatingIfNeeded: stamp >> UInt64(56 - 8 * $0)) } + octets
        }
    }

    /// Nil when the octets are not whole entries.
    public init?(bytes: [UInt8]) {
        let size = 8 + EventStatusWord.bitCount / 8
        guard bytes.count % size == 0, bytes.count / size <= Self.limit else { return nil }
        for start in stride(from: 0, to: bytes.count, by: size) {
            let stamp = bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let octets = Array(bytes[start + 8..<start + size])
            let bits = (0..<EventStatusWord.bitCount).filter { octets[$0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 }
            entries.append(Entry(atMs: Int64(bitPattern: stamp), word: EventStatusWord(Set(bits))))
        }
    }
}
