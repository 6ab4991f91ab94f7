// Is it alive? Asks a set of meters whether they answer at all, by the public association and nothing more; result and
// time are recorded. Reads no value and changes nothing at the meter.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import MeterPort
import Meters
import SQL

/// A question to a set of meters.
public struct LivenessPoll: Sendable, Equatable {
    public var pollID: Int64
    /// What was asked about: a serial number or a place.
    public var title: String
    public var why: String
    public var loginID: Int64
    /// Business time.
    public var askedAtMs: Int64
    public var endedAtMs: Int64?
    public var meters: Int64
    /// By state.
    public var counts: [LivenessAnswer.State: Int64] = [:]

    public init(
        pollID: Int64, title: String, why: String, loginID: Int64, askedAtMs: Int64, endedAtMs: Int64? = nil,
        meters: Int64, counts: [LivenessAnswer.State: Int64] = [:]
    ) {
        self.pollID = pollID
        self.title = title
        self.why = why
        self.loginID = loginID
        self.askedAtMs = askedAtMs
        self.endedAtMs = endedAtMs
        self.meters = meters
        self.counts = counts
    }
}

/// What one meter said.
public struct LivenessAnswer: Sendable, Equatable {
    public enum State: String, Sendable, Codable, CaseIterable {
        case waiting, alive
        /// It answers, and refuses the public association.
        case refuses
        case silent
    }
    public var meterID: Int64
    public var state: State
    /// Business time at which it was asked.
    public var askedAtMs: Int64?
    /// System milliseconds until it answered, or was given up.
    public var tookMs: Int64?
    public var detail: String?
}

public enum Liveness {
    /// Meters of one poll at most.
    public static let metersMax = 20_000
    /// Polls kept at most.
    static let keptMax = 200

    /// Whom to ask.
    public enum Target: Sendable, Equatable {
        case meter(Int64)
        /// All that are called and lie under the place.
        case place(Int64)
    }

