// Keeps subscriptions up to date and carries out what follows from them: notices, penalties, limits of meters. Holds no
// rule of packs; it joins Packs with Journal, Messaging and HeadEnd, which must not know each other.
import Access
import Accounts
import CivilTime
import Clocks
import HeadEnd
import Journal
import Messaging
import Meters
import Outbox
import Packs
import SQL
import Subscriptions

public struct PackKeeper: Sendable {
    /// Accounts swept, and facts carried out, in one transaction.
    static let chunk = 200

    public struct Kept: Sendable, Equatable {
        public var changed = 0
        public var aside = 0
        public var carriedOut = 0
        public var failed = 0

        var words: String {
            "\(changed) changed, \(carriedOut) carried out" + (aside > 0 ? ", \(aside) kept aside" : "")
                + (failed > 0 ? ", \(failed) failed" : "")
        }
    }

    let site: Site
    let org: Org
    private var scope: Scope { Scope(orgID: org.orgID) }

    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// One run. What was done before is not done again; an account in trouble is kept aside until tomorrow.
    @discardableResult
    public func run(_ done: @escaping @Sendable (Int) async -> Void = { _ in }) async throws -> Kept {
        let today = org.zone.day(atS: site.clocks.businessNowMs() / 1000)
        var kept = Kept()
        try await sweep(today, &kept, done)
        try await carryOut(today, &kept, done)
        return kept
    }

    private func sweep(_ today: CivilDay, _ kept: inout Kept, _ done: @Sendable (Int) async -> Void) async throws {
        var last: Int64 = 0
        while true {
            try Task.checkCancellation()
            let due = try await site.money.read { [scope, last] in
                try PackHolder.due(on: today, after: last, limit: Self.chunk, scope, in: $0)
            }
            guard let end = due.last else { return }
            last = end
            do {
                kept.changed += try await sweep(due, today)
            } catch let error where !Self.stops(error) {
                // Somebody's rows are in disorder: each account goes alone, and only that one stays behind.
                for accountID in due { try await sweepAlone(accountID, today, &kept) }
            }
            await done(kept.changed)
        }
    }

    private func sweep(_ accountIDs: [Int64], _ today: CivilDay) async throws -> Int {
        try await site.perform(
            SweepPacks(accountIDs, on: today), as: .system(orgID: org.orgID), source: "job subscriptions")
    }

    private func sweepAlone(_ accountID: Int64, _ today: CivilDay, _ kept: inout Kept) async throws {
        do {
            kept.changed += try await sweep([accountID], today)
        } catch let error where !Self.stops(error) {
            let why = String(describing: error)
            try await site.money.write { [scope] in
                try PackHolder.setAside(accountID, why: why, on: today, scope, in: $0)
            }
            kept.aside += 1
        }
    }

    private func carryOut(_ today: CivilDay, _ kept: inout Kept, _ done: @Sendable (Int) async -> Void) async throws {
        var last: PackFactRow?
        while true {
            try Task.checkCancellation()
            let due = try await site.money.read { [scope, last] in
                try PackFactRow.due(by: today, limits: false, after: last, limit: Self.chunk, scope, in: $0)
            }
            guard let end = due.last else { return }
            last = end
            do {
                kept.carriedOut += try await carryOut(due, today)
            } catch let error where !Self.stops(error) {
                for fact in due { try await carryOutAlone(fact, today, &kept) }
            }
            await done(kept.changed + kept.carriedOut)
        }
    }

    private func carryOut(_ facts: [PackFactRow], _ today: CivilDay) async throws -> Int {
        try await site.perform(
            CarryOutFacts(facts: facts, today: today), as: .system(orgID: org.orgID), source: "job subscriptions")
    }

    private func carryOutAlone(_ fact: PackFactRow, _ today: CivilDay, _ kept: inout Kept) async throws {
        do {
            kept.carriedOut += try await carryOut([fact], today)
        } catch let error where !Self.stops(error) {
            let (why, nowMs) = (String(describing: error), site.clocks.businessNowMs())
            try await site.money.write { [scope] in
                try fact.settle(.failed, trouble: why, atMs: nowMs, scope, in: $0)
            }
            kept.failed += 1
        }
    }

    /// The trouble is not the account's: the database fails, or the run was stopped.
    static func stops(_ error: any Error) -> Bool {
        if error is CancellationError { return true }
        guard let error = error as? SQLError else { return false }
        return [.busy, .full, .readOnly, .connection, .corrupt].contains(error.code)
    }
}

/// Carries out facts that are due: each once, by its key.
struct CarryOutFacts: Command {
    static let name = "packs.carry-out"
    static let permissions: [Permission] = [.runJobs]
    var facts: [PackFactRow]
    var today: CivilDay

