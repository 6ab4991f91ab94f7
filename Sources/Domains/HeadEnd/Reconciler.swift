// Finds meters that no longer do what they had confirmed, tells them again a few times, and then gives them to a
// person. Asks meters only for what is wanted of them and was long not looked at.
import Access
import Clocks
import MeterPort
import Meters
import SQL

public struct Reconciler: Sendable {
    /// How often a meter that drifts is told again before a person is needed.
    public static let resendMax: Int64 = 3
    /// Matters looked at in one run.
    static let checksMax = 500
    /// What stays as it was set. A reset is done once, a clock runs away by itself and is looked after elsewhere.
    static func stays(_ matter: MeterMatter) -> Bool {
        switch matter {
        case .reset, .clock: false
        default: true
        }
    }

    let commander: WishCommander
    private var site: Site { commander.site }
    private var scope: Scope { commander.scope }

    public init(_ commander: WishCommander) { self.commander = commander }

    /// Returns how many matters were looked at, and how many had drifted.
    public func run() async throws -> (checked: Int, drifted: Int) {
        let nowMs = site.clocks.businessNowMs()
        let relays = try await relays(nowMs)
        let due = try await site.money.read { [scope] in
            try MeterWish.toCheck(nowMs: nowMs, limit: Self.checksMax, scope, in: $0)
        }
        let meters = Dictionary(grouping: due, by: \.meterID).sorted { $0.key < $1.key }
        return try await withThrowingTaskGroup(of: Int.self) { group in
            var drifted = relays
            var rest = meters[...]
            var running = 0
            while running > 0 || !rest.isEmpty {
                while running < commander.rules.parallel, let (meterID, wishes) = rest.popFirst() {
                    group.addTask {
                        try await commander.gates.alone(with: meterID) { try await check(meterID, wishes, nowMs) }
                    }
                    running += 1
                }
                drifted += try await group.next() ?? 0
                running -= 1
            }
            return (due.count, drifted)
        }
    }

    private func check(_ meterID: Int64, _ wishes: [MeterWish], _ nowMs: Int64) async throws -> Int {
        try Task.checkCancellation()
        let meter = try await site.money.read { [scope] in try Meter.find(meterID, scope, in: $0) }
        let asked = wishes.filter { MeterMatter(name: $0.matter).map(Self.stays) ?? false }
        var said: [String: String] = [:]
        if !asked.isEmpty {
            // A meter out of reach now is asked at the next turn; reaching it is the collection's worry.
            said =
                (try? await commander.transport.converse(with: try await commander.door.endpoint(of: meter)) {
                    conversation in
                    var said: [String: String] = [:]
                    for wish in asked {
                        guard let matter = MeterMatter(name: wish.matter) else { continue }
                        said[wish.matter] = try await commander.text(of: matter, conversation)
                    }
                    return said
                }) ?? [:]
        }
        return try await site.money.write { [said, scope, site] transaction in
            let nextMs = try commander.checkAtMs(nowMs, in: transaction)
            var drifted = 0
            for wish in wishes {
                guard let actual = said[wish.matter], let matter = MeterMatter(name: wish.matter),
                    !WishText.isMet(wish.desired, by: actual, matter)
                else {
                    try wish.note(
                        .met, actual: said[wish.matter], atMs: nowMs, nextCheckMs: nextMs, scope, in: transaction)
                    continue
                }
                drifted += 1
                let isAgain = try wish.drift(
                    actual: actual, resendMax: Self.resendMax, atMs: nowMs, nextCheckMs: nextMs, scope, in: transaction)
                guard isAgain else { continue }
                try MeterCommand.queue(
                    kind: wish.matter, meterID: meterID,
                    key: "drift:\(meterID):\(wish.matter):\(wish.revision):\(wish.resentCount + 1)",
                    why: "drift: \(wish.authority.reason)", revision: wish.revision, nowMs: nowMs,
                    commandID: site.ids.next(), scope, in: transaction)
            }
            return drifted
        }
    }

    /// Relays that were read after the last wish and are not as wanted, though nothing is on its way. One that its
    /// load limit opened comes back by itself.
    private func relays(_ nowMs: Int64) async throws -> Int {
        let known = try await site.money.read { [scope] in try Self.drifted(nowMs, scope, in: $0) }
        guard !known.isEmpty else { return 0 }
        return try await site.money.write { [scope, site] transaction in
            let rows = try Self.drifted(nowMs, scope, in: transaction)
            for row in rows {
                try MeterCommand.queue(
                    kind: row.wanted == "open" ? "disconnect" : "reconnect", meterID: row.meterID,
                    key: "drift:relay:\(row.meterID):\(row.readAtMs)", why: "drift: \(row.reason)", nowMs: nowMs,
                    commandID: site.ids.next(), scope, in: transaction)
            }
            return rows.count
        }
    }

    private static func drifted(_ nowMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> [(
        meterID: Int64, wanted: String, reason: String, readAtMs: Int64
    )] {
        try transaction.query(
            """
            SELECT r.meter_id, r.wanted, r.wanted_reason, r.actual_at_ms FROM relay r
            JOIN meter m ON m.org_id = r.org_id AND m.meter_id = r.meter_id
            WHERE r.org_id = $1 AND m.port > 0 AND r.actual_at_ms > r.wanted_at_ms
              AND ((r.wanted = 'closed' AND r.actual = 'open') OR (r.wanted = 'open' AND r.actual = 'closed'))
              AND NOT EXISTS (SELECT 1 FROM meter_command c WHERE c.org_id = r.org_id AND c.meter_id = r.meter_id
                AND c.kind IN (\(MeterCommand.relayKinds))
                AND (c.state = 'waiting' OR (c.state = 'failed' AND c.created_at_ms >= r.wanted_at_ms)))
              AND (SELECT COUNT(*) FROM meter_command c WHERE c.org_id = r.org_id AND c.meter_id = r.meter_id
                AND c.command_key >= 'drift:relay:' AND c.command_key < 'drift:relay;'
                AND c.created_at_ms > $2) < \(resendMax)
            ORDER BY r.meter_id LIMIT \(checksMax)
            """, [.int(scope.orgID), .int(nowMs - 86_400_000)]
        ) { (meterID: try $0.int(0), wanted: try $0.text(1), reason: try $0.text(2), readAtMs: try $0.int(3)) }
    }
}
