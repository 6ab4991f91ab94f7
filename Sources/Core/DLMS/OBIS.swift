// Logical names (OBIS codes, IEC 62056-6-1) and references to attributes and methods. No meaning of codes here.

/// Six value groups A-B:C.D.E*F of a logical name.
public struct OBIS: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var a, b, c, d, e, f: UInt8

    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8 = 255) {
        (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
    }

    /// Six octets as on the wire; nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        let groups = Array(bytes)
        self.init(groups[0], groups[1], groups[2], groups[3], groups[4], groups[5])
    }

    /// Reads `1.0.99.1.0.255` or, F being 255, `1.0.99.1.0`. Nil when it is anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 5 || parts.count == 6 else { return nil }
        var groups: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }),
                let group = UInt8(part)
            else { return nil }
            groups.append(group)
        }
        if groups.count == 5 { groups.append(255) }
        self.init(bytes: groups)
    }

    public var bytes: [UInt8] { [a, b, c, d, e, f] }
    /// All six groups: `1.0.99.1.0.255`.
    public var description: String { "\(a).\(b).\(c).\(d).\(e).\(f)" }
    /// Without F when it is 255: `1.0.99.1.0`.
    public var shortText: String { f == 255 ? "\(a).\(b).\(c).\(d).\(e)" : description }

    public static func < (x: OBIS, y: OBIS) -> Bool { x.bytes.lexicographicallyPrecedes(y.bytes) }
}

/// One attribute of one object (COSEM-Attribute-Descriptor).
public struct AttributeReference: Hashable, Sendable, CustomStringConvertible {
    public var classID: UInt16
    public var obis: OBIS
    public var attribute: Int8
    public init(_ classID: UInt16, _ obis: OBIS, _ attribute: Int8 = 2) {
        self.classID = classID
        self.obis = obis
        self.attribute = attribute
    }
    /// `7/1.0.99.1.0/2`
    public var description: String { "\(classID)/\(obis.shortText)/\(attribute)" }
}

/// One method of one object (COSEM-Method-Descriptor).
public struct MethodReference: Hashable, Sendable, CustomStringConvertible {
    public var classID: UInt16
    public var obis: OBIS
    public var method: Int8
    public init(_ classID: UInt16, _ obis: OBIS, _ method: Int8) {
        self.classID = classID
        self.obis = obis
        self.method = method
    }
    public var description: String { "\(classID)/\(obis.shortText)/method \(method)" }
}

/// A column of a profile (capture object definition, IEC 62056-6-2 class 7).
public struct CaptureObject: Hashable, Sendable {
    public var classID: UInt16
    public var obis: OBIS
    public var attribute: Int8
    /// 0 = the whole attribute; n = its n-th element.
    public var dataIndex: UInt16
    public init(_ classID: UInt16, _ obis: OBIS, _ attribute: Int8 = 2, dataIndex: UInt16 = 0) {
        self.classID = classID
        self.obis = obis
        self.attribute = attribute
        self.dataIndex = dataIndex
    }

    /// Structure of class, logical name, attribute, data index.
    public var data: DLMSData {
        .structure([
            .longUnsigned(classID), .octetString(obis.bytes), .integer(attribute), .longUnsigned(dataIndex),
        ])
    }

    /// Nil when the data is not a capture object definition.
    public init?(_ data: DLMSData) {
        guard case .structure(let fields) = data, fields.count == 4, let classID = fields[0].integer,
            case .octetString(let name) = fields[1], let obis = OBIS(bytes: name), let attribute = fields[2].integer,
            let index = fields[3].integer, let classID = UInt16(exactly: classID),
            let attribute = Int8(exactly: attribute), let index = UInt16(exactly: index)
        else { return nil }
        self.init(classID, obis, attribute, dataIndex: index)
    }
}

/// Selective access to the buffer of a profile (IEC 62056-6-2, class 7, attribute 2).
public enum Selector: Hashable, Sendable {
    /// Selector 1: rows whose `by` value lies in from...to, both ends inclusive. No columns = all.
    case range(by: CaptureObject, from: DLMSData, to: DLMSData, columns: [CaptureObject] = [])
    /// Selector 2: rows and columns counted from 1; an end of 0 means the last.
    case entry(from: UInt32, to: UInt32, fromColumn: UInt16 = 1, toColumn: UInt16 = 0)
    /// Any other selector with its parameters.
    case other(UInt8, DLMSData)

    /// Rows stamped from...to by the clock object 0.0.1.0.0, as octet strings of 12.
    public static func clockRange(from: COSEMDateTime, to: COSEMDateTime) -> Selector {
        .range(
            by: CaptureObject(8, OBIS(0, 0, 1, 0, 0)), from: .octetString(from.bytes), to: .octetString(to.bytes))
    }

    /// Selector number and access parameters.
    public var encoded: (selector: UInt8, parameters: DLMSData) {
        switch self {
        case .range(let by, let from, let to, let columns):
            (1, .structure([by.data, from, to, .array(columns.map(\.data))]))
        case .entry(let from, let to, let fromColumn, let toColumn):
            (
                2,
                .structure([
                    .doubleLongUnsigned(from), .doubleLongUnsigned(to), .longUnsigned(fromColumn),
                    .longUnsigned(toColumn),
                ])
            )
        case .other(let selector, let parameters): (selector, parameters)
        }
    }

    /// Parameters that do not fit selector 1 or 2 stay `.other`, for the object to refuse.
    public init(selector: UInt8, parameters: DLMSData) {
        self = Self.known(selector, parameters) ?? .other(selector, parameters)
    }

    private static func known(_ selector: UInt8, _ parameters: DLMSData) -> Selector? {
        guard case .structure(let fields) = parameters, fields.count == 4 else { return nil }
        switch selector {
        case 1:
            guard let by = CaptureObject(fields[0]), case .array(let list) = fields[3] else { return nil }
            let columns = list.compactMap { CaptureObject($0) }
            return columns.count == list.count
                ? .range(by: by, from: fields[1], to: fields[2], columns: columns) : nil
        case 2:
            guard case .doubleLongUnsigned(let from) = fields[0], case .doubleLongUnsigned(let to) = fields[1],
                case .longUnsigned(let fromColumn) = fields[2], case .longUnsigned(let toColumn) = fields[3]
            else { return nil }
            return .entry(from: from, to: to, fromColumn: fromColumn, toColumn: toColumn)
        default: return nil
        }
    }
}
