// The machine's clock under a running process: small steps are followed, large ones are not.
import Clocks
import Testing

@Suite struct HeldClockTests {
    static let start: Int64 = 1_767_225_600_000
    static let day: Int64 = 86_400_000

    /// A machine whose wall clock a person sets and whose counter only goes on.
    final class Machine: Sendable {
        let wall = ManualClock(startMs: HeldClockTests.start)
        let counter = ManualClock(startMs: 5_000)
        let clock: HeldClock
        init() {
            let (wall, counter) = (wall, counter)
            clock = HeldClock(wallMs: { wall.nowMs }, counterMs: { counter.nowMs })
        }
        func goOn(_ ms: Int64) {
            wall.nowMs += ms
            counter.nowMs += ms
        }
    }

    @Test(arguments: [1, 999, 3_600_000, -1, -3_600_000, HeldClock.stepLimitMs, -HeldClock.stepLimitMs] as [Int64])
    func aStepUpToADayIsFollowed(_ stepMs: Int64) {
        let machine = Machine()
        machine.goOn(60_000)
        machine.wall.nowMs += stepMs
        #expect(machine.clock.nowMs() == Self.start + 60_000 + stepMs)
        #expect(machine.clock.jumpMs() == 0)
    }

    @Test(
        arguments: [HeldClock.stepLimitMs + 1, -HeldClock.stepLimitMs - 1, 365 * 86_400_000, -20 * 365 * 86_400_000]
            as [Int64])
    func aJumpIsNotFollowedAndTimeGoesOn(_ jumpMs: Int64) {
        let machine = Machine()
        machine.wall.nowMs += jumpMs
        // For three days, asked once an hour.
        for hour in Int64(1)...72 {
            machine.goOn(3_600_000)
            #expect(machine.clock.nowMs() == Self.start + hour * 3_600_000)
            #expect(machine.clock.jumpMs() == jumpMs)
        }
        // Set right: trusted again, also in small steps.
        machine.wall.nowMs -= jumpMs
        #expect(machine.clock.jumpMs() == 0)
        machine.wall.nowMs += 7
        #expect(machine.clock.nowMs() == Self.start + 72 * 3_600_000 + 7)
    }

    /// A step that is followed is the new beginning: a day of drift in small steps is no jump.
    @Test func manySmallStepsAreNoJump() {
        let machine = Machine()
        for _ in 1...50 {
            machine.goOn(1_000)
            machine.wall.nowMs += 3_600_000
            _ = machine.clock.nowMs()
        }
        #expect(machine.clock.nowMs() == Self.start + 50 * 3_601_000)
        #expect(machine.clock.jumpMs() == 0)
    }

    /// A machine that slept: both clocks went on, however long.
    @Test func sleepIsNoJump() {
        let machine = Machine()
        machine.goOn(40 * Self.day)
        #expect(machine.clock.nowMs() == Self.start + 40 * Self.day)
        #expect(machine.clock.jumpMs() == 0)
    }

    @Test func theMachinesOwnClockAgrees() {
        let first = Clocks.live.systemNowMs()
        #expect(first > Self.start && Clocks.live.systemNowMs() >= first)
        #expect(Clocks.machineJumpMs() == 0)
    }
}
