// Whose turn it is to rate: a number that grows with every chunk that is written, so that what was worked out before
// its turn came is known to rest on what is stored. Prices nothing.
import Access
import SQL

enum RatingTurn {
    static let migration = Migration(
        73, .money, "turns of rating",
        ["CREATE TABLE rating_turn (org_id {id} NOT NULL, turn {int} NOT NULL, PRIMARY KEY (org_id)) {keyed_table}"])

    /// The last turn that was taken; 0 at first.
    static func now(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.first("SELECT turn FROM rating_turn WHERE org_id = $1", [.int(scope.orgID)]) {
            try $0.int(0)
        } ?? 0
    }

    /// Takes the next. Its row stays locked until commit.
    static func take(_ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        let turn = try transaction.first(
            """
            INSERT INTO rating_turn (org_id, turn) VALUES ($1, 1)
            ON CONFLICT (org_id) DO UPDATE SET turn = rating_turn.turn + 1 RETURNING turn
            """, [.int(scope.orgID)]
        ) { try $0.int(0) }
        guard let turn else { throw SQLError(.other, "rating got no turn") }
        return turn
    }
}
