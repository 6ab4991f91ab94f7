// Makes meters do what is wanted of them: asks first, tells, and believes only what is read back. What is no longer
// wanted is not sent; what cannot be done is given to a person.
import Access
import Clocks
import MeterPort
import Meters
import SQL
import Synchronization

public struct WishCommander: Sendable {
    /// Commands taken up in one look for due ones.
    static let commandsMax = 500
    /// Blocks of an image between two looks at the database.
    static let blocksPerLook = 32

    let site: Site
    let org: Org
    let transport: any MeterTransport
    let vault: KeyVault
    let rules: CollectionRules
    let gates: MeterGates

    public init(
        site: Site, org: Org, transport: any MeterTransport, vault: KeyVault, rules: CollectionRules = .init(),
        gates: MeterGates = MeterGates()
    ) {
        (self.site, self.org, self.transport, self.vault) = (site, org, transport, vault)
        (self.rules, self.gates) = (rules, gates)
    }

    var scope: Scope { Scope(orgID: org.orgID) }
    var door: MeterDoor { MeterDoor(site: site, org: org, vault: vault, timeoutMs: rules.timeoutMs) }

    // MARK: Wanting

    /// Records what is wanted of a meter and queues the command for it; nil when just that was wanted already.
    /// - Parameters:
    ///   - desired: as ``WishText/checked(_:of:)`` gives it.
    ///   - always: also when that is wanted already: the meter is asked again.
    @discardableResult
    public static func want(
        _ desired: String, _ matter: String, meterID: Int64, _ authority: MeterWish.Authority, always: Bool,
        nowMs: Int64, ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> Int64? {
        let known = try MeterWish.find(meterID, matter, scope, in: transaction)
        let revision = try MeterWish.want(
            desired, matter, meterID: meterID, authority, always: always, atMs: nowMs, scope, in: transaction)
        guard let revision else { return nil }
        if let orderID = known?.authority.orderID {
            try OrderTarget.replaced(orderID: orderID, meterID: meterID, atMs: nowMs, scope, in: transaction)
        }
        let commandID = ids.next()
        try MeterCommand.queue(
            kind: matter, meterID: meterID, key: "wish:\(meterID):\(matter):\(revision)", why: authority.reason,
            revision: revision, nowMs: nowMs, commandID: commandID, scope, in: transaction)
        return commandID
    }

    /// Records what a rule would want and no meter can keep, as an order that failed: it stands among the exceptions
    /// and nothing is sent. The same again changes nothing.
    public static func giveUp(
        _ words: String, _ matter: String, meterID: Int64, _ authority: MeterWish.Authority, because why: String,
        nowMs: Int64, ids: IDGenerator, _ scope: Scope, in transaction: any SQLTransaction
    ) throws {
        let commandID = try want(
            words, matter, meterID: meterID, authority, always: false, nowMs: nowMs, ids: ids, scope, in: transaction)
        guard let commandID else { return }
        try transaction.run(
            """
            UPDATE meter_command SET state = 'failed', answer = $3, ended_at_ms = $4
            WHERE org_id = $1 AND command_id = $2
            """, [.int(scope.orgID), .int(commandID), .text(String(why.prefix(500))), .int(nowMs)])
        try MeterWish.find(meterID, matter, scope, in: transaction)?.note(
            .failed, actual: nil, atMs: nowMs, nextCheckMs: nowMs, scope, in: transaction)
    }

    // MARK: Running

    /// Carries out what is due, a bounded number at a time. Long transfers are interrupted at `untilMs` (system time)
    /// and go on in the next run. Returns (confirmed, not yet).
    public func run(untilMs: Int64 = .max) async throws -> (confirmed: Int, open: Int) {
        let nowMs = site.clocks.businessNowMs()
        let due = try await site.money.read { [scope] transaction in
            // What is short goes before firmware.
            try transaction.query(
                """
                SELECT \(MeterCommand.columns) FROM meter_command
                WHERE org_id = $1 AND state = 'waiting' AND next_at_ms <= $2
                  AND kind NOT IN (\(MeterCommand.plainKinds))
                ORDER BY CASE WHEN kind = 'firmware' THEN 1 ELSE 0 END, command_id LIMIT \(Self.commandsMax)
                """, [.int(scope.orgID), .int(nowMs)], MeterCommand.decode)
        }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            var confirmed = 0
            var running = 0
            var rest = due[...]
            while running > 0 || !rest.isEmpty {
                while running < rules.parallel, site.clocks.systemNowMs() < untilMs, let command = rest.popFirst() {
                    group.addTask {
                        try await gates.alone(with: command.meterID) {
                            try Task.checkCancellation()
                            return try await carryOut(command, untilMs: untilMs)
                        }
                    }
                    running += 1
                }
                guard running > 0, let done = try await group.next() else { break }
                confirmed += done ? 1 : 0
                running -= 1
            }
            return (confirmed, due.count - confirmed)
        }
    }

