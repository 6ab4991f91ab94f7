// A run of rating that somebody asked for: a trial that changes nothing, or days, an account or a pack priced again.
// With what it changes, account by account and day by day. Holds the wish and the report; ``RatingRuns`` does the work.
import Access
import CivilTime
import SQL

public struct RatingRun: Sendable, Equatable {
    public enum State: String, Sendable, Codable, CaseIterable {
        /// Waits for its turn.
        case asked
        case running
        /// Somebody wants it to stop; it does after the chunk it is at.
        case stopping
        case stopped
        case done
        /// Its inputs are not those of the trial it was to carry out; nothing more was changed.
        case changed
        case failed

        /// Whether nothing more happens by itself.
        public var isOver: Bool { ![.asked, .running, .stopping].contains(self) }
    }

    /// What is priced.
    public struct Selection: Sendable, Equatable {
        /// Nil: what the next run by itself would take up.
        public var from: CivilDay?
        public var to: CivilDay?
        public var accountID: Int64?
        public var packID: String?
        public init(from: CivilDay? = nil, to: CivilDay? = nil, accountID: Int64? = nil, packID: String? = nil) {
            (self.from, self.to, self.accountID, self.packID) = (from, to, accountID, packID)
        }
    }

    public var runID: Int64
    /// Changes nothing but this report.
    public var isTrial: Bool
    public var selection: Selection
    public var reason: String
    /// The trial it carries out.
    public var trialID: Int64?
    /// 0 for the machine and the command line.
    public var askedBy: Int64
    public var askedAtMs: Int64
    public var state: State
    public var startedAtMs: Int64?
    public var endedAtMs: Int64?
    /// Meter-months looked at, and how many there are; nil before it is known.
    public var doneCount: Int64
    public var totalCount: Int64?
    /// Why it failed, or what is no longer as the trial found it.
    public var error: String?
    /// Where it goes on: behind this month and meter.
    var placeMonth: Int64
    var placeMeter: Int64

    /// One that has just been asked for.
    public init(
        runID: Int64, isTrial: Bool, selection: Selection, reason: String, trialID: Int64? = nil, askedBy: Int64 = 0,
        askedAtMs: Int64, state: State = .asked
    ) {
        (self.runID, self.isTrial, self.selection, self.reason) = (runID, isTrial, selection, reason)
        (self.trialID, self.askedBy, self.askedAtMs, self.state) = (trialID, askedBy, askedAtMs, state)
        (doneCount, placeMonth, placeMeter) = (0, 0, 0)
    }

    static let columns = """
        run_id, is_trial, from_day, to_day, account_id, pack_id, reason, trial_id, asked_by, asked_at_ms, state,
        started_at_ms, ended_at_ms, done_count, total_count, error, place_month, place_meter
        """

    static func decode(_ row: any SQLRow) throws -> RatingRun {
        var run = RatingRun(
            runID: try row.int(0), isTrial: try row.flag(1),
            selection: Selection(
                from: try row.optionalDay(2), to: try row.optionalDay(3), accountID: try row.optionalInt(4),
                packID: try row.optionalText(5)),
            reason: try row.text(6), trialID: try row.optionalInt(7), askedBy: try row.int(8),
            askedAtMs: try row.int(9), state: State(rawValue: try row.text(10)) ?? .failed)
        (run.startedAtMs, run.endedAtMs) = (try row.optionalInt(11), try row.optionalInt(12))
        (run.doneCount, run.totalCount) = (try row.int(13), try row.optionalInt(14))
        (run.error, run.placeMonth, run.placeMeter) = (try row.optionalText(15), try row.int(16), try row.int(17))
        return run
    }

    /// Days at most, from the first to the last.
    public static let daysMax = 366
    /// Reports that are kept, for a company.
    public static let keptMax = 50

    /// A wish as it begins.
    /// - Throws: ``Refusal`` for days that end before they begin, are not over, or are too many; without a reason for a
    ///   run that changes something.
    public static func asked(
        _ runID: Int64, isTrial: Bool, _ selection: Selection, reason: String, trialID: Int64? = nil, by loginID: Int64,
        atMs: Int64, yesterday: CivilDay
    ) throws -> RatingRun {
        var reason = reason
        if !isTrial || !reason.isEmpty { reason = try Reason.checked(reason) }
        switch (selection.from, selection.to) {
        case (nil, nil):
            guard selection.accountID == nil, selection.packID == nil else {
                throw Refusal(
                    .invalid, "An account or a pack is priced again from day to day.",
                    hint: "Give the first and the last day too.", at: "from")
            }
            guard isTrial || trialID != nil else {
                throw Refusal(
                    .invalid, "What is new is priced by itself.", hint: "Give days, or run the job rate now.",
                    at: "from")
            }
        case (let from?, let to?):
            guard from <= to else {
                throw Refusal(.invalid, "The days end before they begin.", hint: "Exchange the two.", at: "from")
            }
            guard to <= yesterday else {
                throw Refusal(
                    .invalid, "Only days that are over can run again.", hint: "The latest is \(yesterday).", at: "to")
            }
            guard from.days(to: to) < daysMax else {
                throw Refusal(
                    .invalid, "These are more than \(daysMax) days.", hint: "Ask for shorter periods one by one.",
                    at: "to")
            }
        default:
            throw Refusal(.invalid, "A day is missing.", hint: "Enter the first and the last day.", at: "from")
        }
        guard (selection.packID?.utf8.count ?? 0) <= 100 else {
            throw Refusal(.invalid, "This is no pack.", hint: "Give the id of a pack.", at: "pack")
        }
        return RatingRun(
            runID: runID, isTrial: isTrial, selection: selection, reason: reason, trialID: trialID, askedBy: loginID,
            askedAtMs: atMs)
    }

