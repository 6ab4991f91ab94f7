// What the watch sees of a run of a job and of conversations with meters: a line at start and end, figures, a span.
import Access
import Clocks
import Logging
import MeterPort
import Synchronization
import Watch

enum JobWatch {
    private enum Outcome: String { case done, failed, stopped }
    /// How the run at hand ended; set from within it.
    private final class Ending: Sendable { let outcome = Mutex(Outcome.done) }
    @TaskLocal private static var ending: Ending?

    /// Called where a failure of the run at hand is noted.
    static func failed(_ error: any Error) {
        ending?.outcome.withLock { $0 = error is CancellationError ? .stopped : .failed }
    }

    /// Runs the body under the job's name; every log line and span below carries it.
    static func run(_ job: Job, orgID: Int64, log: Logger, _ body: () async -> Void) async {
        let fields = ["job": job.kind.rawValue, "job_id": "\(job.jobID)", "org": "\(orgID)", "key": job.key]
        let ending = Ending()
        let startNs = Stopwatch.nowNs()
        await Watch.$fields.withValue(fields) {
            log.info("job started")
            await Self.$ending.withValue(ending) {
                await Watch.span("job \(job.kind.rawValue)", .inside, fields.sorted { $0.key < $1.key }, body)
            }
            let durationNs = Stopwatch.nowNs() - startNs
            let outcome = ending.outcome.withLock { $0 }.rawValue
            Metric.jobRuns.increment([job.kind.rawValue, outcome])
            Metric.jobDuration.observe(ns: durationNs, [job.kind.rawValue])
            log.info(
                "job ended",
                metadata: ["result": "\(outcome)", "duration_ms": .stringConvertible(durationNs / 1_000_000)])
        }
    }
}

/// Counts and times conversations and gives each a span. Passes everything on.
struct MeasuredTransport: MeterTransport {
    let inner: any MeterTransport

    func lastCounter(at endpoint: MeterEndpoint) async throws -> UInt32 { try await inner.lastCounter(at: endpoint) }

    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value {
        let startNs = Stopwatch.nowNs()
        var outcome = "stopped"
        defer {
            Metric.conversations.increment([outcome])
            Metric.conversationDuration.observe(ns: Stopwatch.nowNs() - startNs)
        }
        do {
            let value = try await Watch.span("meter.converse", .client) {
                try await inner.converse(with: endpoint, body)
            }
            outcome = "ok"
            return value
        } catch let error as MeterError {
            outcome = error.code.rawValue
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            outcome = "other"
            throw error
        }
    }
}
