// No cuts in the whole company: set by a person for a festival or a fault, or by the machine when too many would be cut
// at once, which then asks a person. The limits of a run stand here too. Holds no rule of an account.
import Access
import CivilTime
import Clocks
import SQL

/// One hold as kept for ever.
public struct SupplyHold: Sendable, Equatable {
    public var holdID: Int64
    /// Set by the machine: a person decides.
    public var isAsking: Bool
    public var reason: String
    public var fromMs: Int64
    /// Nil: until somebody ends it.
    public var untilMs: Int64?
    /// 0: the machine.
    public var setBy: Int64
    public var endedAtMs: Int64?
    public var endedBy: Int64?
    public var endReason: String?

    public init(
        holdID: Int64, isAsking: Bool, reason: String, fromMs: Int64, untilMs: Int64?, setBy: Int64,
        endedAtMs: Int64? = nil, endedBy: Int64? = nil, endReason: String? = nil
    ) {
        (self.holdID, self.isAsking, self.reason) = (holdID, isAsking, reason)
        (self.fromMs, self.untilMs, self.setBy) = (fromMs, untilMs, setBy)
        (self.endedAtMs, self.endedBy, self.endReason) = (endedAtMs, endedBy, endReason)
    }

    static let columns =
        "hold_id, asking, reason, from_ms, until_ms, set_by, ended_at_ms, ended_by, end_reason"

    static func decode(_ row: any SQLRow) throws -> SupplyHold {
        SupplyHold(
            holdID: try row.int(0), isAsking: try row.flag(1), reason: try row.text(2), fromMs: try row.int(3),
            untilMs: try row.optionalInt(4), setBy: try row.int(5), endedAtMs: try row.optionalInt(6),
            endedBy: try row.optionalInt(7), endReason: try row.optionalText(8))
    }

