// What holds for any requests in any order: one base a day, no gap, sweeps that never matter to billing, replays
// without harm. Seeds are fixed.
import CivilTime
import Subscriptions
import Testing

@Suite struct LawTests {
    private let start = day("2022-01-01")

    private func book() throws -> PackBook {
        var packs = casePacks() + [pack("UP0004", .base, "RES2"), pack("P50002", .addOn, "RES2", 200_000)]
        for index in packs.indices {
            packs[index].leadDays = 1 + index % 3
            if packs[index].id == "UP0001" || packs[index].id == "UP0003" {
                packs[index].months = 2
                packs[index].fixedPaisePerMonth = 30_001
                packs[index].breakPPM = 333_333
            }
            if packs[index].id == "P50002" { packs[index].renewsItself = true }
            packs[index].reminderDays = [10, 3]
        }
        return try PackBook(packs, served: served)
    }

    /// A request of any kind but a sweep; days never go back.
    private func request(_ dice: inout Dice, _ today: CivilDay) -> PackRequest {
        let pack = ["UP0001", "UP0002", "UP0003", "UP0004", "P50001", "P50002"][dice.next(6)]
        switch dice.next(9) {
        case 0, 1, 2: return .apply(pack: pack)
        case 3: return .apply(pack: pack, from: today.advanced(by: dice.next(60)))
        case 4, 5: return .approve(pack: pack)
        case 6: return .reject(pack: pack)
        case 7: return .unsubscribe(pack: pack)
        default: return .renew(pack: pack)
        }
    }

    /// A life of half a year: requests that were granted with their days, and what came of them.
    private func life(
        _ seed: UInt64, by book: PackBook, sweeps: Bool
    ) -> (granted: [(PackRequest, CivilDay)], history: PackHistory, facts: [PackFact]) {
        var dice = Dice(seed)
        var today = start
        var history = nobody()
        var facts: [PackFact] = []
        var granted: [(PackRequest, CivilDay)] = []
        for _ in 0..<60 {
            today = today.advanced(by: dice.next(5))
            let isSwept = dice.next(3) == 0
            if isSwept, sweeps, let swept = try? history.after(.sweep, on: today, by: book) {
                history = swept.history
                facts += swept.facts
            }
            let request = request(&dice, today)
            guard let outcome = try? history.after(request, on: today, by: book) else { continue }
            history = outcome.history
            facts += outcome.facts
            if !outcome.isRepeat { granted.append((request, today)) }
        }
        return (granted, history, facts)
    }

    private func bases(_ history: PackHistory, _ number: Int) -> Int {
        history.rows.count { $0.kind == .base && $0.bills(on: start.advanced(by: number)) }
    }

    @Test("at most one base on any day, and no day without once there was one")
    func oneBase() throws {
        let book = try book()
        var lives = 0
        for seed in 1...300 as ClosedRange<UInt64> {
            let history = life(seed, by: book, sweeps: true).history
            let counts = (0..<500).map { bases(history, $0) }
            #expect(counts.allSatisfy { $0 <= 1 }, "seed \(seed)")
            #expect(counts.drop { $0 == 0 }.allSatisfy { $0 == 1 }, "seed \(seed)")
            #expect(history.rows.count { $0.state == .draft } <= 1, "seed \(seed)")
            if history.rows.count > 5 { lives += 1 }
        }
        #expect(lives > 200)
    }

    @Test("whether and when sweeps ran changes no bill")
    func sweepsDoNotMatter() throws {
        let book = try book()
        for seed in 1...150 as ClosedRange<UInt64> {
            let swept = life(seed, by: book, sweeps: true).history
            let bare = life(seed, by: book, sweeps: false).history
            var shuffled = bare
            var dice = Dice(seed &+ 77)
            for _ in 0..<12 {
                let when = start.advanced(by: dice.next(500))
                shuffled = try shuffled.after(.sweep, on: when, by: book).history
            }
            for number in 0..<500 {
                let when = start.advanced(by: number)
                let slots = bare.slots(on: when, by: book)
                #expect(slots == swept.slots(on: when, by: book), "seed \(seed), \(when)")
                #expect(slots == shuffled.slots(on: when, by: book), "seed \(seed), \(when)")
            }
        }
    }

    @Test("what was granted may be asked again, one by one or all over: nothing changes")
    func replays() throws {
        let book = try book()
        for seed in 1...150 as ClosedRange<UInt64> {
            let (granted, history, _) = life(seed, by: book, sweeps: false)
            #expect(granted.count > 3, "seed \(seed)")
            var again = history
            for (request, day) in granted {
                if let outcome = try? again.after(request, on: day, by: book) {
                    #expect(outcome.isRepeat && outcome.facts.isEmpty, "seed \(seed), \(day) \(request)")
                    again = outcome.history
                }
            }
            let isSame = again == history
            #expect(isSame, "seed \(seed)")
        }
    }

    @Test("no fact follows twice, and penalties are charged at most once a subscription")
    func factsOnce() throws {
        let book = try book()
        var penalties = 0
        for seed in 1...150 as ClosedRange<UInt64> {
            let facts = life(seed, by: book, sweeps: true).facts
            #expect(Set(facts.map(\.key)).count == facts.count, "seed \(seed)")
            penalties += facts.count { $0.kind == .penalty }
        }
        #expect(penalties > 20)
    }
}
