// Whether requests should come to this process, and if not, why: stopping, lease lost, database, migrations.
// Asks within two seconds; changes nothing.
import Access
import Clocks
import SQL
import Synchronization

public final class Readiness: Sendable {
    /// Stable words; they stand in the problem's `at`.
    public enum Reason: String, Sendable, CaseIterable { case stopping, lease, database, migrations }

    static let limitMs: Int64 = 2_000

    private struct State {
        var isStopping = false
        var leaseUntilMs: Int64?
        var pendingMigrations: (@Sendable () async throws -> Int)?
    }
    private let state = Mutex(State())

    public init() {}

    /// From now on requests should go elsewhere; those that are here are answered.
    public func stop() { state.withLock { $0.isStopping = true } }

    /// The process number is held until then (system time). Without a call there is no lease to lose.
    public func leased(untilMs: Int64) { state.withLock { $0.leaseUntilMs = untilMs } }

    /// - Parameter pending: how many migrations the database lacks; throws when it is of a newer version.
    public func watchMigrations(_ pending: @escaping @Sendable () async throws -> Int) {
        state.withLock { $0.pendingMigrations = pending }
    }

    /// Nil, or why not. The first reason found.
    public func refusal(_ site: Site) async -> (reason: Reason, detail: String, hint: String)? {
        let state = state.withLock { $0 }
        if state.isStopping {
            return (.stopping, "The process is stopping.", "Ask another, or wait for the next start.")
        }
        if let untilMs = state.leaseUntilMs, site.clocks.systemNowMs() > untilMs {
            return (
                .lease, "The process number could not be renewed in time.",
                "Look at the log and at the database; the process is started again when the number is gone."
            )
        }
        do {
            return try await Deadline.run(limitMs: Self.limitMs) {
                _ = try await site.money.read { try $0.first("SELECT 1", []) { try $0.int(0) } }
                let pending = try await state.pendingMigrations?() ?? 0
                guard pending > 0 else { return nil }
                return (.migrations, "\(pending) migrations are pending.", "`busbar db migrate`, or start again.")
            } late: {
                SQLError(.busy, "no answer in \(Self.limitMs) ms")
            }
        } catch let error as SQLError where error.code == .other {
            return (
                .migrations, "The database is of another version than this program.",
                "Start the version that fits: `busbar db status`."
            )
        } catch {
            return (.database, "The database does not answer.", "Is it running, is its disk full? `busbar doctor`")
        }
    }

    /// Throws a problem with the reason in `at`.
    public func require(_ site: Site) async throws {
        guard let (reason, detail, hint) = await refusal(site) else { return }
        var problem = Problem(.unavailable, detail, hint: hint, at: reason.rawValue)
        problem.headers["Retry-After"] = "5"
        throw problem
    }
}
