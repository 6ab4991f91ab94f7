// The event status word of IS 15959-2 (0.0.94.91.18, 128 bits, first bit first): what is now present in a meter.
import DLMS

/// A bit and what it says.
public struct StatusBit: Hashable, Sendable {
    public var bit: Int
    public var name: String
    /// The event that sets it and the one that clears it; nil when no log has one.
    public var occurrence: Int?
    public var restoration: Int?
    public init(bit: Int, name: String, occurrence: Int? = nil, restoration: Int? = nil) {
        self.bit = bit
        self.name = name
        self.occurrence = occurrence
        self.restoration = restoration
    }
}

/// The bits that are set.
public struct EventStatusWord: Hashable, Sendable {
    public static let bitCount = 128
    public static let relayOpen = 84, lastGasp = 85, firstBreath = 86, billed = 87

    public var bits: Set<Int>
    public init(_ bits: Set<Int> = []) { self.bits = bits.filter { (0..<Self.bitCount).contains($0) } }

    /// Reads a bit string, or its octets. Shorter words are taken: the bits left out are 0. Nil for anything else.
    public init?(_ data: DLMSData) {
        let octets: [UInt8]
        let count: Int
        switch data {
        case .bitString(let bits, let length): (octets, count) = (bits, length)
        case .octetString(let bits): (octets, count) = (bits, bits.count * 8)
        default: return nil
        }
        guard (1...Self.bitCount).contains(count), octets.count * 8 >= count else { return nil }
        bits = Set((0..<count).filter { octets[$0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 })
    }

    public var data: DLMSData {
        var octets = [UInt8](repeating: 0, count: Self.bitCount / 8)
        for bit in bits { octets[bit / 8] |= 0x80 >> UInt8(bit % 8) }
        return .bitString(octets, count: Self.bitCount)
    }

    public func contains(_ bit: Int) -> Bool { bits.contains(bit) }

    /// What came and what went since an earlier word.
    public func changes(since earlier: EventStatusWord) -> (raised: [Int], cleared: [Int]) {
        (bits.subtracting(earlier.bits).sorted(), earlier.bits.subtracting(bits).sorted())
    }

    /// What the set bits say, in order; a bit that is neither the standard's nor the maker's is named by its number.
    public func present(in profile: MeterProfile? = nil) -> [StatusBit] {
        bits.sorted().map {
            profile?.statusBits[$0] ?? Self.standard[$0] ?? StatusBit(bit: $0, name: "status bit \($0)")
        }
    }

    /// The bits that the standard names. 61...79 and 89...127 are the makers'.
    public static let standard: [Int: StatusBit] = Dictionary(
        uniqueKeysWithValues: [
            StatusBit(bit: 0, name: "phase R voltage missing", occurrence: 1, restoration: 2),
            StatusBit(bit: 1, name: "phase Y voltage missing", occurrence: 3, restoration: 4),
            StatusBit(bit: 2, name: "phase B voltage missing", occurrence: 5, restoration: 6),
            StatusBit(bit: 3, name: "over voltage", occurrence: 7, restoration: 8),
            StatusBit(bit: 4, name: "low voltage", occurrence: 9, restoration: 10),
            StatusBit(bit: 5, name: "voltage unbalance", occurrence: 11, restoration: 12),
            StatusBit(bit: 6, name: "phase R current reversed", occurrence: 51, restoration: 52),
            StatusBit(bit: 7, name: "phase Y current reversed", occurrence: 53, restoration: 54),
            StatusBit(bit: 8, name: "phase B current reversed", occurrence: 55, restoration: 56),
            StatusBit(bit: 9, name: "current unbalance", occurrence: 63, restoration: 64),
            StatusBit(bit: 10, name: "current bypass", occurrence: 65, restoration: 66),
            StatusBit(bit: 11, name: "over current", occurrence: 67, restoration: 68),
            StatusBit(bit: 12, name: "very low power factor", occurrence: 205, restoration: 206),
            StatusBit(bit: 51, name: "earth loading", occurrence: 69, restoration: 70),
            StatusBit(bit: 81, name: "magnetic influence", occurrence: 201, restoration: 202),
            StatusBit(bit: 82, name: "neutral disturbance", occurrence: 203, restoration: 204),
            StatusBit(bit: 83, name: "meter cover opened", occurrence: 251),
            StatusBit(bit: 84, name: "supply disconnected", occurrence: 301, restoration: 302),
            StatusBit(bit: 85, name: "last gasp", occurrence: 101),
            StatusBit(bit: 86, name: "first breath", occurrence: 102),
            StatusBit(bit: 87, name: "billing period ended"),
        ].map { ($0.bit, $0) })
}
