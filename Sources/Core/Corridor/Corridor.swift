// The way of the energy from a plant to a consumer: which networks lie on it. A pure function of master data of a day.
// The case table is that of the domain reference (settlement, 2.2); it knows no database and no price.

/// What stands on a delivery path, or sells over it. Stored by name.
public enum NodeKind: String, Sendable, CaseIterable, Codable {
    /// A generating plant.
    case plant
    /// A retail supplier, who sells what plants make.
    case res
    /// The manager of a distribution network.
    case nma
    /// A state's transmission network.
    case stu
    /// The transmission network between states.
    case ctu
}

/// What decides at the plant's end.
public struct PlantFacts: Sendable, Equatable {
    public var plantID: Int64
    /// The state it stands in, as the master data names it; nil when unknown.
    public var geography: String?
    /// The state network it feeds into; nil for one that feeds the CTU only.
    public var injectingSTU: Int64?
    /// It can deliver into the CTU directly.
    public var isCTUCapable: Bool
    public init(plantID: Int64, geography: String?, injectingSTU: Int64?, isCTUCapable: Bool) {
        self.plantID = plantID
        self.geography = geography
        self.injectingSTU = injectingSTU
        self.isCTUCapable = isCTUCapable
    }
}

/// What decides at the consumer's end.
public struct NMAFacts: Sendable, Equatable {
    public var nmaID: Int64
    public var geography: String?
    /// The state network it draws from; nil for one that takes from the CTU directly.
    public var drawingSTU: Int64?
    public init(nmaID: Int64, geography: String?, drawingSTU: Int64?) {
        self.nmaID = nmaID
        self.geography = geography
        self.drawingSTU = drawingSTU
    }
}

/// One network on a path.
public struct PathNode: Sendable, Hashable {
    public var kind: NodeKind
    public var nodeID: Int64
    public init(_ kind: NodeKind, _ nodeID: Int64) {
        self.kind = kind
        self.nodeID = nodeID
    }
}

/// What is odd about a path that holds all the same.
public enum CorridorWarning: String, Sendable, Codable, CaseIterable {
    /// Plant and consumer are in one state, on two of its transmission networks.
    case twoSTUsInOneState
    /// One state network serves both states, so that the CTU is left out.
    case sharedSTUWithoutCTU
    /// The case table does not name this case; it is read like its nearest.
    case readLikeTheNearestCase
}

/// Why there is no path. Each is mended in the master data.
public enum CorridorError: String, Error, Sendable, Equatable, CaseIterable, CustomStringConvertible {
    /// The state of the plant or of the network manager is not known.
    case geographyUnknown
    /// The plant feeds no state network and cannot feed the CTU.
    case noInjectionPath
    /// The network manager takes from no state network, in the state of the plant.
    case noDrawingPath
    /// The path needs the CTU and the company has none, or more than one.
    case noCTU

    public var description: String {
        switch self {
        case .geographyUnknown: "the state of the plant or of the network manager is not known"
        case .noInjectionPath: "the plant feeds no state network and cannot feed the CTU"
        case .noDrawingPath: "the network manager draws from no state network"
        case .noCTU: "the path needs exactly one CTU in the master data"
        }
    }
}

/// How "served only by 2 nodes" is read.
public enum TwoNodeMeaning: String, Sendable, Codable, CaseIterable {
    /// The state network and the network manager.
    case stuAndNMA
    /// The plant and the network manager.
    case plantAndNMA
}

/// A derived path.
public struct Corridor: Sendable, Equatable {
    public var plantID: Int64
    /// Networks from the plant to the consumer, the plant left out.
    public var nodes: [PathNode]
    /// The row of the case table, 1 to 10.
    public var caseNumber: Int
    public var warnings: [CorridorWarning]

    /// `plant:12|stu:33|nma:44`: equal paths, equal text. Stored with each priced day.
    public var channelKey: String { Self.channelKey(plantID, nodes) }

    public static func channelKey(_ plantID: Int64, _ nodes: [PathNode]) -> String {
        (["plant:\(plantID)"] + nodes.map { "\($0.kind.rawValue):\($0.nodeID)" }).joined(separator: "|")
    }

