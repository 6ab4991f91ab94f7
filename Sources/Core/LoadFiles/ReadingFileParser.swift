// Any file of readings, plain or gzip, piece by piece: finds out what it is from its first bytes and hands them to the
// reader of that kind. Opens no file.
import CivilTime
import Compression

/// A file once read: the plain wide or long CSV of kWh, or anything else.
public enum ReadFile: Sendable {
    case load(LoadFile)
    case set(ReadingSet)

    /// Names of the meters in order of first appearance.
    public var meters: [String] {
        switch self {
        case .load(let load): load.meters
        case .set(let set): set.meters
        }
    }
    public var refused: [RefusedRow] {
        switch self {
        case .load(let load): load.refused
        case .set(let set): set.refused
        }
    }
    public var refusedCount: Int {
        switch self {
        case .load(let load): load.refusedCount
        case .set(let set): set.refusedCount
        }
    }
    /// Set when the file is to be read anew by this mapping; see ``LoadFile/dayByDay``.
    public var dayByDay: ColumnMapping? {
        guard case .load(let load) = self else { return nil }
        return load.dayByDay
    }
    public var report: ReadingReport {
        switch self {
        case .load(let load): ReadingReport(load)
        case .set(let set): ReadingReport(set)
        }
    }
}

public struct ReadingFileParser {
    private let file: String
    private let zone: Zone
    private let mapping: ColumnMapping?
    private let options: ReadingOptions
    private let limits: LoadFileLimits
    private var start: [UInt8] = []
    private var isSniffed = false
    private var gunzip: Gunzip?
    // One of these, each in a place of its own so that feeding it copies nothing.
    private var load: LoadFileParser?
    private var mapped: MappedFileParser?
    private var nem12: NEM12Parser?
    private var greenButton: GreenButtonParser?
    private var isBegun = false
    /// Expanded bytes until the kind is known.
    private var head: [UInt8] = []
    /// So many bytes, or the whole file, tell the kind; a header line of a wide file may be long.
    private static let headBytes = 65_536

    /// - Parameters:
    ///   - zone: of the company's days.
    ///   - mapping: declared columns of a CSV; nil reads them off the header.
    public init(
        file: String, zone: Zone, mapping: ColumnMapping? = nil, options: ReadingOptions = ReadingOptions(),
        limits: LoadFileLimits = .standard
    ) {
        (self.file, self.zone, self.mapping, self.options, self.limits) = (file, zone, mapping, options, limits)
    }

    /// Whether what came is a wide or long CSV of kWh, not compressed: then `LoadFileParser` reads just the same.
    public var isPlainLoad: Bool { load != nil && gunzip == nil }

    /// Takes the next bytes of the file, cut anywhere.
    public mutating func feed(_ bytes: [UInt8]) throws(LoadFileError) {
        if isSniffed { return try take(bytes) }
        start += bytes
        guard start.count >= 2 else { return }
        try sniff()
    }

    private mutating func sniff() throws(LoadFileError) {
        isSniffed = true
        do {
            if Gzip.looksCompressed(start) { gunzip = try Gunzip() }
        } catch { throw damaged(error) }
        let bytes = start
        start = []
        try take(bytes)
    }

    private func damaged(_ error: any Error) -> LoadFileError {
        (error as? LoadFileError)
            ?? LoadFileError(place: file, what: "\(error)", hint: "nothing of it was taken")
    }

    private mutating func take(_ bytes: [UInt8]) throws(LoadFileError) {
        guard let gunzip else { return try expanded(bytes) }
        do {
            try gunzip.expand(bytes) { try expanded($0) }
        } catch { throw damaged(error) }
    }

    private mutating func expanded(_ bytes: [UInt8]) throws(LoadFileError) {
        if isBegun { return try read(bytes) }
        head += bytes
        if head.count >= Self.headBytes { try begin() }
    }

    private mutating func begin() throws(LoadFileError) {
        let bytes = head
        head = []
        isBegun = true
        let first = bytes.first { $0 > 0x20 && ![0xEF, 0xBB, 0xBF].contains($0) }
        if first == UInt8(ascii: "<") {
            greenButton = GreenButtonParser(file: file, zone: zone, options: options, limits: limits)
        } else if mapping == nil, NEM12Parser.looksLike(bytes) {
            nem12 = NEM12Parser(file: file, zone: zone, options: options, limits: limits)
        } else if mapping != nil || MappedFileParser.isWanted(bytes, options: options, zone: zone) {
            mapped = MappedFileParser(file: file, zone: zone, mapping: mapping, options: options, limits: limits)
        } else {
            load = LoadFileParser(file: file, zone: zone, stamps: options.stamps, limits: limits)
        }
        try read(bytes)
    }

    private mutating func read(_ bytes: [UInt8]) throws(LoadFileError) {
        try load?.feed(bytes)
        try mapped?.feed(bytes)
        try nem12?.feed(bytes)
        try greenButton?.feed(bytes)
    }

    public mutating func finish() throws(LoadFileError) -> ReadFile {
        if !isSniffed { try sniff() }
        do { try gunzip?.finish() } catch { throw damaged(error) }
        if !isBegun { try begin() }
        if let read = try load?.finish() { return .load(read) }
        if let read = try mapped?.finish() { return .set(read) }
        if let read = try nem12?.finish() { return .set(read) }
        if let read = try greenButton?.finish() { return .set(read) }
        throw LoadFileError(place: file, what: "the file is empty", hint: "give a file of readings")
    }
}
