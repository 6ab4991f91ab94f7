// Names of what is summed: the company, a branch of the network, a supplier, a category, a path, one meter, a formula.
import Access
import Accounts
import Corridor
import Grid
import Meters
import SQL

/// A set of meters by name. The text is stored and stands in addresses.
public enum SetKey: Sendable, Hashable, CustomStringConvertible {
    /// Every installed meter of the company.
    case all
    /// A place and what lies under it.
    case place(Int64)
    /// Those delivered over a network, from a plant, by a supplier.
    case node(NodeKind, Int64)
    /// Those delivered by one path.
    case corridor(String)
    case category(String)
    case meter(Int64)
    case virtual(Int64)

    public var description: String {
        switch self {
        case .all: "all"
        case .place(let id): "place:\(id)"
        case .node(let kind, let id): "\(kind.rawValue):\(id)"
        case .corridor(let key): "corridor:\(key)"
        case .category(let name): "category:\(name)"
        case .meter(let id): "meter:\(id)"
        case .virtual(let id): "virtual:\(id)"
        }
    }

    /// Nil for text that names no kind of set.
    public init?(_ text: some StringProtocol) {
        guard text != "all" else {
            self = .all
            return
        }
        let parts = String(text).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, (1...400).contains(parts[1].utf8.count) else { return nil }
        switch parts[0] {
        case "corridor":
            guard Corridor.parse(channelKey: parts[1]) != nil else { return nil }
            self = .corridor(parts[1])
        case "category": self = .category(parts[1])
        default:
            guard let id = Int64(parts[1]), id >= 0 else { return nil }
            switch parts[0] {
            case "place": self = .place(id)
            case "meter": self = .meter(id)
            case "virtual": self = .virtual(id)
            default:
                guard let kind = NodeKind(rawValue: parts[0]) else { return nil }
                self = .node(kind, id)
            }
        }
    }

    /// - Throws: ``Refusal`` that says which sets there are.
    public static func read(_ text: String, at field: String = "set") throws -> SetKey {
        guard let key = SetKey(text) else {
            throw Refusal(
                .invalid, "\(text.prefix(60)) names no set.",
                hint: "Give all, place:ID, category:NAME, meter:ID, virtual:ID, corridor:KEY, or plant:, res:, nma:, "
                    + "stu: or ctu: with an ID.", at: field)
        }
        return key
    }

    /// What a person sees: the name of the place, node, meter or formula.
    public func title(_ scope: Scope, in transaction: any SQLTransaction) throws -> String {
        switch self {
        case .all: return ""
        case .place(let id): return try Place.find(id, at: "set", scope, in: transaction).name
        case .node(_, let id): return try GridNode.find(id, at: "set", scope, in: transaction).name
        case .category(let name): return name
        case .meter(let id): return try Meter.find(id, scope, in: transaction).serial
        case .virtual(let id):
            return try VirtualFormula.all(scope, in: transaction).last { $0.virtualID == id }?.name ?? String(id)
        case .corridor(let key):
            guard let path = Corridor.parse(channelKey: key) else { return key }
            return try ([path.plantID] + path.nodes.map(\.nodeID)).map {
                try GridNode.find($0, at: "set", scope, in: transaction).name
            }.joined(separator: " → ")
        }
    }

    /// Throws unless the set is there and the scope reaches all of it: a sum must not tell of places that somebody may
    /// not see, and a misspelt name is not an empty set.
    public func prove(_ scope: Scope, in transaction: any SQLTransaction) throws {
        switch self {
        case .meter(let id): _ = try Meter.find(id, scope, in: transaction)
        case .place(let id): _ = try Place.find(id, at: "set", scope, in: transaction)
        case .virtual(let id):
            let formulas = try VirtualFormula.all(Scope(orgID: scope.orgID), in: transaction)
            guard formulas.contains(where: { $0.virtualID == id }) else {
                throw Refusal(.notFound, "There is no such virtual meter.", at: "set")
            }
            guard !scope.isWholeCompany else { return }
            for key in try VirtualMeters(formulas).everything(under: id) {
                // A meter of the network serves no account and so lies in no place of its own.
                guard case .meter(let meterID) = key else {
                    try key.prove(scope, in: transaction)
                    continue
                }
                _ = try Meter.find(meterID, scope, in: transaction)
            }
        case .node(let kind, let id):
            guard scope.isWholeCompany else { throw Self.beyond }
            guard try GridNode.find(id, at: "set", scope, in: transaction).kind == kind else {
                throw Refusal(.notFound, "There is no \(kind.rawValue) of this number.", at: "set")
            }
        case .all: guard scope.isWholeCompany else { throw Self.beyond }
        case .category(let name):
            guard scope.isWholeCompany else { throw Self.beyond }
            try SupplyAccount.proveCategory(name, at: "set", orgID: scope.orgID, in: transaction)
        case .corridor:
            guard scope.isWholeCompany else { throw Self.beyond }
            // Its nodes are there.
            _ = try title(scope, in: transaction)
        }
    }

    private static let beyond = Refusal(
        .forbidden, "This set reaches beyond your places.", hint: "Give place:ID of a place of yours.", at: "set")
}