    /// - Parameters:
    ///   - ctu: the one network between states; nil when the master data has none.
    ///   - takesFromSTU: a consumer on the voltage of the state network: no wires of the NMA are used (row 12).
    public static func derive(
        plant: PlantFacts, nma: NMAFacts, ctu: Int64?, takesFromSTU: Bool = false,
        twoNodeMeaning: TwoNodeMeaning = .stuAndNMA
    ) throws(CorridorError) -> Corridor {
        guard let plantGeography = plant.geography, let nmaGeography = nma.geography else { throw .geographyUnknown }
        var (nodes, row, warnings) =
            if plantGeography == nmaGeography {
                try inOneState(plant, nma, ctu, twoNodeMeaning)
            } else {
                try betweenStates(plant, nma, ctu)
            }
        if !takesFromSTU { nodes.append(PathNode(.nma, nma.nmaID)) }
        return Corridor(plantID: plant.plantID, nodes: nodes, caseNumber: row, warnings: warnings)
    }

    /// Nodes before the NMA, the row, what is odd.
    private typealias Derived = ([PathNode], Int, [CorridorWarning])

    private static func inOneState(
        _ plant: PlantFacts, _ nma: NMAFacts, _ ctu: Int64?, _ meaning: TwoNodeMeaning
    ) throws(CorridorError) -> Derived {
        guard let injecting = plant.injectingSTU else {
            guard plant.isCTUCapable else { throw .noInjectionPath }
            guard let ctu else { throw .noCTU }
            guard let drawing = nma.drawingSTU else { return ([PathNode(.ctu, ctu)], 3, [.readLikeTheNearestCase]) }
            return ([PathNode(.ctu, ctu), PathNode(.stu, drawing)], 3, [])
        }
        guard let drawing = nma.drawingSTU else { throw .noDrawingPath }
        if injecting == drawing {
            let row = plant.isCTUCapable ? 2 : 1
            return (meaning == .stuAndNMA ? [PathNode(.stu, injecting)] : [], row, [])
        }
        return ([PathNode(.stu, injecting), PathNode(.stu, drawing)], 5, [.twoSTUsInOneState])
    }

    private static func betweenStates(
        _ plant: PlantFacts, _ nma: NMAFacts, _ ctu: Int64?
    ) throws(CorridorError) -> Derived {
        if plant.isCTUCapable {
            guard let ctu else { throw .noCTU }
            guard let drawing = nma.drawingSTU else { return ([PathNode(.ctu, ctu)], 9, []) }
            return ([PathNode(.ctu, ctu), PathNode(.stu, drawing)], 6, [])
        }
        guard let injecting = plant.injectingSTU else { throw .noInjectionPath }
        if injecting == nma.drawingSTU { return ([PathNode(.stu, injecting)], 10, [.sharedSTUWithoutCTU]) }
        guard let ctu else { throw .noCTU }
        guard let drawing = nma.drawingSTU else {
            return ([PathNode(.stu, injecting), PathNode(.ctu, ctu)], 7, [.readLikeTheNearestCase])
        }
        return ([PathNode(.stu, injecting), PathNode(.ctu, ctu), PathNode(.stu, drawing)], 7, [])
    }

    /// Reads a stored ``channelKey``: the plant and the nodes. Nil for anything else.
    public static func parse(channelKey: some StringProtocol) -> (plantID: Int64, nodes: [PathNode])? {
        let parts = channelKey.split(separator: "|", omittingEmptySubsequences: false).map { part -> PathNode? in
            let pair = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pair.count == 2, let kind = NodeKind(rawValue: String(pair[0])), let id = Int64(pair[1]) else {
                return nil
            }
            return PathNode(kind, id)
        }
        guard let first = parts.first ?? nil, first.kind == .plant else { return nil }
        let nodes = parts.dropFirst().compactMap { $0 }
        guard nodes.count == parts.count - 1 else { return nil }
        return (first.nodeID, nodes)
    }
}
