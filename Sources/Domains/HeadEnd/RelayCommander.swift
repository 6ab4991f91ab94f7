// Orders to relays: sent, retried, and believed only when the meter's own state has been read back.
import Access
import CivilTime
import Clocks
import MeterPort
import Meters
import Outbox
import SQL

/// An order to a meter as the pages and the API show it.
public struct MeterCommand: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable { case waiting, confirmed, failed, superseded }
    public var commandID: Int64
    public var meterID: Int64
    /// `disconnect`, `reconnect`, `read`, or the matter of a wish.
    public var kind: String
    public var state: State
    public var why: String
    public var createdAtMs: Int64
    public var attempt: Int64
    /// What happened, in words: the meter's refusal, the time-out, or that it reported failure but had worked.
    public var answer: String?
    public var sentAtMs: Int64?
    public var endedAtMs: Int64?
    /// Of the wish it carries out; nil for the relay and for a read.
    public var revision: Int64?
    /// Blocks of a firmware image that are there, and in all; nil before the first.
    public var progressDone: Int64?
    public var progressCount: Int64?

    static let columns = """
        command_id, meter_id, kind, state, why, created_at_ms, attempt, answer, sent_at_ms, ended_at_ms, revision,
        progress_done, progress_count
        """
    /// As SQL: the kinds that move the relay, and those and a read.
    static let relayKinds = "'disconnect', 'reconnect'"
    static let plainKinds = "'disconnect', 'reconnect', 'read'"
    var movesRelay: Bool { kind == "disconnect" || kind == "reconnect" }

    static func decode(_ row: any SQLRow) throws -> MeterCommand {
        MeterCommand(
            commandID: try row.int(0), meterID: try row.int(1), kind: try row.text(2),
            state: State(rawValue: try row.text(3)) ?? .failed, why: try row.text(4), createdAtMs: try row.int(5),
            attempt: try row.int(6), answer: try row.optionalText(7), sentAtMs: try row.optionalInt(8),
            endedAtMs: try row.optionalInt(9), revision: try row.optionalInt(10),
            progressDone: try row.optionalInt(11), progressCount: try row.optionalInt(12))
    }

    public static func of(meterID: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [MeterCommand]
    {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_command WHERE org_id = $1 AND meter_id = $2
            ORDER BY command_id DESC LIMIT $3
            """,
            [.int(scope.orgID), .int(meterID), .int(limit)], decode)
    }

    /// Commands of the whole company that ended after a time, oldest first.
    public static func ended(afterMs: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [MeterCommand]
    {
        try transaction.query(
            """
            SELECT \(columns) FROM meter_command WHERE org_id = $1 AND ended_at_ms > $2
            ORDER BY ended_at_ms, command_id LIMIT $3
            """, [.int(scope.orgID), .int(afterMs), .int(limit)], decode)
    }

    /// Orders that gave up, and reconnections that are still tried after many tries: each needs a person, until it is
    /// set aside or a later order to the relay has worked. Newest first.
    public static func failed(limit: Int, _ scope: Scope, in transaction: any SQLTransaction) throws -> [MeterCommand] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit), .int(RelayCommander.attemptLimit)]
        let reach = try Meter.reachFilter(of: "c.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT \(columns) FROM meter_command c WHERE org_id = $1 AND aside_at_ms IS NULL
              AND (state = 'failed' OR (state = 'waiting' AND kind = 'reconnect' AND attempt >= $3))
              AND NOT EXISTS (SELECT 1 FROM meter_command l WHERE l.org_id = c.org_id AND l.meter_id = c.meter_id
                AND l.command_id > c.command_id AND l.state = 'confirmed' AND (c.kind = 'read' OR l.kind = c.kind
                  OR (c.kind IN (\(relayKinds)) AND l.kind IN (\(relayKinds)))))
              \(reach)
            ORDER BY command_id DESC LIMIT $2
            """, parameters, decode)
    }

    static func find(_ commandID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> MeterCommand {
        let found = try transaction.first(
            "SELECT \(columns) FROM meter_command WHERE org_id = $1 AND command_id = $2",
            [.int(scope.orgID), .int(commandID)], decode)
        guard let found, (try? Meter.find(found.meterID, scope, in: transaction)) != nil else {
            throw Refusal(.notFound, "There is no such order to a meter.")
        }
        return found
    }

    /// Relay orders that were confirmed since a time, at most 1,000.
    public static func confirmed(sinceMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws
        -> [MeterCommand]
    {
        // An order is confirmed soon after it was due, so the index on the time of its last try bounds the search.
        try transaction.query(
            """
            SELECT \(columns) FROM meter_command WHERE org_id = $1 AND state = 'confirmed' AND next_at_ms >= $2
              AND ended_at_ms >= $3 AND kind IN (\(relayKinds)) ORDER BY command_id DESC LIMIT 1000
            """, [.int(scope.orgID), .int(sinceMs - 86_400_000), .int(sinceMs)], decode)
    }

    /// The meter reported failure, but read back it had done it.
    public var isDoneDespiteReport: Bool { state == .confirmed && answer?.hasPrefix("the meter reported") == true }

    /// Queues an order once for its key; earlier ones of the meter that wait and are about the same are superseded.
    /// - Parameter revision: of the wish it carries out.
    static func queue(
        kind: String, meterID: Int64, key: String, why: String, revision: Int64? = nil, nowMs: Int64,
        commandID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let added = try transaction.run(
            """
            INSERT INTO meter_command (org_id, command_id, command_key, meter_id, kind, state, why, created_at_ms,
              next_at_ms, attempt, revision) VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $7, 0, $8)
            ON CONFLICT DO NOTHING
            """,
            [
                .int(scope.orgID), .int(commandID), .text(key), .int(meterID), .text(kind), .text(why), .int(nowMs),
                .optional(revision),
            ])
        guard added == 1, kind != "read" else { return }
        let isRelay = kind == "disconnect" || kind == "reconnect"
        try transaction.run(
            """
            UPDATE meter_command SET state = 'superseded', ended_at_ms = $4
            WHERE org_id = $1 AND meter_id = $2 AND command_id <> $3 AND state = 'waiting'
              AND kind IN (\(isRelay ? relayKinds : "$5"))
            """,
            [.int(scope.orgID), .int(meterID), .int(commandID), .int(nowMs)] + (isRelay ? [] : [.text(kind)]))
        guard isRelay else { return }
        try OrderTarget.relayReplaced(
            by: kind == "disconnect" ? .open : .closed, meterID: meterID, atMs: nowMs, scope, in: transaction)
    }
}

/// Asks for a read of the meter now: its relay and the part of today that is over.
public struct OrderRead: Command {
    public static let name = "head-end.read-now"
    public static let permissions: [Permission] = [.commandMeters]
    public var meterID: Int64
    public var reference: String
    public init(meterID: Int64, reference: String) {
        self.meterID = meterID
        self.reference = reference
    }
    public var key: String? { "read:\(meterID):\(reference)" }
    public var content: String { "meter=\(meterID)" }
    public var subjectID: Int64 { meterID }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        _ = try Meter.find(meterID, scope, in: transaction)
    }

    /// The id of the order.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        _ = try Meter.find(meterID, context.actor.scope, in: transaction)
        let commandID = context.ids.next()
        try MeterCommand.queue(
            kind: "read", meterID: meterID, key: key ?? "", why: context.why, nowMs: context.businessNowMs,
            commandID: commandID, context.actor.scope, in: transaction)
        context.changed(.meter(meterID), "read_order", from: nil, to: String(commandID))
        return commandID
    }
}

