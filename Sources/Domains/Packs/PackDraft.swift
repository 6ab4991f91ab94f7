// Drafts of tariffs: text that is still being written, then waits for a second person, then is a published version or
// is not. Stores and reads them; what may be done with them stands in PackDraftCommands.
import Access
import CivilTime
import SQL
import Tariffs

/// A tariff on its way to be published.
public struct PackDraft: Sendable, Equatable {
    /// Only a draft can be changed; approved, rejected and withdrawn are the end.
    public enum State: String, Sendable, Codable, CaseIterable { case draft, submitted, approved, rejected, withdrawn }

    /// Bytes of a tariff file, as `TariffReader` takes them.
    public static let textMax = 500_000
    public static let noteMax = 500

    public var draftID: Int64
    /// Id, version, name and first day as the text says them.
    public var packID: String
    public var version: Int64
    public var name: String
    public var fromDay: CivilDay
    public var text: String
    public var state: State
    /// Grows with every change: who saves says which one was seen.
    public var revision: Int64
    public var authorID: Int64
    /// Everybody who wrote some of it; none of them can approve it.
    public var writers: [Int64]
    public var note: String
    public var madeAtMs: Int64
    public var changedAtMs: Int64
    public var submittedAtMs: Int64?
    public var decidedBy: Int64?
    public var decidedAtMs: Int64?
    public var decision: String?

    static let migration = Migration(
        67, .money, "pack drafts",
        [
            """
            CREATE TABLE pack_draft (org_id {id} NOT NULL, draft_id {id} NOT NULL, pack_id {text} NOT NULL,
              version {int} NOT NULL, name {text} NOT NULL, from_day {int} NOT NULL, tariff {text} NOT NULL,
              state {text} NOT NULL, revision {int} NOT NULL, author_id {id} NOT NULL, writers {text} NOT NULL,
              note {text} NOT NULL, made_at_ms {int} NOT NULL, changed_at_ms {int} NOT NULL, submitted_at_ms {int},
              decided_by {id}, decided_at_ms {int}, decision {text}, PRIMARY KEY (org_id, draft_id)) {table}
            """,
            "CREATE INDEX pack_draft_pack ON pack_draft (org_id, pack_id, state)",
        ])

    private static let columns =
        """
        draft_id, pack_id, version, name, from_day, tariff, state, revision, author_id, writers, note, made_at_ms,
        changed_at_ms, submitted_at_ms, decided_by, decided_at_ms, decision
        """

    private static func decode(_ row: any SQLRow) throws -> PackDraft {
        guard let state = State(rawValue: try row.text(6)) else {
            throw SQLError(.decode, "a draft stands as \(try row.text(6))")
        }
        return PackDraft(
            draftID: try row.int(0), packID: try row.text(1), version: try row.int(2), name: try row.text(3),
            fromDay: try row.day(4), text: try row.text(5), state: state, revision: try row.int(7),
            authorID: try row.int(8), writers: try row.text(9).split(separator: " ").compactMap { Int64($0) },
            note: try row.text(10), madeAtMs: try row.int(11), changedAtMs: try row.int(12),
            submittedAtMs: try row.optionalInt(13), decidedBy: try row.optionalInt(14),
            decidedAtMs: try row.optionalInt(15), decision: try row.optionalText(16))
    }

    private var values: [SQLValue] {
        [
            .int(draftID), .text(packID), .int(version), .text(name), .day(fromDay), .text(text),
            .text(state.rawValue), .int(revision), .int(authorID),
            .text(writers.map(String.init).joined(separator: " ")), .text(note), .int(madeAtMs), .int(changedAtMs),
            .optional(submittedAtMs), .optional(decidedBy), .optional(decidedAtMs), .optional(decision),
        ]
    }

