// Places: company > state > cluster > plant > feeder > transformer > pole, as a tree with its closure, so that a scope
// is one join.
import Access
import SQL

public enum GridSchema {
    public static let migrations = [
        Migration(
            2, .money, "network",
            [
                """
                CREATE TABLE place (org_id {id} NOT NULL, place_id {id} NOT NULL, parent_id {id}, kind {text} NOT NULL,
                  name {text} NOT NULL, PRIMARY KEY (org_id, place_id)) {keyed_table}
                """,
                """
                CREATE TABLE place_path (org_id {id} NOT NULL, ancestor_id {id} NOT NULL, place_id {id} NOT NULL,
                  PRIMARY KEY (org_id, ancestor_id, place_id)) {keyed_table}
                """,
            ])
    ]
}

/// What a place is. Stored by name.
public enum PlaceKind: String, Sendable, CaseIterable, Codable {
    case state, cluster, plant, feeder, transformer, pole
}

public struct Place: Sendable, Equatable, Codable {
    public var placeID: Int64
    public var parentID: Int64?
    public var kind: PlaceKind
    public var name: String
    public init(placeID: Int64, parentID: Int64?, kind: PlaceKind, name: String) {
        self.placeID = placeID
        self.parentID = parentID
        self.kind = kind
        self.name = name
    }

    /// Adds the place under its parent. Adding it again changes nothing.
    public func create(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let added = try transaction.run(
            """
            INSERT INTO place (org_id, place_id, parent_id, kind, name) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [.int(scope.orgID), .int(placeID), .optional(parentID), .text(kind.rawValue), .text(name)])
        guard added == 1 else { return }
        try transaction.run(
            "INSERT INTO place_path (org_id, ancestor_id, place_id) VALUES ($1, $2, $2)",
            [.int(scope.orgID), .int(placeID)])
        guard let parentID else { return }
        try transaction.run(
            """
            INSERT INTO place_path (org_id, ancestor_id, place_id)
            SELECT org_id, ancestor_id, $3 FROM place_path WHERE org_id = $1 AND place_id = $2
            """, [.int(scope.orgID), .int(parentID), .int(placeID)])
    }

    private static func decode(_ row: any SQLRow) throws -> Place {
        Place(
            placeID: try row.int(0), parentID: try row.optionalInt(1),
            kind: PlaceKind(rawValue: try row.text(2)) ?? .pole, name: try row.text(3))
    }

    /// The place, when it lies in the scope; otherwise the same refusal as for one that does not exist.
    public static func find(
        _ placeID: Int64, at field: String = "placeID", _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Place {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(placeID)]
        let filter = Place.filter("place.place_id", scope, &parameters)
        let found = try transaction.first(
            "SELECT place_id, parent_id, kind, name FROM place WHERE org_id = $1 AND place_id = $2\(filter)",
            parameters, decode)
        guard let found else {
            throw Refusal(
                .notFound, "There is no such place.", hint: "GET /api/v1/places or `busbar place list` shows them.",
                at: field)
        }
        return found
    }

    /// Places in order of their ids, those after `after`, at most `limit`; of a kind, and under a place, or all.
    public static func page(
        after: Int64, kind: PlaceKind?, under: Int64?, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Place] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(after), .int(limit)]
        var filter = Place.filter("place.place_id", scope, &parameters)
        if let kind {
            parameters.append(.text(kind.rawValue))
            filter += " AND kind = $\(parameters.count)"
        }
        if let under {
            let branch = Scope(orgID: scope.orgID, placeIDs: [under])
            filter += Place.filter("place.place_id", branch, &parameters)
        }
        return try transaction.query(
            """
            SELECT place_id, parent_id, kind, name FROM place WHERE org_id = $1 AND place_id > $2\(filter)
            ORDER BY place_id LIMIT $3
            """, parameters, decode)
    }

    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Place] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let filter = Place.filter("place.place_id", scope, &parameters)
        return try transaction.query(
            "SELECT place_id, parent_id, kind, name FROM place WHERE org_id = $1\(filter) ORDER BY name, place_id",
            parameters, decode)
    }

    /// ` AND …` that keeps rows whose `column` lies in the places of the scope; empty for the whole company.
    /// `$1` must be the company.
    public static func filter(_ column: String, _ scope: Scope, _ parameters: inout [SQLValue]) -> String {
        guard let placeIDs = scope.placeIDs else { return "" }
        guard !placeIDs.isEmpty else { return " AND 1 = 0" }
        let marks = placeIDs.map { id in
            parameters.append(.int(id))
            return "$\(parameters.count)"
        }
        return """
             AND EXISTS (SELECT 1 FROM place_path reach WHERE reach.org_id = $1 AND reach.place_id = \(column)
              AND reach.ancestor_id IN (\(marks.joined(separator: ", "))))
            """
    }
}
