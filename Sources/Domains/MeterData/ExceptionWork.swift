// What people do with exceptions: take, give back, resolve, one or many, and validation run again. Readings and money
// are two stores: the wish is written with its audit row in the one, then carried out in the other, step by step and
// each step once; what a kill leaves is finished by the job that validates.
import Access
import CivilTime
import Clocks
import Cryptography
import IntervalData
import Meters
import SQL
import VEE

/// What can be done with an exception. Raw values are stored and stand in addresses.
public enum ExceptionAct: String, Sendable, CaseIterable, Codable {
    case take
    case giveBack = "give-back"
    case accepted, estimated, edited, visit, aside

    public var resolution: ExceptionResolution? { ExceptionResolution(rawValue: rawValue) }
}

/// Takes, gives back or resolves exceptions. Returns the number of the task that does it.
public struct WorkExceptions: Command {
    public static let name = "meter-data.work-exceptions"
    public static let permissions: [Permission] = [.editReadings]
    public static let itemsMax = 1000

    public var act: ExceptionAct
    public var ids: [ExceptionID]
    public var reason: String
    /// The asker's own name for this wish: sent twice, it counts once. Nil: asked anew each time.
    public var reference: String?

    public init(_ act: ExceptionAct, _ ids: [ExceptionID], reason: String, reference: String? = nil) {
        self.act = act
        self.ids = ids
        self.reason = reason
        self.reference = reference
    }

    public var key: String? { reference.map { "exceptions:\($0)" } }
    public var subjectID: Int64 { Set(ids.map(\.meterID)).count == 1 ? ids.first?.meterID ?? 0 : 0 }
    public var content: String {
        let all = ids.map(\.description).joined(separator: "\n")
        let shown = ids.prefix(3).map(\.description).joined(separator: " ")
        let hash = Hash.sha256(Array(all.utf8)).prefix(8).map { String($0, radix: 16) }.joined(separator: "-")
        return "\(act.rawValue) \(ids.count): \(shown)\(ids.count > 3 ? " … \(hash)" : "") reason=\(reason)"
    }

    public func proveReach(in transaction: any SQLTransaction, _ scope: Scope) throws {
        try VEETask.proveReach(ids.map(\.meterID), scope, in: transaction)
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        guard (1...Self.itemsMax).contains(ids.count), Set(ids).count == ids.count else {
            throw Refusal(
                .invalid, "Name 1 to \(Self.itemsMax) exceptions, each once.", hint: "Send the rest after these.",
                at: "ids")
        }
        let why = act.resolution == nil ? reason : try Reason.checked(reason)
        try proveReach(in: transaction, context.actor.scope)
        context.changed(
            subjectID > 0 ? .meter(subjectID) : .company, "exceptions", from: nil, to: "\(ids.count) \(act.rawValue)")
        return try VEETask.add(act.rawValue, ids.map(\.description), reason: why, context, in: transaction)
    }
}

/// Runs validation again over what is stored of some meters and days. Returns the number of the task.
public struct ValidateAgain: Command {
    public static let name = "meter-data.validate-again"
    public static let permissions: [Permission] = [.editReadings]
    public static let metersMax = 1000
    public static let daysMax = 31

    public var meterIDs: [Int64]
    public var from: CivilDay
    public var to: CivilDay
    public var reason: String

    public init(meterIDs: [Int64], from: CivilDay, to: CivilDay, reason: String) {
        self.meterIDs = meterIDs
        self.from = from
        self.to = to
        self.reason = reason
    }

