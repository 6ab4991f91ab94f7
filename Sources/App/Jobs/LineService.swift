// Keeps the line running until the process is asked to stop; a tick that fails is logged and tried again.
import Access
import Logging
import ServiceLifecycle

public struct LineService: Service {
    let lines: [Line]
    let pauseMs: Int64
    let log: Logger

    /// - Parameter pauseMs: system milliseconds between two looks for due work.
    public init(lines: [Line], pauseMs: Int64, log: Logger) {
        self.lines = lines
        self.pauseMs = pauseMs
        self.log = log
    }

    public func run() async throws {
        try await cancelWhenGracefulShutdown {
            // Each company for itself: meters of one that do not answer hold up nobody else. And in each company supply
            // for itself: who has paid does not wait for a collection.
            await withTaskGroup(of: Void.self) { group in
                for line in lines {
                    for lane in JobLane.allCases { group.addTask { await keepRunning(line, lane) } }
                }
            }
            while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(pauseMs)) }
        }
    }

    private func keepRunning(_ line: Line, _ lane: JobLane) async {
        while !Task.isCancelled {
            do {
                try await line.tick(lane)
            } catch is CancellationError {
                return
            } catch {
                log.error(
                    "the line stopped and will be tried again",
                    metadata: ["org": "\(line.org.orgID)", "error": "\(error)"])
            }
            try? await Task.sleep(for: .milliseconds(pauseMs))
        }
    }
}