public struct RelayCommander: Sendable {
    /// After this many tries an order is given to a person. An order to reconnect is still tried: nobody stays in the
    /// dark because a meter was out of reach for long.
    public static let attemptLimit: Int64 = 12
    /// Business milliseconds between two tries, at most.
    static let pauseMaxMs: Int64 = 30 * 60_000

    let site: Site
    let org: Org
    let transport: any MeterTransport
    let vault: KeyVault
    let rules: CollectionRules
    let gates: MeterGates
    /// Called with the meter before an order to cut is taken out, so that the wish can still be taken back.
    let beforeCut: @Sendable (Int64) async throws -> Void
    /// Decides again in the transaction that takes an order to cut out. False: it is not sent now.
    let lastLook: @Sendable (Int64, any SQLTransaction) throws -> Bool
    /// Called after an order to cut was sent, whatever came of it: the wish may have changed meanwhile.
    let afterCut: @Sendable () async throws -> Void

    public init(
        site: Site, org: Org, transport: any MeterTransport, vault: KeyVault, rules: CollectionRules = .init(),
        gates: MeterGates = MeterGates(), beforeCut: @escaping @Sendable (Int64) async throws -> Void = { _ in },
        lastLook: @escaping @Sendable (Int64, any SQLTransaction) throws -> Bool = { _, _ in true },
        afterCut: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.beforeCut = beforeCut
        self.lastLook = lastLook
        self.afterCut = afterCut
        self.gates = gates
        self.site = site
        self.org = org
        self.transport = transport
        self.vault = vault
        self.rules = rules
    }

    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Handles RelayWanted: queues the order. Idempotent by the event's id.
    public static func relayWanted(_ event: OutboxEvent, ids: IDGenerator, in transaction: any SQLTransaction) throws {
        let scope = Scope(orgID: event.orgID)
        guard let relay = try RelayRecord.find(event.subjectID, scope, in: transaction) else { return }
        try MeterCommand.queue(
            kind: relay.wanted == .open ? "disconnect" : "reconnect", meterID: event.subjectID,
            key: "relay:\(event.eventID)", why: relay.wantedReason, nowMs: event.businessAtMs, commandID: ids.next(),
            scope, in: transaction)
    }