    /// Records the question and gives its number.
    public static func ask(
        _ target: Target, key: String, _ context: CommandContext, in transaction: any SQLTransaction
    ) throws -> Int64 {
        let scope = context.actor.scope
        let title: String
        let meterIDs: [Int64]
        switch target {
        case .meter(let meterID):
            let meter = try Meter.find(meterID, scope, in: transaction)
            guard meter.isCalled else {
                throw Refusal(.conflict, "This meter has no address to call.", at: "meterID")
            }
            (title, meterIDs) = (meter.serial, [meterID])
        case .place(let placeID):
            title = try Place.find(placeID, scope, in: transaction).name
            meterIDs = try meters(under: placeID, scope, in: transaction)
        }
        guard !meterIDs.isEmpty else {
            throw Refusal(.conflict, "No meter that is called over the network lies there.", at: "placeID")
        }
        guard meterIDs.count <= metersMax else {
            throw Refusal(
                .tooMany, "More than \(metersMax) meters lie there.", hint: "Ask place by place.", at: "placeID")
        }
        let pollID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO liveness_poll (org_id, poll_id, poll_key, title, why, login_id, asked_at_ms, meters)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .int(scope.orgID), .int(pollID), .text(key), .text(title), .text(context.why),
                .int(context.actor.loginID), .int(context.businessNowMs), .int(meterIDs.count),
            ])
        try transaction.runMany(
            "INSERT INTO liveness (org_id, poll_id, meter_id, state) VALUES ($1, $2, $3, 'waiting')",
            meterIDs.map { [.int(scope.orgID), .int(pollID), .int($0)] })
        try prune(scope, in: transaction)
        return pollID
    }

    private static func meters(
        under placeID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        try transaction.query(
            """
            SELECT DISTINCT m.meter_id FROM meter m
            JOIN installation i ON i.org_id = m.org_id AND i.meter_id = m.meter_id AND i.to_day IS NULL
            JOIN supply_account a ON a.org_id = i.org_id AND a.account_id = i.account_id
            JOIN place_path p ON p.org_id = a.org_id AND p.place_id = a.place_id
            WHERE m.org_id = $1 AND p.ancestor_id = $2 AND m.port > 0 ORDER BY 1 LIMIT $3
            """, [.int(scope.orgID), .int(placeID), .int(metersMax + 1)]
        ) { try $0.int(0) }
    }

    private static func prune(_ scope: Scope, in transaction: any SQLTransaction) throws {
        let oldest = try transaction.first(
            "SELECT poll_id FROM liveness_poll WHERE org_id = $1 ORDER BY poll_id DESC LIMIT 1 OFFSET $2",
            [.int(scope.orgID), .int(keptMax)]
        ) { try $0.int(0) }
        guard let oldest else { return }
        let which: [SQLValue] = [.int(scope.orgID), .int(oldest)]
        try transaction.run("DELETE FROM liveness WHERE org_id = $1 AND poll_id <= $2", which)
        try transaction.run("DELETE FROM liveness_poll WHERE org_id = $1 AND poll_id <= $2", which)
    }

    /// Newest first. Those confined to a place see polls in which one of their meters was asked.
    public static func polls(
        limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [LivenessPoll] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(limit)]
        let reach = try Meter.reachFilter(of: "l.meter_id", scope, &parameters)
        let rows = try transaction.query(
            """
            SELECT p.poll_id, p.title, p.why, p.login_id, p.asked_at_ms, p.ended_at_ms, p.meters, l.state, COUNT(*)
            FROM liveness_poll p JOIN liveness l ON l.org_id = p.org_id AND l.poll_id = p.poll_id
            WHERE p.org_id = $1 AND p.poll_id >= COALESCE((SELECT q.poll_id FROM liveness_poll q WHERE q.org_id = $1
              ORDER BY q.poll_id DESC LIMIT 1 OFFSET $2), 0)\(reach)
            GROUP BY p.poll_id, p.title, p.why, p.login_id, p.asked_at_ms, p.ended_at_ms, p.meters, l.state
            ORDER BY p.poll_id DESC
            """, parameters
        ) { row in
            (
                LivenessPoll(
                    pollID: try row.int(0), title: try row.text(1), why: try row.text(2), loginID: try row.int(3),
                    askedAtMs: try row.int(4), endedAtMs: try row.optionalInt(5), meters: try row.int(6)),
                LivenessAnswer.State(rawValue: try row.text(7)) ?? .waiting, try row.int(8)
            )
        }
        var polls: [LivenessPoll] = []
        for (poll, state, count) in rows {
            if polls.last?.pollID != poll.pollID { polls.append(poll) }
            polls[polls.count - 1].counts[state] = count
        }
        return Array(polls.prefix(limit))
    }

    /// - Throws: ``Refusal`` `notFound` unless a meter within reach was asked.
    public static func requireReach(_ pollID: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws {
        guard try !answers(pollID: pollID, limit: 1, scope, in: transaction).isEmpty else {
            throw Refusal(.notFound, "Nobody was asked under this number.")
        }
    }

    /// What the meters of a poll said, in order of their numbers.
    public static func answers(
        pollID: Int64, after meterID: Int64 = 0, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [LivenessAnswer] {
        var parameters: [SQLValue] = [.int(scope.orgID), .int(pollID), .int(meterID), .int(limit)]
        let reach = try Meter.reachFilter(of: "liveness.meter_id", scope, &parameters)
        return try transaction.query(
            """
            SELECT meter_id, state, asked_at_ms, took_ms, detail FROM liveness
            WHERE org_id = $1 AND poll_id = $2 AND meter_id > $3\(reach) ORDER BY meter_id LIMIT $4
            """, parameters
        ) { row in
            LivenessAnswer(
                meterID: try row.int(0), state: LivenessAnswer.State(rawValue: try row.text(1)) ?? .waiting,
                askedAtMs: try row.optionalInt(2), tookMs: try row.optionalInt(3), detail: try row.optionalText(4))
        }
    }
}

/// Asks the meters of all open polls. Who dies goes on where he was.
public struct LivenessPoller: Sendable {
    /// System milliseconds a meter has.
    static let timeoutMs: Int64 = 5_000
    static let parallel = 32
    /// The public client of IS 15959.
    static let publicClient: UInt16 = 16

    let site: Site
    let org: Org
    let transport: any MeterTransport
    let gates: MeterGates

    public init(site: Site, org: Org, transport: any MeterTransport, gates: MeterGates) {
        self.site = site
        self.org = org
        self.transport = transport
        self.gates = gates
    }

    /// Returns (alive, silent).
    public func run(progress: @Sendable (Int) async -> Void = { _ in }) async throws -> (alive: Int, silent: Int) {
        var (alive, silent) = (0, 0)
        while true {
            let due = try await waiting()
            guard !due.isEmpty else { break }
            var asked = 0
            for chunk in stride(from: 0, to: due.count, by: Self.parallel) {
                try Task.checkCancellation()
                let part = due[chunk..<min(chunk + Self.parallel, due.count)]
                let answers = try await withThrowingTaskGroup(of: Answered?.self) { group in
                    for item in part { group.addTask { try await ask(item) } }
                    return try await group.reduce(into: [Answered]()) { if let answer = $1 { $0.append(answer) } }
                }
                try await store(answers)
                asked += answers.count
                alive += answers.count { $0.answer.state != .silent }
                silent += answers.count { $0.answer.state == .silent }
                await progress(alive + silent)
            }
            // The rest is being talked with by another process: the next run asks it.
            if asked == 0 { break }
        }
        try await site.money.write { [org, nowMs = site.clocks.businessNowMs()] transaction in
            try transaction.run(
                """
                UPDATE liveness_poll SET ended_at_ms = $2 WHERE org_id = $1 AND ended_at_ms IS NULL
                  AND NOT EXISTS (SELECT 1 FROM liveness l WHERE l.org_id = $1 AND l.poll_id = liveness_poll.poll_id
                    AND l.state = 'waiting')
                """, [.int(org.orgID), .int(nowMs)])
        }
        return (alive, silent)
    }

    private struct Waiting: Sendable {
        var pollID: Int64
        var meter: Meter
    }
    private struct Answered: Sendable {
        var pollID: Int64
        var answer: LivenessAnswer
    }

    private func waiting() async throws -> [Waiting] {
        try await site.money.read { [org] transaction in
            let scope = Scope(orgID: org.orgID)
            return try transaction.query(
                """
                SELECT l.poll_id, l.meter_id FROM liveness_poll p
                JOIN liveness l ON l.org_id = p.org_id AND l.poll_id = p.poll_id
                WHERE p.org_id = $1 AND p.ended_at_ms IS NULL AND l.state = 'waiting'
                ORDER BY l.poll_id, l.meter_id LIMIT 1000
                """, [.int(org.orgID)]
            ) { (pollID: try $0.int(0), meterID: try $0.int(1)) }
            .map { Waiting(pollID: $0.pollID, meter: try Meter.find($0.meterID, scope, in: transaction)) }
        }
    }

    /// Nil when another process talks with the meter at this moment.
    private func ask(_ item: Waiting) async throws -> Answered? {
        let endpoint = MeterEndpoint(
            host: item.meter.host, port: Int(item.meter.port), clientAddress: Self.publicClient, authentication: .none,
            profileName: item.meter.profileName, timeoutMs: Self.timeoutMs)
        return try await gates.aloneUnlessBusy(with: item.meter.meterID) {
            let startMs = site.clocks.systemNowMs()
            var answer = LivenessAnswer(
                meterID: item.meter.meterID, state: .alive, askedAtMs: site.clocks.businessNowMs())
            do {
                try await transport.converse(with: endpoint) { _ in }
            } catch let error as MeterError {
                try Task.checkCancellation()
                let isThere = [.associationRefused, .accessDenied, .security, .badAnswer].contains(error.code)
                answer.state = isThere ? .refuses : .silent
                answer.detail = String(error.description.prefix(300))
            }
            answer.tookMs = site.clocks.systemNowMs() - startMs
            return Answered(pollID: item.pollID, answer: answer)
        }
    }

    private func store(_ answers: [Answered]) async throws {
        let rows: [[SQLValue]] = answers.map { item in
            [
                .int(org.orgID), .int(item.pollID), .int(item.answer.meterID), .text(item.answer.state.rawValue),
                .optional(item.answer.askedAtMs), .optional(item.answer.tookMs), .optional(item.answer.detail),
            ]
        }
        try await site.money.write { transaction in
            try transaction.runMany(
                """
                UPDATE liveness SET state = $4, asked_at_ms = $5, took_ms = $6, detail = $7
                WHERE org_id = $1 AND poll_id = $2 AND meter_id = $3
                """, rows)
        }
    }
}
