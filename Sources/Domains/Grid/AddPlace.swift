// Adding a place to the network. What lies where decides who may see it, so places are added and never moved.
import Access
import Clocks
import SQL

/// Adds a place under another, or at the top.
public struct AddPlace: Command {
    public static let name = "grid.add-place"
    public static let permissions: [Permission] = [.manageSettings]
    public let kind: PlaceKind
    public let placeName: String
    public let parentID: Int64?

    /// - Throws: ``Refusal`` for a name that cannot be.
    public init(name: String, kind: PlaceKind, parentID: Int64?) throws {
        guard (1...80).contains(name.count),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw Refusal(.invalid, "The name must have 1 to 80 characters on one line.", at: "name")
        }
        (placeName, self.kind, self.parentID) = (name, kind, parentID)
    }

    /// A name stands once under its parent, so a second run is refused.
    public var key: String? { nil }
    public var subjectID: Int64 { parentID ?? 0 }
    public var content: String { "kind=\(kind.rawValue) under=\(parentID.map(String.init) ?? "none")" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Place {
        let scope = context.actor.scope
        if let parentID {
            let parent = try Place.find(parentID, at: "parentID", scope, in: transaction)
            let order = PlaceKind.allCases
            guard let above = order.firstIndex(of: parent.kind), let below = order.firstIndex(of: kind), above < below
            else {
                throw Refusal(
                    .invalid, "A \(kind.rawValue) does not stand under a \(parent.kind.rawValue).",
                    hint: "From above: \(order.map(\.rawValue).joined(separator: ", ")).", at: "parentID")
            }
        } else if scope.placeIDs != nil {
            throw Refusal(.forbidden, "You may add places under your own only.", at: "parentID")
        }
        let twin = try transaction.first(
            """
            SELECT place_id FROM place WHERE org_id = $1 AND name = $2 AND COALESCE(parent_id, 0) = $3 LIMIT 1
            """, [.int(scope.orgID), .text(placeName), .int(parentID ?? 0)]
        ) { try $0.int(0) }
        guard twin == nil else {
            throw Refusal(
                .conflict, "There is a place of this name already.", hint: "Choose another name.", at: "name")
        }
        let place = Place(placeID: context.ids.next(), parentID: parentID, kind: kind, name: placeName)
        try place.create(scope, in: transaction)
        context.changed(.company, "place \(place.placeID) name", from: nil, to: placeName)
        context.changed(.company, "place \(place.placeID) kind", from: nil, to: kind.rawValue)
        context.changed(.company, "place \(place.placeID) under", from: nil, to: parentID.map { String($0) })
        return place
    }
}
