// Commands of one kind that wait at the same time are carried out together: one transaction, and one statement for what
// all of them read or write. Each keeps what it promises alone, and nobody is answered before the commit.
import SQL
import Synchronization

/// A command that many may ask for at once. It must not need a second person.
public protocol GroupedCommand: Command {
    /// Runs several in their order, with different keys, for one company. The result of one that is refused is the
    /// refusal, and it has changed nothing; what is thrown concerns all.
    static func run(
        _ asked: [(command: Self, context: CommandContext)], in transaction: any SQLTransaction
    ) throws -> [Result<Output, any Error>]
}

extension GroupedCommand {
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Output {
        let results = try Self.run([(self, context)], in: transaction)
        precondition(results.count == 1, "one command has one result")
        return try results[0].get()
    }

    public func carryOut(at site: Site, _ context: @escaping @Sendable () -> CommandContext) async throws -> Output {
        try await site.groups.group(of: Self.self).carryOut(self, in: site.money, context)
    }

    /// As for one command: what ran before is answered again, what runs now has its row in the log and in the audit.
    fileprivate static func carryOut(
        _ asked: [(command: Self, context: CommandContext)], in transaction: any SQLTransaction
    ) throws -> [Result<Output, any Error>] {
        let orgID = asked[0].context.orgID
        let earlier = try CommandLog.rows(asked.compactMap(\.command.key), orgID: orgID, in: transaction)
        var results = asked.map { command, context -> Result<Output, any Error>? in
            guard let key = command.key, let row = earlier[key] else { return nil }
            return Result { try command.earlierOutput(row, in: transaction, context) }
        }
        let new = asked.indices.filter { results[$0] == nil }
        let found = new.isEmpty ? [] : try run(new.map { asked[$0] }, in: transaction)
        precondition(found.count == new.count, "every command has a result")
        var rows: [CommandLog.Row] = []
        var entries: [Audit.Entry] = []
        for (index, result) in zip(new, found) {
            results[index] = result
            guard case .success(let output) = result else { continue }
            let (command, context) = asked[index]
            let content = command.content
            if let key = command.key {
                rows.append(
                    CommandLog.Row(key: key, contentHash: command.contentHash, output: try output.sortedJSON()))
            }
            entries.append(
                Audit.Entry(command: name, content: content, subjectID: command.subjectID, context: context))
        }
        if !entries.isEmpty {
            try CommandLog.add(rows, orgID: orgID, in: transaction)
            try Audit.record(entries, orgID: orgID, in: transaction)
        }
        return results.compactMap { $0 }
    }
}

/// The groups of a site, one for each kind of command.
final class CommandGroups: Sendable {
    private let groups = Mutex<[ObjectIdentifier: any Sendable]>([:])

    func group<C: GroupedCommand>(of kind: C.Type) -> CommandGroup<C> {
        groups.withLock { groups in
            if let known = groups[ObjectIdentifier(kind)] as? CommandGroup<C> { return known }
            let new = CommandGroup<C>()
            groups[ObjectIdentifier(kind)] = new
            return new
        }
    }
}

/// Those of one kind that wait. One transaction runs at a time; who comes meanwhile is in the next one.
final class CommandGroup<C: GroupedCommand>: Sendable {
    private struct Waiting: Sendable {
        var command: C
        var key: String?
        var orgID: Int64
        var money: any Database
        /// Makes a new context for each attempt.
        var context: @Sendable () -> CommandContext
        var continuation: CheckedContinuation<C.Output, any Error>
    }
    private struct State {
        var waiting: [Waiting] = []
        var isAtWork = false
    }
    /// More in one transaction would keep the first of them waiting for long.
    static var togetherMax: Int { 64 }
    static var waitingMax: Int { 1_024 }
    private let state = Mutex(State())

    func carryOut(
        _ command: C, in money: any Database, _ context: @escaping @Sendable () -> CommandContext
    ) async throws -> C.Output {
        let (key, orgID) = (command.key, context().orgID)
        return try await withCheckedThrowingContinuation { continuation in
            let waiting = Waiting(
                command: command, key: key, orgID: orgID, money: money, context: context, continuation: continuation)
            let (isFull, mustStart) = state.withLock { state in
                if state.waiting.count >= Self.waitingMax { return (true, false) }
                state.waiting.append(waiting)
                defer { state.isAtWork = true }
                return (false, !state.isAtWork)
            }
            if isFull {
                continuation.resume(
                    throwing: SQLError(.busy, "\(Self.waitingMax) commands \(C.name) wait; try again later"))
            }
            // Not part of who asked first: it goes on for the others.
            if mustStart { Task.detached { await self.work() } }
        }
    }

    private func work() async {
        // Who was just answered and asks again at once comes into the next group, not the one after it.
        while let group = take() {
            await carryOut(group)
            await Task.yield()
        }
    }

    /// Of one company, and of each key the first: the second finds what the first has done. Nil when none waits.
    private func take() -> [Waiting]? {
        state.withLock { state in
            guard let orgID = state.waiting.first?.orgID else {
                state.isAtWork = false
                return nil
            }
            var taken: [Waiting] = []
            var left: [Waiting] = []
            var keys: Set<String> = []
            for one in state.waiting {
                let isOther = one.orgID != orgID || taken.count == Self.togetherMax
                if !isOther, one.key.map({ keys.insert($0).inserted }) ?? true {
                    taken.append(one)
                } else {
                    left.append(one)
                }
            }
            state.waiting = left
            return taken
        }
    }

    private func carryOut(_ group: [Waiting]) async {
        do {
            let results = try await group[0].money.write { transaction in
                let results = try C.carryOut(group.map { ($0.command, $0.context()) }, in: transaction)
                if group.count == 1 { _ = try results[0].get() }
                return results
            }
            for (one, result) in zip(group, results) { one.continuation.resume(with: result) }
        } catch {
            guard group.count > 1 else { return group[0].continuation.resume(throwing: error) }
            // What one of them met is not the others' trouble.
            for one in group { await carryOut([one]) }
        }
    }
}
