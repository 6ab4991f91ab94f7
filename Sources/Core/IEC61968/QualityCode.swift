// Reading quality codes of IEC 61968-9 annex D: who says so, the kind, and the exact reason.

/// `3.8.0`: said by the MDM (3), estimated (8), no more exact reason (0).
public struct QualityCode: Sendable, Hashable, CustomStringConvertible {
    /// 0 not told, 1 the end device, 2 the head-end, 3 the meter-data system, 4 another, 5 told elsewhere.
    public var system: Int16
    /// 0 valid, 1 diagnostics, 2 power quality, 3 tamper, 4 collection, 5 reasonability, 6 validation, 7 edited,
    /// 8 estimated, 10 questionable, 11 derived, 12 projected.
    public var category: Int16
    public var index: Int16

    public init(_ system: Int16, _ category: Int16, _ index: Int16) {
        (self.system, self.category, self.index) = (system, category, index)
    }

    /// Nil unless there are three whole numbers between points.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var numbers: [Int16] = []
        for part in parts {
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let number = Int16(part)
            else { return nil }
            numbers.append(number)
        }
        self.init(numbers[0], numbers[1], numbers[2])
    }

    public var description: String { "\(system).\(category).\(index)" }

    /// As the meter said it, through the head-end.
    public static let actual = QualityCode(2, 0, 0)
    public static let edited = QualityCode(3, 7, 0)
    public static let estimated = QualityCode(3, 8, 0)
    /// The sender knows that the reading is missing; its value means nothing.
    public static let missing = QualityCode(3, 5, 259)
}

/// How far the qualities of a reading let it be trusted.
public enum ReadingStanding: Sendable, Equatable {
    /// Said by the meter and not doubted, or without any quality.
    case actual
    case edited
    case estimated
    /// Questionable, projected or failed by a check of the sender: no measurement to build on.
    case doubtful
    case missing

    public init(_ qualities: [QualityCode]) {
        var standing = ReadingStanding.actual
        for quality in qualities {
            switch (quality.category, quality.index) {
            case (5, 259): standing = .missing
            case (8, _) where standing != .missing: standing = .estimated
            case (7, _) where standing != .missing && standing != .estimated: standing = .edited
            case (6, _), (10, 0), (12, _):
                if standing == .actual { standing = .doubtful }
            default: break
            }
        }
        self = standing
    }
}