    public var key: String? { nil }
    public var subjectID: Int64 { meterIDs.count == 1 ? meterIDs[0] : 0 }
    public var content: String {
        let hash = Hash.sha256(Array(meterIDs.map(String.init).joined(separator: " ").utf8)).prefix(8)
            .map { String($0, radix: 16) }.joined(separator: "-")
        return "meters=\(meterIDs.count) \(meterIDs.count == 1 ? String(meterIDs[0]) : hash) from=\(from) to=\(to)"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        guard (1...Self.metersMax).contains(meterIDs.count), Set(meterIDs).count == meterIDs.count else {
            throw Refusal(
                .invalid, "Name 1 to \(Self.metersMax) meters, each once.", hint: "Send the rest after these.",
                at: "meterIDs")
        }
        guard from <= to, from.days(to: to) < Self.daysMax else {
            throw Refusal(.invalid, "From 1 to \(Self.daysMax) days, the first first.", hint: "Ask in parts.", at: "to")
        }
        let why = try Reason.checked(reason)
        try VEETask.proveReach(meterIDs, context.actor.scope, in: transaction)
        context.changed(
            subjectID > 0 ? .meter(subjectID) : .company, "validation", from: nil, to: "again \(from) to \(to)")
        return try VEETask.add(
            VEETask.again, meterIDs.map { "\($0) \(from) \(to)" }, reason: why, context, in: transaction)
    }
}

/// A wish of a person that touches readings, and how far it is.
public struct VEETask: Sendable, Equatable {
    static let again = "validate-again"

    public var taskID: Int64
    public var what: String
    public var reason: String
    public var loginID: Int64
    public var askedAtMs: Int64
    var items: [String]
    /// Exceptions or meters that were asked for, looked at, and really changed.
    public var itemCount: Int
    public var lookedCount: Int
    public var doneCount: Int
    public var doneAtMs: Int64?

    static func proveReach(_ meterIDs: [Int64], _ scope: Scope, in transaction: any SQLTransaction) throws {
        let all = Array(Set(meterIDs))
        var seen = 0
        for start in stride(from: 0, to: all.count, by: 400) {
            var parameters: [SQLValue] = [.int(scope.orgID)]
            let marks = parameters.bind(Array(all[start..<min(start + 400, all.count)]))
            let reach = try Meter.reachFilter(scope, &parameters)
            seen += Int(
                try transaction.first(
                    "SELECT COUNT(*) FROM meter WHERE meter.org_id = $1 AND meter.meter_id IN (\(marks))\(reach)",
                    parameters
                ) { try $0.int(0) } ?? 0)
        }
        guard seen == all.count else {
            throw Refusal(.notFound, "There is no such meter.", hint: "Check the numbers, or ask who may see them.")
        }
    }

    static func add(
        _ what: String, _ items: [String], reason: String, _ context: CommandContext,
        in transaction: any SQLTransaction
    ) throws -> Int64 {
        let taskID = context.ids.next()
        try transaction.run(
            """
            INSERT INTO vee_task (org_id, task_id, what, reason, login_id, asked_at_ms, items, item_count, looked_count,
              done_count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)
            """,
            [
                .int(context.orgID), .int(taskID), .text(what), .text(reason), .int(context.actor.loginID),
                .int(context.businessNowMs), .text(items.joined(separator: "\n")), .int(items.count),
            ])
        return taskID
    }

    static func find(_ taskID: Int64, orgID: Int64, in transaction: any SQLTransaction) throws -> VEETask? {
        try transaction.first(
            """
            SELECT task_id, what, reason, login_id, asked_at_ms, items, item_count, looked_count, done_count, done_at_ms
            FROM vee_task WHERE org_id = $1 AND task_id = $2
            """, [.int(orgID), .int(taskID)]
        ) { row in
            VEETask(
                taskID: try row.int(0), what: try row.text(1), reason: try row.text(2), loginID: try row.int(3),
                askedAtMs: try row.int(4), items: try row.text(5).split(separator: "\n").map(String.init),
                itemCount: Int(try row.int(6)), lookedCount: Int(try row.int(7)), doneCount: Int(try row.int(8)),
                doneAtMs: try row.optionalInt(9))
        }
    }
}

/// Carries tasks out.
public struct VEEWork: Sendable {
    /// Exceptions a transaction.
    static let chunk = 100
    /// Meter-days up to which a request waits for its task; more is left to the job.
    public static let atOnce = 2000