    var key: String? { nil }
    var subjectID: Int64 { 0 }
    var content: String { "facts=\(facts.count) from=\(facts.first?.key ?? "")" }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        for fact in facts {
            let template: MessageTemplate? =
                switch fact.kind {
                case .subscribed: .packStarted
                case .rejected: .packRejected
                case .ends where !fact.key.hasSuffix(":never-began"): .packEnded
                case .renewed: .packRenewed
                case .reminder: .packEndsSoon
                case .expired: .packEnded
                case .penaltyNotice: .packBreakCost
                case .penalty: .packBreakCharged
                case .ends, .awaitsApproval, .loadLimit, .withdrawn, .exportCredit, .walletMove: nil
                }
            if fact.kind == .penalty { try charge(fact, in: transaction, context) }
            if fact.kind == .exportCredit { try credit(fact, in: transaction, context) }
            if let template, try isStillSo(fact, scope, in: transaction) {
                try send(template, fact, in: transaction, context)
            }
            try fact.settle(.done, atMs: context.businessNowMs, scope, in: transaction)
        }
        return facts.count
    }

    /// A pack that was replaced before it began does not begin, and one that was given another end does not end then.
    private func isStillSo(_ fact: PackFactRow, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        guard fact.kind == .subscribed || fact.kind == .ends, let packID = fact.packID else { return true }
        let held = try Subscription.of(accountID: fact.accountID, scope, in: transaction).filter {
            $0.packID == packID
        }
        return fact.kind == .subscribed
            ? held.contains { $0.bills(on: fact.dueDay) } : held.contains { $0.toDay == fact.dueDay.advanced(by: -1) }
    }

    private func send(
        _ template: MessageTemplate, _ fact: PackFactRow, in transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        try Message.send(
            template, key: "\(template.rawValue):\(fact.key)", accountID: fact.accountID,
            amountPaise: (fact.amountPaise ?? 0) == 0 ? nil : fact.amountPaise, businessAtMs: context.businessNowMs,
            messageID: context.ids.next(), context.actor.scope, in: transaction)
    }

    /// The penalty, from the wallet to the fixed charges it replaces.
    private func charge(_ fact: PackFactRow, in transaction: any SQLTransaction, _ context: CommandContext) throws {
        try post(fact, kind: "contract-break", amountPaise: fact.amountPaise ?? 0, .fixedRevenue, transaction, context)
    }

    /// Energy bought from the consumer lessens what energy brought in.
    private func credit(_ fact: PackFactRow, in transaction: any SQLTransaction, _ context: CommandContext) throws {
        try post(
            fact, kind: "export-credit", amountPaise: -(fact.amountPaise ?? 0), .energyRevenue, transaction, context)
    }

    private func post(
        _ fact: PackFactRow, kind: String, amountPaise: Int64, _ account: ChartAccount,
        _ transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        guard amountPaise != 0 else { return }
        _ = try Journal.post(
            key: fact.key, kind: kind,
            legs: [
                Leg(fact.accountID, amountPaise, .adjustment), Leg(account.rawValue, -amountPaise, .revenue),
            ], businessAtMs: context.businessNowMs, entryID: context.ids.next(), context.actor.scope, in: transaction)
        try Outbox.append(
            OutboxEvent(
                orgID: context.orgID, eventID: context.ids.next(), kind: .balanceChanged, subjectID: fact.accountID,
                detail: kind, businessAtMs: context.businessNowMs), in: transaction)
        context.changed(.account(fact.accountID), fact.key, from: nil, to: String(amountPaise))
    }
}

/// Limits that packs bring to meters, from the first minute of their first day.
struct PackLimits: Sendable {
    static let rule = "rule pack-limit"
    static let chunk = 500
    /// The highest limit a meter takes.
    static let wattsMax: Int64 = 1_000_000

    let site: Site
    let org: Org
    private var scope: Scope { Scope(orgID: org.orgID) }

    func run() async throws {
        let nowMs = site.clocks.businessNowMs()
        let today = org.zone.day(atS: nowMs / 1000)
        var last: PackFactRow?
        while true {
            try Task.checkCancellation()
            let due = try await site.money.read { [scope, last] in
                try PackFactRow.due(by: today, limits: true, after: last, limit: Self.chunk, scope, in: $0)
            }
            guard let end = due.last else { return }
            last = end
            try await site.money.write { [self] transaction in
                for fact in due { try want(fact, today, nowMs, in: transaction) }
            }
        }
    }

    /// An account without a meter waits for one; what a person ordered stays.
    private func want(_ fact: PackFactRow, _ today: CivilDay, _ nowMs: Int64, in transaction: any SQLTransaction) throws
    {
        let installed = try Installation.of(accountID: fact.accountID, on: today, scope, in: transaction)
        guard let meterID = installed?.meterID else { return }
        let known = try MeterWish.find(meterID, "load-limit", scope, in: transaction)
        if let known, known.state != .unwanted, !known.authority.by.hasPrefix("rule ") {
            return try fact.settle(
                .done, trouble: "a limit that was ordered stays", atMs: nowMs, scope, in: transaction)
        }
        let account = try SupplyAccount.find(fact.accountID, scope, in: transaction)
        // No limit of the pack: what is sanctioned holds.
        let watts = fact.loadW ?? account.sanctionedW
        guard (1...Self.wattsMax).contains(watts) else {
            return try fact.settle(
                .failed, trouble: "a meter takes no limit of \(watts) W", atMs: nowMs, scope, in: transaction)
        }
        let by = fact.loadW == nil ? "rule sanctioned-load" : Self.rule
        _ = try WishCommander.want(
            String(watts), "load-limit", meterID: meterID,
            MeterWish.Authority(reason: fact.loadW == nil ? "sanctioned-load" : "pack-limit", by: by), always: false,
            nowMs: nowMs, ids: site.ids, scope, in: transaction)
        try fact.settle(.done, atMs: nowMs, scope, in: transaction)
    }
}
