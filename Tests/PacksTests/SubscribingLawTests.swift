// Random requests: what is stored is what the rules made of them, and the rating's question by dates has their answer.
import Access
import CivilTime
import SQL
import Subscriptions
import TestSupport
import Testing

@testable import Packs

@Suite struct SubscribingLawTests {
    @Test("stored and reckoned histories agree, and so does who bills", arguments: TestEngine.available)
    func agree(_ engine: TestEngine) async throws {
        let more = ", months: 3, fixedPerMonth: 300, breakPercent: 50, remind: [7, 1]"
        for seed in UInt64(1)...(engine == .sqlite ? 12 : 3) {
            var dice = Dice(seed)
            try await PackShop.with(engine, x: 1 + dice.next(2), more: more) { shop in
                var dice = dice
                let first = day("2021-01-01")
                var today = first
                let book = try await shop.site.money.read { transaction in
                    try PackOffers(PackShop.scope, in: transaction)
                }
                var reckoned = PackHistory(consumer: "A-101", nma: "NMA1")
                for _ in 0..<30 {
                    today = today.advanced(by: dice.next(25))
                    let pack = ["UP0001", "UP0002", "UP0003", "P50001"][dice.next(4)]
                    let request: PackRequest =
                        switch dice.next(9) {
                        case 0...3: .apply(pack: pack)
                        case 4: .approve(pack: "UP0003")
                        case 5: .unsubscribe(pack: "P50001")
                        case 6: .renew(pack: pack)
                        case 7: .apply(pack: pack, from: today.advanced(by: 3 + dice.next(40)))
                        default: .sweep
                        }
                    let stored = try await shop.stored(today: today.description)
                    let rules = book.book(for: stored, on: today)
                    var isGranted = true
                    do throws(PackRefusal) {
                        reckoned = try reckoned.after(request, on: today, by: rules).history
                    } catch { isGranted = false }
                    let wasGranted = try await shop.tryAsking(request, on: today)
                    #expect(isGranted == wasGranted, "seed \(seed): \(request) on \(today)")
                }
                let stored = try await shop.stored(today: today.description).history
                #expect(stored.rows == reckoned.rows, "seed \(seed)")
                #expect(stored.told == reckoned.told, "seed \(seed)")
                #expect(stored.sweptTo == reckoned.sweptTo, "seed \(seed)")
                #expect(!stored.rows.isEmpty)
                let rows = try await shop.site.money.read {
                    try Subscription.of(accountID: 101, PackShop.scope, in: $0)
                }
                for offset in 0..<900 {
                    let on = first.advanced(by: offset)
                    let asked = Set(rows.filter { $0.bills(on: on) }.map(\.packID))
                    let wanted = Set(reckoned.rows.filter { $0.bills(on: on) }.map(\.pack))
                    #expect(asked == wanted, "seed \(seed): \(on)")
                }
            }
        }
    }
}

extension PackShop {
    /// Whether it was granted.
    fileprivate func tryAsking(_ request: PackRequest, on day: CivilDay) async throws -> Bool {
        let text = day.description
        do {
            switch request {
            case .apply(let pack, let from): try await ask(.apply, pack, on: text, day: from?.description)
            case .approve(let pack): try await ask(.approve, pack, on: text)
            case .unsubscribe(let pack): try await ask(.unsubscribe, pack, on: text)
            case .renew(let pack): try await ask(.renew, pack, on: text)
            default: try await sweep(on: text)
            }
            return true
        } catch is Refusal {
            return false
        }
    }
}