    func insert(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO pack_draft (org_id, \(Self.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
              $13, $14, $15, $16, $17, $18)
            """, [.int(scope.orgID)] + values)
    }

    /// Writes the next revision, unless another came first.
    /// - Throws: ``Refusal`` `conflict`.
    func update(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let changed = try transaction.run(
            """
            UPDATE pack_draft SET pack_id = $3, version = $4, name = $5, from_day = $6, tariff = $7, state = $8,
              revision = $9, author_id = $10, writers = $11, note = $12, made_at_ms = $13, changed_at_ms = $14,
              submitted_at_ms = $15, decided_by = $16, decided_at_ms = $17, decision = $18
            WHERE org_id = $1 AND draft_id = $2 AND revision = $9 - 1
            """, [.int(scope.orgID)] + values)
        guard changed == 1 else { throw Self.changedMeanwhile }
    }

    static let changedMeanwhile = Refusal(
        .conflict, "Somebody else changed this draft meanwhile.",
        hint: "Open it again, and put your changes into what it says now.", at: "revision")

    public static func find(
        _ draftID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> PackDraft {
        let found =
            scope.accountID == nil
            ? try transaction.first(
                "SELECT \(columns) FROM pack_draft WHERE org_id = $1 AND draft_id = $2",
                [.int(scope.orgID), .int(draftID)], decode) : nil
        guard let found else { throw Refusal(.notFound, "There is no such draft.") }
        return found
    }

    /// Newest first.
    /// - Parameter before: an id; nil begins at the newest.
    public static func page(
        before: Int64? = nil, states: [State] = [], packID: String? = nil, authorID: Int64? = nil, limit: Int,
        _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [PackDraft] {
        guard scope.accountID == nil else { return [] }
        var parameters: [SQLValue] = [.int(scope.orgID), .int(before ?? .max)]
        var filter = ""
        func add(_ condition: String, _ value: SQLValue) {
            parameters.append(value)
            filter += " AND \(condition) $\(parameters.count)"
        }
        if let packID { add("pack_id =", .text(packID)) }
        if let authorID { add("author_id =", .int(authorID)) }
        if !states.isEmpty {
            filter += " AND state IN (\(states.map { "'\($0.rawValue)'" }.joined(separator: ", ")))"
        }
        parameters.append(.int(limit))
        return try transaction.query(
            """
            SELECT \(columns) FROM pack_draft WHERE org_id = $1 AND draft_id < $2\(filter)
            ORDER BY draft_id DESC LIMIT $\(parameters.count)
            """, parameters, decode)
    }
}

/// A text that reads as a tariff and fits what is published.
public enum PackCheck {
    /// The text as a tariff, with the calendars of the company.
    /// - Throws: ``Refusal`` `invalid` at `text`, its sentence with the line.
    public static func read(_ text: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> Tariff {
        guard text.utf8.count <= PackDraft.textMax else {
            throw Refusal(
                .tooLarge, "A tariff is at most \(PackDraft.textMax) bytes.", hint: "Shorten it.", at: "text")
        }
        let calendars = try Calendars.all(scope, in: transaction)
        do throws(TariffError) {
            return try TariffReader.read(Array(text.utf8), file: "line", calendars: calendars)
        } catch {
            // The reader says `line:18`, or the path of a part that has no line of its own.
            let isLine = error.place.hasPrefix("line:")
            let place = isLine ? "Line \(error.place.dropFirst(5))" : error.place
            throw Refusal(.invalid, "\(place): \(error.what).", hint: Self.sentence(error.remedy), at: "text")
        }
    }

    /// The line a refusal of ``read(_:)`` names.
    public static func line(of refusal: Refusal) -> Int? {
        guard refusal.message.hasPrefix("Line ") else { return nil }
        return Int(refusal.message.dropFirst(5).prefix { $0.isNumber })
    }

    static func sentence(_ text: String) -> String {
        guard let first = text.first else { return "" }
        return first.uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }

    /// Whether the text may become the next version: no version of this number, a later number than all, a later first
    /// day, one book with those that are published.
    public static func fits(_ tariff: Tariff, _ scope: Scope, in transaction: any SQLTransaction) throws {
        let published = try Packs.versions(of: tariff.id, scope, in: transaction)
        if let last = published.map(\.version).max(), tariff.version <= last {
            throw Refusal(
                .conflict, "\(tariff.id) has a version \(last) already.",
                hint: "Published versions never change: give this one version \(last + 1).", at: "text")
        }
        if let begins = published.map(\.validFrom).max(), tariff.validFrom <= begins {
            throw Refusal(
                .conflict, "A published version of \(tariff.id) begins on \(begins).",
                hint: "Let validFrom be a later day.", at: "text")
        }
        if try PackShelf.isAddOn(tariff.id, scope, in: transaction) {
            throw Refusal(
                .conflict, "\(tariff.id) is an add-on pack.", hint: "Give the tariff another id.", at: "text")
        }
        do throws(TariffError) {
            _ = try TariffBook(stored: published + [tariff])
        } catch {
            throw Refusal(
                .conflict, "\(error.place): \(error.what).", hint: Self.sentence(error.remedy), at: "text")
        }
    }
}