    let site: Site
    let org: Org
    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// Finishes what is left, oldest first. Returns how many tasks.
    public func finishAll() async throws -> Int {
        let open = try await site.money.read { [org] transaction in
            try transaction.query(
                "SELECT task_id FROM vee_task WHERE org_id = $1 AND done_at_ms IS NULL ORDER BY task_id LIMIT 100",
                [.int(org.orgID)]
            ) { try $0.int(0) }
        }
        for taskID in open { _ = try await finish(taskID) }
        return open.count
    }

    /// Carries a task out from where it stands, and says how it ended. Twice at once does no harm.
    public func finish(_ taskID: Int64) async throws -> VEETask {
        while true {
            try Task.checkCancellation()
            let task = try await find(taskID)
            guard task.doneAtMs == nil else { return task }
            let isAgain = task.what == VEETask.again
            let part = task.items.dropFirst(task.lookedCount).prefix(isAgain ? 1 : Self.chunk)
            var done = 0
            if isAgain {
                for item in part { done += try await again(item) }
            } else {
                done = try await act(part.compactMap { ExceptionID($0) }, task)
            }
            let (looked, nowMs) = (task.lookedCount + part.count, site.clocks.businessNowMs())
            let changed = done
            try await site.money.write { [org] transaction in
                // Somebody else at the same task was quicker: then his count stands.
                try transaction.run(
                    """
                    UPDATE vee_task SET looked_count = $3, done_count = done_count + $4, done_at_ms = $5
                    WHERE org_id = $1 AND task_id = $2 AND looked_count = $6 AND done_at_ms IS NULL
                    """,
                    [
                        .int(org.orgID), .int(taskID), .int(looked), .int(changed),
                        looked >= task.itemCount ? .int(nowMs) : .null, .int(task.lookedCount),
                    ])
            }
        }
    }

    public func find(_ taskID: Int64) async throws -> VEETask {
        let found = try await site.money.read { [org] in try VEETask.find(taskID, orgID: org.orgID, in: $0) }
        guard let found else { throw Refusal(.notFound, "There is no such task.") }
        return found
    }

    private func again(_ item: String) async throws -> Int {
        let parts = item.split(separator: " ")
        guard parts.count == 3, let meterID = Int64(parts[0]), let from = CivilDay(parts[1]),
            let to = CivilDay(parts[2])
        else { throw SQLError(.decode, "a task holds \(item), which is no meter and days") }
        return try await Revalidation(site: site, org: org).run(meterID: meterID, from: from, to: to).changed
    }

    private func act(_ ids: [ExceptionID], _ task: VEETask) async throws -> Int {
        guard let act = ExceptionAct(rawValue: task.what) else {
            throw SQLError(.decode, "a task asks for \(task.what), which this release does not know")
        }
        let months = Set(try await site.readings.months())
        let nowMs = site.clocks.businessNowMs()
        var done = 0
        for (month, part) in Dictionary(grouping: ids, by: { $0.day.month }) where months.contains(month) {
            done += try await site.readings.shard(month).write { [org] transaction in
                var count = 0
                for id in part {
                    let deed = ExceptionDeed(
                        id: id, act: act, taskID: task.taskID, loginID: task.loginID, reason: task.reason, nowMs: nowMs,
                        orgID: org.orgID)
                    if try deed.perform(in: transaction) { count += 1 }
                }
                return count
            }
        }
        return done
    }
}

/// One act on one exception, in the shard of its month; done once, however often it is called.
struct ExceptionDeed {
    var id: ExceptionID
    var act: ExceptionAct
    var taskID: Int64
    var loginID: Int64
    var reason: String
    var nowMs: Int64
    var orgID: Int64