    /// The hold that stands at a time: a person's before the machine's, the one that lasts longest first.
    public static func standing(atMs nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> SupplyHold?
    {
        try all(atMs: nowMs, scope, in: transaction).first
    }

    /// The newest that stands; nil when none does.
    public static func newest(
        atMs nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        try all(atMs: nowMs, scope, in: transaction).map(\.holdID).max()
    }

    static func all(atMs nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [SupplyHold] {
        try transaction.query(
            """
            SELECT \(columns) FROM supply_hold WHERE org_id = $1 AND ended_at_ms IS NULL AND from_ms <= $2
              AND (until_ms IS NULL OR until_ms > $2) ORDER BY asking, COALESCE(until_ms, 9223372036854775807) DESC
            """, [.int(scope.orgID), .int(nowMs)], decode)
    }

    /// The latest, newest first.
    public static func latest(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [SupplyHold] {
        try transaction.query(
            "SELECT \(columns) FROM supply_hold WHERE org_id = $1 ORDER BY hold_id DESC LIMIT $2",
            [.int(scope.orgID), .int(limit)], decode)
    }

    var asFact: StandingHold { StandingHold(reason: reason, untilMs: untilMs, isAsking: isAsking) }
}

/// How many may be cut at once.
public enum CutBrake {
    public static let perRun = "supply.cuts-per-run-max"
    public static let share = "supply.cuts-share-max-percent"
    /// Fewer than so many never ask a person, however small the company.
    public static let askFrom = 20
    /// After a person has ended the machine's hold it does not ask again for so long.
    static let answeredMs: Int64 = 86_400_000

    public static let settings: [SettingKind] = [
        .wholeNumber(
            perRun, 1...1_000_000, initial: 1_000,
            hint: "How many supplies one run of the job cuts at most; the rest waits for the next run."
        ).forTwo,
        .wholeNumber(
            share, 1...100, initial: 10,
            hint: "When more of all accounts than this share in percent would be cut in one run, nobody is cut and a "
                + "person is asked."
        ).forTwo,
    ]

    static func value(_ name: String, on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> Int
    {
        let text = try SettingRegistry(settings).value(name, on: day, scope, in: transaction)
        guard let value = Int(text) else { throw SQLError(.decode, "setting \(name) is no number") }
        return value
    }

    /// Cuts one run may make on a day.
    public static func most(on day: CivilDay, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int {
        try value(perRun, on: day, scope, in: transaction)
    }

    /// What the machine says when so many cuts at once ask for a person; nil when they do not.
    public static func question(
        cuts: Int, on day: CivilDay, nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> String? {
        guard cuts >= askFrom else { return nil }
        let all =
            try transaction.first(
                "SELECT COUNT(*) FROM supply_state WHERE org_id = $1", [.int(scope.orgID)]
            ) { Int(try $0.int(0)) } ?? 0
        guard cuts * 100 > all * (try value(share, on: day, scope, in: transaction)) else { return nil }
        let isAnswered =
            try transaction.first(
                "SELECT 1 FROM supply_hold WHERE org_id = $1 AND asking = $2 AND ended_at_ms > $3 LIMIT 1",
                [.int(scope.orgID), .flag(true), .int(nowMs - answeredMs)]
            ) { try $0.int(0) } != nil
        return isAnswered ? nil : "\(cuts) of \(all) accounts"
    }
}

/// What a hold looks like to who set or ended it.
public struct HoldReceipt: Sendable, Codable, Equatable {
    public var holdID: Int64
    public var untilMs: Int64?
}

/// Stops every cut of the company until a time, for a reason. Who is dark already stays so; who pays gets light.
public struct HoldCuts: Command {
    public static let name = "supply.hold"
    public static let permissions: [Permission] = [.commandMeters]
    /// A hold that nobody ends must end by itself.
    public static let daysMax = 31
    public var reason: String
    public var untilMs: Int64?
    /// By the machine, which asks a person and waits.
    var isAsking = false

    public init(reason: String, untilMs: Int64) {
        self.reason = reason
        self.untilMs = untilMs
    }

    /// Too many would be cut at once.
    public init(asking question: String) {
        reason = question
        isAsking = true
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String {
        "reason=\(reason) until_ms=\(untilMs.map { "\($0)" } ?? "answered")\(isAsking ? " asking" : "")"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> HoldReceipt {
        let scope = context.actor.scope
        try context.requireWholeCompanyForCuts()
        precondition(!isAsking || context.actor.role == .system, "only the machine asks")
        let nowMs = context.businessNowMs
        let why = try Reason.checked(reason)
        if let untilMs, !(nowMs + 1...nowMs + Int64(Self.daysMax) * 86_400_000).contains(untilMs) {
            throw Refusal(
                .invalid, "A hold of all cuts ends within \(Self.daysMax) days.",
                hint: "Give a time from now on, at most \(Self.daysMax) days ahead.", at: "until")
        }
        // A question is asked once. Of several holds the one that lasts longest counts; a release ends all.
        let standing = try SupplyHold.all(atMs: nowMs, scope, in: transaction)
        if isAsking, let asked = standing.first(where: \.isAsking) { return HoldReceipt(holdID: asked.holdID) }
        let holdID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO supply_hold (org_id, hold_id, asking, reason, from_ms, until_ms, set_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .int(scope.orgID), .int(holdID), .flag(isAsking), .text(why), .int(nowMs), .optional(untilMs),
                .int(context.actor.loginID),
            ])
        context.changed(.company, "supply_hold", from: nil, to: why)
        return HoldReceipt(holdID: holdID, untilMs: untilMs)
    }
}

/// Ends the holds that stand: the rules decide again in the next run. It may cut many, so it takes more than to hold,
/// and two persons.
public struct ReleaseCuts: ConfirmedCommand, Codable {
    public static let name = "supply.release"
    public static let permissions: [Permission] = [.manageSettings]
    public static let checkPermission = Permission.manageSettings
    public var reason: String
    /// The newest hold that was seen: a later one stands for something else and stays. Nil: all that stand.
    public var throughHoldID: Int64?
    public init(reason: String, throughHoldID: Int64? = nil) {
        (self.reason, self.throughHoldID) = (reason, throughHoldID)
    }
    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "reason=\(reason)\(throughHoldID.map { " through=\($0)" } ?? "")" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> HoldReceipt {
        let scope = context.actor.scope
        try context.requireWholeCompanyForCuts()
        let why = try Reason.checked(reason)
        let standing = try SupplyHold.all(atMs: context.businessNowMs, scope, in: transaction).filter {
            $0.holdID <= throughHoldID ?? .max
        }
        guard let first = standing.first else {
            throw Refusal(.conflict, "No cuts are held.", hint: "There is nothing to end.", at: "reason")
        }
        for hold in standing {
            try transaction.run(
                """
                UPDATE supply_hold SET ended_at_ms = $3, ended_by = $4, end_reason = $5
                WHERE org_id = $1 AND hold_id = $2 AND ended_at_ms IS NULL
                """,
                [
                    .int(scope.orgID), .int(hold.holdID), .int(context.businessNowMs), .int(context.actor.loginID),
                    .text(why),
                ])
            context.changed(.company, "supply_hold", from: hold.reason, to: nil)
        }
        return HoldReceipt(holdID: first.holdID)
    }
}

extension CommandContext {
    fileprivate func requireWholeCompanyForCuts() throws {
        guard actor.scope.isWholeCompany else {
            throw Refusal(
                .forbidden, "Holding all cuts is a matter of the whole company.",
                hint: "Ask somebody who is not confined to a place.")
        }
    }
}
