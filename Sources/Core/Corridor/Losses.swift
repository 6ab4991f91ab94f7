// Losses on a path: what must be fed in so that a meter's energy comes out. Exact rationals, rounded once a node.
// Energy in mWh (thousandths of a Wh), losses in parts per million of what a node takes in.

/// How losses of the nodes of a path come together.
public enum LossComposition: String, Sendable, Codable, CaseIterable {
    /// Node by node: the product of (1 − loss). The default.
    case chain
    /// One loss that is the sum of all; some tariffs reckon so.
    case sumOfPercents
}

/// A loss that cannot be reckoned with.
public struct LossError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
}

/// What goes through a node.
public struct NodeFlow: Sendable, Equatable {
    public var node: PathNode
    public var inMilliWh: Int64
    public var outMilliWh: Int64
    public var lossMilliWh: Int64 { inMilliWh - outMilliWh }
}

public enum Losses {
    /// Energy at the inner end of each node, counted from the consumer: E_k = E ÷ Π(1 − L_i), each rounded half away
    /// from zero, so that the losses of the nodes and the meter add exactly to what the plant feeds in.
    /// - Parameter lossesPPM: from the consumer to the plant; each 0 to 999,999.
    public static func grossUp(
        milliWh: Int64, lossesPPM: [Int64], composition: LossComposition = .chain
    ) throws(LossError) -> [Int64] {
        var (numerator, denominator): (UInt128, UInt128) = (1, 1)
        var sumPPM: Int64 = 0
        var energies: [Int64] = []
        for loss in lossesPPM {
            // Six nodes of the oddest losses fit 128 bits; a path has four.
            guard energies.count < 6 else { throw LossError(description: "a path has more than six nodes") }
            guard (0...999_999).contains(loss) else {
                throw LossError(description: "a loss of \(loss) millionths is out of range; give 0 to 99.9999 %")
            }
            if composition == .chain {
                let divisor = commonDivisor(1_000_000, UInt128(1_000_000 - loss))
                numerator *= 1_000_000 / divisor
                denominator *= UInt128(1_000_000 - loss) / divisor
            } else {
                sumPPM += loss
                guard sumPPM < 1_000_000 else { throw LossError(description: "the losses add up to 100 % or more") }
                (numerator, denominator) = (1_000_000, UInt128(1_000_000 - sumPPM))
            }
            energies.append(try scaled(milliWh, numerator, denominator))
        }
        return energies
    }

    /// The flows of a path, from the plant to the consumer as ``Corridor/nodes`` are.
    /// - Parameter lossPPM: the loss of a node.
    public static func flows(
        milliWh: Int64, nodes: [PathNode], composition: LossComposition = .chain, lossPPM: (PathNode) -> Int64
    ) throws(LossError) -> [NodeFlow] {
        let fromConsumer = Array(nodes.reversed())
        let energies = try grossUp(
            milliWh: milliWh, lossesPPM: fromConsumer.map(lossPPM), composition: composition)
        var out = milliWh
        var flows: [NodeFlow] = []
        for (node, energy) in zip(fromConsumer, energies) {
            flows.append(NodeFlow(node: node, inMilliWh: energy, outMilliWh: out))
            out = energy
        }
        return flows.reversed()
    }

    /// value × numerator ÷ denominator, half away from zero; the product has 256 bits.
    private static func scaled(
        _ value: Int64, _ numerator: UInt128, _ denominator: UInt128
    ) throws(LossError) -> Int64 {
        let product = UInt128(value.magnitude).multipliedFullWidth(by: numerator)
        guard product.high < denominator else { throw LossError(description: "the energy is too large") }
        let (quotient, remainder) = denominator.dividingFullWidth(product)
        let rounded = quotient + (remainder >= denominator - remainder ? 1 : 0)
        guard rounded <= UInt128(Int64.max) else { throw LossError(description: "the energy is too large") }
        return value < 0 ? -Int64(rounded) : Int64(rounded)
    }

    private static func commonDivisor(_ a: UInt128, _ b: UInt128) -> UInt128 {
        b == 0 ? a : commonDivisor(b, a % b)
    }

    /// Reads a percentage with up to four decimals, `3.5`, as parts per million. Nil for anything else, and from 100
    /// on.
    public static func partsPerMillion(percent: String) -> Int64? {
        let parts = percent.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), (1...2).contains(parts[0].count),
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } })
        else { return nil }
        let decimals = parts.count == 2 ? parts[1] : ""
        guard decimals.count <= 4 else { return nil }
        return Int64(parts[0] + decimals + String(repeating: "0", count: 4 - decimals.count))
    }
}
