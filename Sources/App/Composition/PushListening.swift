// The listener for what meters push, as a service: starts it, carries its frames to the head-end, counts what it met.
import Clocks
import HeadEnd
import Jobs
import Logging
import MeterListener
import ServiceLifecycle
import Watch

struct PushListening: Service {
    let options: MeterListenerOptions
    let receiver: PushReceiver
    let clocks: Clocks
    let log: Logger

    /// On a stop it closes its door first and then stores what has come in.
    func run() async throws {
        let listener = try await MeterListener.start(options, clocks: clocks)
        log.notice(
            "listens for pushes of meters",
            metadata: ["host": "\(options.host)", "port": .stringConvertible(listener.port)])
        let pump = PushPump(source: listener, receiver: receiver, log: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pump.run() }
            group.addTask { await count(listener) }
            try? await gracefulShutdown()
            await listener.stop()
            // The first to end is the pump, when nothing is left.
            try await group.next()
            group.cancelAll()
        }
    }

    private func count(_ listener: MeterListener) async {
        var before = ListenerFigures()
        repeat {
            let now = listener.figures
            for (name, path) in Self.counted {
                let more = now[keyPath: path] - before[keyPath: path]
                if more > 0 { Metric.pushTrouble.increment([name], by: Int64(more)) }
            }
            before = now
            try? await Task.sleep(for: .seconds(5))
        } while !Task.isCancelled
    }

    private static var counted: [(String, KeyPath<ListenerFigures, Int>)] {
        [
            ("connection", \.connections), ("frame", \.frames), ("refused-connection", \.refusedConnections),
            ("over-rate", \.overRate), ("too-large", \.tooLarge), ("malformed", \.malformed),
            ("too-slow", \.tooSlow), ("stopped", \.stops), ("dropped", \.dropped),
        ]
    }
}
