// Ten thousand alarms in a minute, with repetitions and out of order, on both engines: each once, in order.
import Access
import Clocks
import Composition
import HeadEnd
import IS15959
import Jobs
import Logging
import MeterFleet
import MeterListener
import MeterPort
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct AlarmTests {
    /// Over TCP, as meters send them: 9,000 distinct alarms of 90 meters, 1,000 of them twice, shuffled.
    @Test(.timeLimit(.minutes(5)), arguments: TestEngine.available)
    func tenThousandAlarms(_ engine: TestEngine) async throws {
        try await withSite(engine, migrations: BusbarSchema.migrations) { stores in
            let fixture = try await PushFixture.make(stores, meters: 90)
            var frames: [(meter: Int, frame: [UInt8])] = []
            var wanted: Set<String> = []
            for number in 0..<100 {
                for (index, pusher) in fixture.pushers.enumerated() {
                    let atS = PushFixture.startS - 3_600 + Int64(number * 13)
                    let code = UInt16([67, 201, 203, 205, 215][number % 5])
                    frames.append((index, try pusher.alert(code: code, atS: atS)))
                    wanted.insert("\(PushFixture.meterID(index)) \(code) \(atS)")
                }
            }
            // A resend has a counter of its own; a doubled datagram has not.
            for number in 0..<500 {
                frames.append(frames[number * 17])
                let (index, which) = (number % 90, number % 100)
                frames.append(
                    (
                        index,
                        try fixture.pushers[index].alert(
                            code: UInt16([67, 201, 203, 205, 215][which % 5]),
                            atS: PushFixture.startS - 3_600 + Int64(which * 13))
                    ))
            }
            // Out of order as networks do it: not farther than the replay window of a meter reaches.
            var numbers = SeededNumbers(7)
            for start in stride(from: 0, to: frames.count, by: 500) {
                frames[start..<min(start + 500, frames.count)].shuffle(using: &numbers)
            }
            #expect(frames.count == 10_000)

            var options = MeterListenerOptions(port: 0)
            options.queueMax = 600
            let listener = try await MeterListener.start(options, clocks: .live)
            let pump = PushPump(
                source: listener, receiver: fixture.receiver,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let beganMs = Clocks.live.systemNowMs()
            let running = Task { await pump.run() }
            let port = listener.port
            // Each meter keeps to one connection.
            let parts = (0..<4).map { part in frames.filter { $0.meter % 4 == part }.map(\.frame) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in parts {
                    group.addTask { try await FleetPusher.send(part, host: "127.0.0.1", port: port) }
                }
                try await group.waitForAll()
            }
            try await eventually { listener.figures.frames == 10_000 }
            await listener.stop()
            await running.value
            let tookMs = Clocks.live.systemNowMs() - beganMs
            print("10,000 alarms on \(engine): \(tookMs) ms, reading stopped \(listener.figures.stops) times")

            let events = try await fixture.events()
            #expect(events.count == wanted.count)
            #expect(Set(events.map { "\($0.meterID) \($0.code) \($0.atMs / 1000)" }) == wanted)
            #expect(zip(events, events.dropFirst()).allSatisfy { ($0.atMs, $0.eventID) > ($1.atMs, $1.eventID) })
            #expect(try await fixture.outboxCount() == Int64(wanted.count))
            #expect(listener.figures.stops > 0, "a queue of 600 makes senders wait")
            let aside = try await fixture.aside()
            #expect(aside.allSatisfy { $0.reason == .replayed } && aside.reduce(0) { $0 + $1.times } == 500)
        }
    }
}

/// Waits for something that comes by itself.
func eventually(_ limitMs: Int = 60_000, _ condition: () -> Bool) async throws {
    for _ in 0..<(limitMs / 10) where !condition() { try await Task.sleep(for: .milliseconds(10)) }
    #expect(condition(), "it did not come")
}
