// Keeps the line running until the process is asked to stop; a tick that fails is logged and tried again.
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
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                for line in lines {
                    do {
                        try await line.tick()
                    } catch is CancellationError {
                        return
                    } catch {
                        log.error("the line stopped and will be tried again", metadata: ["error": "\(error)"])
                    }
                }
                try? await Task.sleep(for: .milliseconds(pauseMs))
            }
        }
    }
}
