// Carries pushed frames from whatever listens to the head-end, batch by batch: nothing is confirmed before it is
// committed, and a database that is away makes the meters wait.
import HeadEnd
import Logging
import MeterPort
import Watch

public struct PushPump: Sendable {
    let source: any PushSource
    let receiver: PushReceiver
    let log: Logger
    /// System milliseconds before a batch is tried again.
    let pauseMs: Int64

    public init(source: any PushSource, receiver: PushReceiver, log: Logger, pauseMs: Int64 = 1_000) {
        self.source = source
        self.receiver = receiver
        self.log = log
        self.pauseMs = pauseMs
    }

    /// Runs until the source has ended and is empty, or the task is cancelled.
    public func run() async {
        while let batch = await source.next(limit: PushReceiver.batchMax) {
            guard let taken = await take(batch) else { return }
            for (index, answer) in taken.answers { batch[index].answer(answer) }
            Metric.pushes.increment(["taken"], by: Int64(taken.pushes - taken.aside.values.reduce(0, +)))
            for (reason, count) in taken.aside { Metric.pushes.increment([reason.rawValue], by: Int64(count)) }
            Metric.pushedEvents.increment(by: Int64(taken.events))
        }
    }

    /// Tries until it is stored; nil when the task was cancelled before.
    private func take(_ batch: [ReceivedPush]) async -> PushReceiver.Taken? {
        var tries = 0
        while !Task.isCancelled {
            do {
                return try await receiver.take(batch.map(\.frame))
            } catch {
                tries += 1
                log.error(
                    "pushed events could not be stored and will be tried again",
                    metadata: ["frames": "\(batch.count)", "tries": "\(tries)", "error": "\(error)"])
                try? await Task.sleep(for: .milliseconds(pauseMs))
            }
        }
        return nil
    }
}