    /// Whether a command waits whose time has come.
    public func hasDue() async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        return try await site.money.read { [scope] transaction in
            try transaction.first(
                """
                SELECT 1 FROM meter_command WHERE org_id = $1 AND state = 'waiting' AND next_at_ms <= $2
                  AND kind NOT IN (\(MeterCommand.plainKinds)) LIMIT 1
                """, [.int(scope.orgID), .int(nowMs)]
            ) { try $0.int(0) } != nil
        }
    }

    /// The transfer was interrupted and goes on; nothing is wrong.
    private struct Interrupted: Error {}
    /// Something else is wanted by now.
    private struct Superseded: Error {}

    private struct Outcome: Sendable {
        /// What the meter says; nil when it could not be asked.
        var actual: String?
        var desired: String
        /// False: it was so before anything was sent.
        var wasSent = false
        var trouble: MeterError?
    }

    private func carryOut(_ command: MeterCommand, untilMs: Int64) async throws -> Bool {
        let nowMs = site.clocks.businessNowMs()
        let found = try await site.money.read { [scope] transaction -> (Meter, MeterWish)? in
            guard let wish = try Self.standing(command, scope, in: transaction) else { return nil }
            return (try Meter.find(command.meterID, scope, in: transaction), wish)
        }
        guard let (meter, wish) = found, let matter = MeterMatter(name: command.kind) else {
            try await end(command, nil, .superseded, "no longer wanted", nil, nowMs)
            return false
        }
        let outcome: Outcome
        do {
            outcome = try await tell(meter, wish, matter, command, untilMs: untilMs)
        } catch is Interrupted {
            return false
        } catch is Superseded {
            try await end(command, wish, .superseded, "no longer wanted", nil, nowMs)
            return false
        }
        if let actual = outcome.actual, WishText.isMet(outcome.desired, by: actual, matter) {
            let words =
                outcome.trouble.map { "the meter reported \($0), but it had done it" }
                ?? (outcome.wasSent ? "done and read back" : "it was so already")
            try await end(command, wish, .confirmed, words, actual, nowMs)
            return true
        }
        let answer =
            outcome.trouble?.description
            ?? "the meter said yes, but says \((outcome.actual ?? "nothing").prefix(100)) when read back"
        // What a meter does not have it will not have tomorrow.
        let isHopeless = outcome.actual == nil && outcome.trouble?.code == .objectUndefined
        if isHopeless || command.attempt + 1 >= RelayCommander.attemptLimit {
            try await end(command, wish, .failed, answer, outcome.actual, nowMs)
        } else {
            try await postpone(command, wish, answer, outcome.actual, nowMs)
        }
        return false
    }

    /// The wish that a command is for, unless another came or it was taken back.
    private static func standing(
        _ command: MeterCommand, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> MeterWish? {
        let isWaiting =
            try transaction.first(
                "SELECT 1 FROM meter_command WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'",
                [.int(scope.orgID), .int(command.commandID)]
            ) { try $0.int(0) } != nil
        let wish = try MeterWish.find(command.meterID, command.kind, scope, in: transaction)
        guard isWaiting, let wish, wish.revision == command.revision, wish.state == .waiting else { return nil }
        return wish
    }

    // MARK: Telling

    private func tell(
        _ meter: Meter, _ wish: MeterWish, _ matter: MeterMatter, _ command: MeterCommand, untilMs: Int64
    ) async throws -> Outcome {
        // Kept outside of the conversation: it may break after the telling.
        let known = Mutex(Outcome(desired: wish.desired))
        do {
            try await transport.converse(with: try await door.endpoint(of: meter)) { conversation in
                var desired = wish.desired
                var actual = try await text(of: matter, conversation)
                if desired == WishText.nextCount { desired = try await count(wish, after: actual) }
                known.withLock { [desired, actual] in ($0.desired, $0.actual) = (desired, actual) }
                guard !WishText.isMet(desired, by: actual, matter) else { return }
                try await stillWanted(command)
                known.withLock { ($0.wasSent, $0.actual) = (true, nil) }
                do {
                    try await send(desired, matter, conversation, command, untilMs: untilMs)
                } catch let error as MeterError where [.accessDenied, .other, .objectUndefined].contains(error.code) {
                    known.withLock { $0.trouble = error }
                }
                actual = try await text(of: matter, conversation)
                known.withLock { [actual] in $0.actual = actual }
            }
        } catch let error as MeterError {
            known.withLock { $0.trouble = $0.trouble ?? error }
            let wasSent = known.withLock { $0.wasSent && $0.actual == nil }
            // The line broke after the telling: only the meter knows whether it was done.
            guard wasSent else { return known.withLock { $0 } }
            let again = try? await transport.converse(with: try await door.endpoint(of: meter)) {
                try await text(of: matter, $0)
            }
            known.withLock { [again] in $0.actual = again }
        }
        return known.withLock { $0 }
    }

    func text(of matter: MeterMatter, _ conversation: any MeterConversation) async throws -> String {
        let value = try await conversation.value(of: matter)
        return try WishText.text(value, nowS: site.clocks.businessNowMs() / 1000)
    }

    /// Kept before anything is sent: a reset that was done is not done again, whatever happens in between.
    private func count(_ wish: MeterWish, after actual: String) async throws -> String {
        let next = String((Int64(actual) ?? 0) + 1)
        let isSettled = try await site.money.write { [scope] in try wish.settle(desired: next, scope, in: $0) }
        guard isSettled else { throw Superseded() }
        return next
    }

    private func stillWanted(_ command: MeterCommand) async throws {
        let isWanted = try await site.money.read { [scope] transaction in
            try Self.standing(command, scope, in: transaction) != nil
        }
        guard isWanted else { throw Superseded() }
    }

    private func send(
        _ desired: String, _ matter: MeterMatter, _ conversation: any MeterConversation, _ command: MeterCommand,
        untilMs: Int64
    ) async throws {
        guard matter == .firmware else {
            let nowS = site.clocks.businessNowMs() / 1000
            return try await conversation.set(try WishText.value(desired, of: matter, nowS: nowS))
        }
        let image = try await site.money.read { [scope] in
            try FirmwareStore.image(version: desired, scope, in: $0)
        }
        // Noted before the first block: from now on the meter may hold a part of this image.
        let mayResume = command.progressCount != nil
        try await note(command, done: command.progressDone ?? 0, count: command.progressCount ?? 0)
        let seen = Mutex(0)
        try await conversation.send(image, mayResume: mayResume) { done, count in
            let isLook = seen.withLock { seen in
                seen += 1
                return seen % Self.blocksPerLook == 0 || done == count
            }
            guard isLook else { return }
            try await note(command, done: Int64(done), count: Int64(count))
            try Task.checkCancellation()
            guard done == count || site.clocks.systemNowMs() < untilMs else { throw Interrupted() }
        }
    }

    private func note(_ command: MeterCommand, done: Int64, count: Int64) async throws {
        let isWanted = try await site.money.write { [scope] transaction in
            guard try Self.standing(command, scope, in: transaction) != nil else { return false }
            try transaction.run(
                """
                UPDATE meter_command SET progress_done = $3, progress_count = $4
                WHERE org_id = $1 AND command_id = $2
                """,
                [.int(scope.orgID), .int(command.commandID), .int(done), .int(count)])
            return true
        }
        guard isWanted else { throw Superseded() }
    }

    // MARK: Ending

    /// Business milliseconds until a meter is asked again whether it still does what is wanted.
    func checkAtMs(_ nowMs: Int64, in transaction: any SQLTransaction) throws -> Int64 {
        nowMs + 3_600_000
            * (try OrderRules.value(OrderRules.checkSetting, atMs: nowMs, scope, in: transaction))
    }

    private func end(
        _ command: MeterCommand, _ wish: MeterWish?, _ state: MeterCommand.State, _ answer: String, _ actual: String?,
        _ nowMs: Int64
    ) async throws {
        try await site.money.write { [self] transaction in
            let ended = try transaction.run(
                """
                UPDATE meter_command SET state = $3, answer = $4, attempt = attempt + 1, sent_at_ms = $5,
                  ended_at_ms = $5 WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'
                """,
                [
                    .int(scope.orgID), .int(command.commandID), .text(state.rawValue),
                    .text(String(answer.prefix(500))), .int(nowMs),
                ])
            guard ended == 1 else { return }
            try OrderTarget.ended(
                command, state, answer: String(answer.prefix(500)), atMs: nowMs, scope, in: transaction)
            guard let wish, state != .superseded else { return }
            try wish.note(
                state == .confirmed ? .met : .failed, actual: actual, atMs: nowMs,
                nextCheckMs: try checkAtMs(nowMs, in: transaction), scope, in: transaction)
        }
    }

    /// A transfer that came further is no vain try.
    private func postpone(
        _ command: MeterCommand, _ wish: MeterWish, _ answer: String, _ actual: String?, _ nowMs: Int64
    ) async throws {
        try await site.money.write { [scope] transaction in
            try transaction.run(
                """
                UPDATE meter_command SET next_at_ms = $3, answer = $4, sent_at_ms = $5,
                  attempt = attempt + CASE WHEN COALESCE(progress_done, 0) > $6 THEN 0 ELSE 1 END
                WHERE org_id = $1 AND command_id = $2 AND state = 'waiting'
                """,
                [
                    .int(scope.orgID), .int(command.commandID), .int(nowMs + RelayCommander.pauseMs(command)),
                    .text(String(answer.prefix(500))), .int(nowMs), .int(command.progressDone ?? 0),
                ])
            try OrderTarget.tried(command, answer: String(answer.prefix(500)), scope, in: transaction)
            try wish.note(.waiting, actual: actual, atMs: nowMs, nextCheckMs: nowMs, scope, in: transaction)
        }
    }
}