    /// Carries out what waits, a bounded number at a time. Returns (confirmed, not yet).
    public func run() async throws -> (confirmed: Int, open: Int) {
        let nowMs = site.clocks.businessNowMs()
        let due = try await site.money.read { [scope] transaction in
            try transaction.query(
                """
                SELECT \(MeterCommand.columns) FROM meter_command
                WHERE org_id = $1 AND state = 'waiting' AND next_at_ms <= $2
                  AND kind IN (\(MeterCommand.plainKinds))
                ORDER BY CASE kind WHEN 'reconnect' THEN 0 ELSE 1 END, command_id LIMIT 500
                """, [.int(scope.orgID), .int(nowMs)], MeterCommand.decode)
        }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            var confirmed = 0
            var rest = due[...]
            var running = 0
            while running > 0 || !rest.isEmpty {
                while running < rules.parallel, let command = rest.popFirst() {
                    group.addTask { try await carryOut(command) }
                    running += 1
                }
                if let done = try await group.next() {
                    confirmed += done ? 1 : 0
                    running -= 1
                }
            }
            return (confirmed, due.count - confirmed)
        }
    }

    /// Whether an order to reconnect waits that was not tried yet.
    public func hasNew() async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { [scope] transaction in
            try transaction.first(
                """
                SELECT 1 FROM meter_command WHERE org_id = $1 AND state = 'waiting' AND next_at_ms <= $2
                  AND kind = 'reconnect' AND attempt = 0 LIMIT 1
                """, [.int(scope.orgID), .int(nowMs)]
            ) { try $0.int(0) } != nil
        }
    }

    private struct Outcome: Sendable {
        var relay: RelayState?
        var trouble: String?
    }

    private func carryOut(_ command: MeterCommand) async throws -> Bool {
        try await gates.alone(with: command.meterID) { try await carryOutAlone(command) }
    }

    private func carryOutAlone(_ command: MeterCommand) async throws -> Bool {
        try Task.checkCancellation()
        if command.kind == "disconnect" { try await beforeCut(command.meterID) }
        let nowMs = site.clocks.businessNowMs()
        if command.kind == "read" {
            let meter = try await site.money.read { [scope] in try Meter.find(command.meterID, scope, in: $0) }
            return try await readNow(command, meter, nowMs: nowMs)
        }
        guard let meter = try await takeOut(command, nowMs: nowMs) else { return false }
        let isDone = try await tell(command, to: meter, nowMs: nowMs)
        if command.kind == "disconnect" {
            try await afterCut()
            // Who has paid while the cut was on its way is served at once, before anybody else.
            if let back = try await waitingReconnect(of: command.meterID) { _ = try await carryOutAlone(back) }
        }
        return isDone
    }

    /// Decides again and takes the order out, in one transaction: a recharge is committed before it and stops the cut,
    /// or after it and is answered by an order to reconnect. Nil: nothing is to be sent.
    private func takeOut(_ command: MeterCommand, nowMs: Int64) async throws -> Meter? {
        let wish: RelayWish = command.kind == "disconnect" ? .open : .closed
        return try await site.money.write { [scope, lastLook] transaction -> Meter? in
            let isAllowed = try wish == .closed || lastLook(command.meterID, transaction)
            guard try RelayRecord.find(command.meterID, scope, in: transaction)?.wanted == wish else {
                let ended = try transaction.run(
                    """
                    UPDATE meter_command SET state = 'superseded', answer = 'no longer wanted', ended_at_ms = $3
                    WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'
                    """, [.int(scope.orgID), .int(command.commandID), .int(nowMs)])
                if ended == 1 {
                    try OrderTarget.ended(
                        command, .superseded, answer: "no longer wanted", atMs: nowMs, scope, in: transaction)
                }
                return nil
            }
            guard isAllowed else { return nil }
            let taken = try transaction.run(
                "UPDATE meter_command SET sent_at_ms = $3 WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'",
                [.int(scope.orgID), .int(command.commandID), .int(nowMs)])
            return taken == 1 ? try Meter.find(command.meterID, scope, in: transaction) : nil
        }
    }

    private func waitingReconnect(of meterID: Int64) async throws -> MeterCommand? {
        try await site.money.read { [scope] transaction in
            try transaction.first(
                """
                SELECT \(MeterCommand.columns) FROM meter_command
                WHERE org_id = $1 AND meter_id = $2 AND state = 'waiting' AND kind = 'reconnect' AND attempt = 0
                ORDER BY command_id DESC LIMIT 1
                """, [.int(scope.orgID), .int(meterID)], MeterCommand.decode)
        }
    }

    /// Sends what was taken out and notes what the meter made of it.
    private func tell(_ command: MeterCommand, to meter: Meter, nowMs: Int64) async throws -> Bool {
        let wish: RelayWish = command.kind == "disconnect" ? .open : .closed
        let outcome = await send(command, to: meter)
        let isDone = outcome.relay.map { ($0 == .closed) == (wish == .closed) } ?? false
        if isDone {
            let answer = outcome.trouble.map {
                "the meter reported \($0), but its relay is \(outcome.relay?.rawValue ?? "")"
            }
            try await end(
                command, .confirmed, answer: answer ?? "done and read back", relay: outcome.relay, nowMs: nowMs)
            return true
        }
        let answer = outcome.trouble ?? "the meter said yes, but its relay is \(outcome.relay?.rawValue ?? "unknown")"
        if command.attempt + 1 >= Self.attemptLimit, wish == .open {
            try await end(command, .failed, answer: answer, relay: outcome.relay, nowMs: nowMs)
        } else {
            try await postpone(command, answer: answer, nowMs: nowMs)
        }
        return false
    }

    /// Sends the order and reads the relay back; when the line broke after sending, the read-back opens a new one.
    private func send(_ command: MeterCommand, to meter: Meter) async -> Outcome {
        let door = MeterDoor(
            site: site, org: org, vault: vault, timeoutMs: rules.timeoutMs
        )
        var trouble: String?
        do {
            let relay = try await transport.converse(with: try await door.endpoint(of: meter)) { conversation in
                var refusal: MeterError?
                do {
                    if command.kind == "disconnect" {
                        try await conversation.disconnect()
                    } else {
                        try await conversation.reconnect()
                    }
                } catch let error as MeterError where error.code == .accessDenied || error.code == .other {
                    refusal = error
                }
                return (try await conversation.relay(), refusal)
            }
            return Outcome(relay: relay.0, trouble: relay.1?.description)
        } catch {
            trouble = String(String(describing: error).prefix(300))
        }
        do {
            let relay = try await transport.converse(with: try await door.endpoint(of: meter)) { try await $0.relay() }
            return Outcome(relay: relay, trouble: trouble)
        } catch {
            return Outcome(relay: nil, trouble: trouble)
        }
    }

    private func readNow(_ command: MeterCommand, _ meter: Meter, nowMs: Int64) async throws -> Bool {
        let today = org.zone.day(atS: nowMs / 1000)
        let startS = org.zone.startS(of: today)
        do {
            let endpoint = try await MeterDoor(
                site: site, org: org, vault: vault, timeoutMs: rules.timeoutMs
            ).endpoint(of: meter)
            let (rows, relay, drift, frames) = try await transport.converse(with: endpoint) { [site] conversation in
                let drift = try await clockDriftS(conversation, site.clocks)
                let rows = try await conversation.blockLoad(fromS: startS + meter.capturePeriodS, toS: nowMs / 1000)
                return (rows, try await conversation.relay(), drift, await conversation.takeRecord())
            }
            let raw = RawRead(
                day: today, meterID: meter.meterID, batchID: site.ids.next(), readAtMs: nowMs,
                rows: rows.filter { $0.endS > startS }, registerStartWh: nil, registerEndWh: nil, clockDriftS: drift)
            if !raw.rows.isEmpty {
                try await site.readings.shard(today.month).write { [org] in
                    try raw.store(orgID: org.orgID, frames: frames, in: $0)
                }
            }
            try await end(
                command, .confirmed, answer: "\(raw.rows.count) intervals of today, relay \(relay.rawValue)",
                relay: relay,
                nowMs: nowMs)
            return true
        } catch let error as MeterError {
            if command.attempt + 1 >= 3 {
                try await end(command, .failed, answer: error.description, relay: nil, nowMs: nowMs)
            } else {
                try await postpone(command, answer: error.description, nowMs: nowMs)
            }
            return false
        }
    }

    /// Business milliseconds to the next try.
    static func pauseMs(_ command: MeterCommand) -> Int64 {
        min((2 * 60_000) << min(command.attempt, 4), pauseMaxMs)
    }

    private func postpone(_ command: MeterCommand, answer: String, nowMs: Int64) async throws {
        try await site.money.write { [scope] transaction in
            try transaction.run(
                """
                UPDATE meter_command SET attempt = attempt + 1, next_at_ms = $3, answer = $4, sent_at_ms = $5
                WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'
                """,
                [
                    .int(scope.orgID), .int(command.commandID),
                    .int(nowMs + Self.pauseMs(command)), .text(answer), .int(nowMs),
                ])
            try OrderTarget.tried(command, answer: answer, scope, in: transaction)
        }
    }

    /// Ends the order and, when the meter's state is known, records it and tells Supply, in one transaction.
    private func end(
        _ command: MeterCommand, _ state: MeterCommand.State, answer: String, relay: RelayState?, nowMs: Int64
    ) async throws {
        try await site.money.write { [scope, site] transaction in
            let ended = try transaction.run(
                """
                UPDATE meter_command SET state = $3, answer = $4, attempt = attempt + 1, sent_at_ms = $5,
                  ended_at_ms = $5
                WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'
                """,
                [.int(scope.orgID), .int(command.commandID), .text(state.rawValue), .text(answer), .int(nowMs)])
            if ended == 1 {
                try OrderTarget.ended(command, state, answer: answer, atMs: nowMs, scope, in: transaction)
            }
            // What the meter says is true also of an order that was superseded on its way.
            guard let relay else { return }
            _ = try RelayRecord.confirm(
                relay.rawValue, meterID: command.meterID, atMs: nowMs, changeID: site.ids.next(), scope, in: transaction
            )
            guard ended == 1, state == .confirmed, command.kind != "read" else { return }
            try Outbox.append(
                OutboxEvent(
                    orgID: scope.orgID, eventID: site.ids.next(), kind: .relayConfirmed, subjectID: command.meterID,
                    detail: "\(command.commandID) \(relay.rawValue)", businessAtMs: nowMs), in: transaction)
        }
    }
}