    /// Stores a wish and drops the oldest reports beyond those that are kept.
    public func insert(_ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO rating_run (org_id, \(Self.columns)) VALUES
            ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
            """,
            [
                .int(scope.orgID), .int(runID), .flag(isTrial), .optional(selection.from.map { Int64($0.number) }),
                .optional(selection.to.map { Int64($0.number) }), .optional(selection.accountID),
                .optional(selection.packID), .text(reason), .optional(trialID), .int(askedBy), .int(askedAtMs),
                .text(state.rawValue), .optional(startedAtMs), .optional(endedAtMs), .int(doneCount),
                .optional(totalCount), .optional(error), .int(placeMonth), .int(placeMeter),
            ])
        let old = try transaction.query(
            """
            SELECT run_id FROM rating_run WHERE org_id = $1 AND state NOT IN ('asked', 'running', 'stopping')
            ORDER BY run_id DESC LIMIT 10 OFFSET $2
            """, [.int(scope.orgID), .int(Self.keptMax)]
        ) { try $0.int(0) }
        for runID in old {
            for table in ["rating_run_part", "rating_run_change", "rating_run"] {
                try transaction.run(
                    "DELETE FROM \(table) WHERE org_id = $1 AND run_id = $2", [.int(scope.orgID), .int(runID)])
            }
        }
    }

    /// Newest first. They are the company's: who is confined to a place sees none.
    public static func latest(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [RatingRun] {
        guard scope.isWholeCompany else { return [] }
        return try transaction.query(
            "SELECT \(columns) FROM rating_run WHERE org_id = $1 ORDER BY run_id DESC LIMIT $2",
            [.int(scope.orgID), .int(limit)], decode)
    }

    public static func find(_ runID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> RatingRun {
        let found =
            scope.isWholeCompany
            ? try transaction.first(
                "SELECT \(columns) FROM rating_run WHERE org_id = $1 AND run_id = $2",
                [.int(scope.orgID), .int(runID)], decode) : nil
        guard let found else { throw Refusal(.notFound, "There is no such run.") }
        return found
    }

    /// What is to be done, in the order in which it was asked for.
    static func open(_ scope: Scope, in transaction: any SQLTransaction) throws -> RatingRun? {
        try transaction.first(
            """
            SELECT \(columns) FROM rating_run WHERE org_id = $1 AND state IN ('asked', 'running', 'stopping')
            ORDER BY run_id LIMIT 1
            """, [.int(scope.orgID)], decode)
    }

    /// Whether any run waits or goes on.
    public static func isAnyOpen(_ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        try open(scope, in: transaction) != nil
    }

    /// Moves the state on; nil where it is not one of those it may come from.
    @discardableResult
    public static func move(
        _ runID: Int64, from states: [State], to state: State, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Bool {
        let from = states.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try transaction.run(
            "UPDATE rating_run SET state = $3 WHERE org_id = $1 AND run_id = $2 AND state IN (\(from))",
            [.int(scope.orgID), .int(runID), .text(state.rawValue)]) == 1
    }

    func begin(total: Int64, atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            UPDATE rating_run SET state = 'running', total_count = $3,
              started_at_ms = COALESCE(started_at_ms, $4), ended_at_ms = NULL, error = NULL
            WHERE org_id = $1 AND run_id = $2 AND state IN ('asked', 'running')
            """, [.int(scope.orgID), .int(runID), .int(total), .int(atMs)])
    }

    /// Notes how far it is.
    static func advance(
        _ runID: Int64, month: CivilMonth, meterID: Int64, by count: Int, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE rating_run SET place_month = $3, place_meter = $4, done_count = done_count + $5
            WHERE org_id = $1 AND run_id = $2
            """, [.int(scope.orgID), .int(runID), .int(month.index), .int(meterID), .int(count)])
    }

    static func end(
        _ runID: Int64, _ state: State, error: String? = nil, atMs: Int64, _ scope: Scope,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.run(
            """
            UPDATE rating_run SET state = $3, error = $4, ended_at_ms = $5 WHERE org_id = $1 AND run_id = $2
            """,
            [
                .int(scope.orgID), .int(runID), .text(state.rawValue), .optional(error.map { String($0.prefix(2000)) }),
                .int(atMs),
            ])
    }
}