    /// True when it is done now or was done before by the same task; false when it cannot be: the exception is gone,
    /// settled by somebody else, or what the resolution says is not so.
    func perform(in transaction: any SQLTransaction) throws -> Bool {
        let isDone = try transaction.first(
            """
            SELECT 1 FROM vee_exception_step WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4
              AND from_slot = $5 AND step_id = $6
            """, id.parameters(orgID) + [.int(taskID)]
        ) { _ in true }
        if isDone == true { return true }
        let all = try VEEException.of(
            meterID: id.meterID, from: id.day, to: id.day, orgID: orgID, in: transaction)
        guard let item = all.first(where: { $0.id == id }), item.isOpen else { return false }
        if let resolution = act.resolution {
            guard try fits(item, resolution, all, transaction) else { return false }
            try transaction.run(
                """
                UPDATE vee_exception SET resolved_at_ms = $6, resolution = $7, resolved_by = $8
                WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
                """, id.parameters(orgID) + [.int(nowMs), .text(resolution.rawValue), .int(loginID)])
        } else {
            let isTaking = act == .take
            guard isTaking ? item.ownerID != loginID : item.ownerID != nil else { return false }
            try transaction.run(
                """
                UPDATE vee_exception SET owner_id = $6, taken_at_ms = $7
                WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
                """, id.parameters(orgID) + (isTaking ? [.int(loginID), .int(nowMs)] : [.null, .null]))
        }
        try transaction.run(
            """
            INSERT INTO vee_exception_step (org_id, day, meter_id, rule, from_slot, step_id, what, login_id, reason,
              at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
            """,
            id.parameters(orgID) + [
                .int(taskID), .text(act.rawValue), .int(loginID), .text(reason), .int(nowMs),
            ])
        return true
    }

    /// Whether the day is as the resolution says; an acceptance makes it so.
    private func fits(
        _ item: VEEException, _ resolution: ExceptionResolution, _ all: [VEEException],
        _ transaction: any SQLTransaction
    ) throws -> Bool {
        let current = try DayBlocks.current(
            meterID: id.meterID, from: id.day, to: id.day, orgID: orgID, in: transaction
        ).first
        let slots = item.slots.clamped(to: 0..<(current?.block.slotCount ?? 0))
        let qualities = current.map { current in slots.map { current.block.qualities[$0] } } ?? []
        switch resolution {
        case .visit, .aside: return true
        case .estimated: return !qualities.isEmpty && !qualities.contains(.missing)
        case .edited: return qualities.contains(.edited) && !qualities.contains(.missing)
        case .accepted:
            guard item.severity == Severity.hard.rawValue else { return true }
            guard let current, !item.held.isEmpty else { return false }
            try release(item, current, others: all.filter { $0.id != item.id && $0.isOpen }, transaction)
            return true
        }
    }

    /// The held values become actual, as if nothing had held them; a slot that something else still holds stays back.
    private func release(
        _ item: VEEException, _ current: StoredBlock, others: [VEEException], _ transaction: any SQLTransaction
    ) throws {
        let stillHeld = others.filter { $0.severity == Severity.hard.rawValue && !$0.held.isEmpty }.map(\.slots)
        let values = item.held.filter { slot, _ in
            current.block.qualities.indices.contains(slot) && current.block.qualities[slot] < .edited
                && !stillHeld.contains { $0.contains(slot) }
        }
        let block = current.block.replacing(values, quality: .actual, batch: item.batchID ?? taskID)
        try DayBlocks.store(
            block, after: current, day: id.day, meterID: id.meterID, madeBy: "accept", madeAtMs: nowMs, orgID: orgID,
            in: transaction)
        guard block.lowestQuality > .missing else { return }
        for other in others where other.rule == VEEException.notEstimable {
            try transaction.run(
                """
                UPDATE vee_exception SET resolved_at_ms = $6, resolution = $7
                WHERE org_id = $1 AND day = $2 AND meter_id = $3 AND rule = $4 AND from_slot = $5
                """, other.id.parameters(orgID) + [.int(nowMs), .text(VEEException.laterRead)])
        }
    }
}
