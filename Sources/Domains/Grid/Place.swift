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

public struct Place: Sendable, Equatable {
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

    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [Place] {
        var parameters: [SQLValue] = [.int(scope.orgID)]
        let filter = Place.filter("place.place_id", scope, &parameters)
        return try transaction.query(
            "SELECT place_id, parent_id, kind, name FROM place WHERE org_id = $1\(filter) ORDER BY name, place_id",
            parameters
        ) { row in
            Place(
                placeID: try row.int(0), parentID: try row.optionalInt(1),
                kind: PlaceKind(rawValue: try row.text(2)) ?? .pole, name: try row.text(3))
        }
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
