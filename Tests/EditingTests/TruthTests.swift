// Whatever was estimated, edited and taken back on the way: once the truth is there, the wallet is what the truth alone
// gives.
import Access
import CivilTime
import Clocks
import IntervalData
import Journal
import MeterData
import SQL
import TestRetailer
import TestSupport
import Testing
import VEE

@Suite struct TruthTests {
    private enum Step: Sendable { case arrive(Range<Int>), estimate, edit, undo, rate }

    static let truth: [Int32] = (0..<48).map { 55 + Int32($0 % 5) * 31 }

    private static func half(_ slots: Range<Int>) -> [Int32?] {
        truth.indices.map { slots.contains($0) ? truth[$0] : nil }
    }

    private static func perform(
        _ step: Step, _ day: CivilDay, _ bench: Bench, _ random: inout SplitMix, _ applied: inout [Int64]
    ) async throws {
        switch step {
        case .arrive(let slots): try await bench.arrive(day, half(slots))
        case .estimate: _ = try await Estimator(site: bench.site, org: bench.org).run(day: day)
        case .rate: try await bench.rate()
        case .edit:
            let from = Int.random(in: 0..<40, using: &random)
            let base = try await bench.versions(day).last?.version ?? 0
            let typed = (from..<from + 8).map { ($0, Int32.random(in: 0...300, using: &random)) }
            var request = bench.request(
                day, 0..<1, .typed, on: [base], typed: Dictionary(uniqueKeysWithValues: typed))
            request.reason = "step \(applied.count) \(from)"
            let edit = try await bench.submit(request)
            #expect(edit.state == .applied)
            applied.append(edit.editID)
        case .undo:
            guard !applied.isEmpty else { return }
            let edit = applied.remove(at: Int.random(in: 0..<applied.count, using: &random))
            _ = try await bench.undo(edit)
        }
    }

    private static func result(
        _ engine: TestEngine, _ steps: [Step], _ seed: UInt64
    ) async throws -> (balance: WalletBalance, versions: Int, block: [Int32]) {
        var found: (WalletBalance, Int, [Int32])?
        try await Bench.with(engine) { bench in
            try await bench.set(EditLimits.energySetting, "1000000000")
            try await bench.set(EditLimits.shareSetting, "1000000")
            bench.clock.nowMs += 86_400_000
            let day = bench.retailer.lastDay.advanced(by: 1)
            var random = SplitMix(state: seed)
            var applied: [Int64] = []
            for step in steps { try await perform(step, day, bench, &random, &applied) }
            // What a person still holds against the meter's own values is taken back before the two are compared.
            for edit in applied.reversed() { _ = try await bench.undo(edit) }
            try await bench.arrive(day, half(0..<48))
            try await bench.rate()
            try await bench.rate()
            let versions = try await bench.versions(day)
            let balance = try await bench.balance()
            found = (balance, versions.count, versions.last?.block.values ?? [])
        }
        return try #require(found)
    }

    @Test(arguments: TestEngine.available, [1, 2, 3, 4, 5] as [UInt64])
    func estimateEditUndoAndActualComeToTheTruth(_ engine: TestEngine, _ seed: UInt64) async throws {
        let plain = try await Self.result(engine, [.arrive(0..<48)], seed)
        var random = SplitMix(state: seed)
        var steps: [Step] =
            [.arrive(0..<20), .arrive(20..<48), .estimate, .estimate]
            + (0..<4).flatMap { _ in [Step.edit, .rate] } + [.undo, .undo, .rate, .rate]
        steps.shuffle(using: &random)
        let shuffled = try await Self.result(engine, steps, seed)
        #expect(shuffled.block == Self.truth)
        #expect(shuffled.balance == plain.balance, "seed \(seed)")
        #expect(plain.versions == 1 && shuffled.versions > 5, "seed \(seed) edits nothing and shows nothing")
    }

    /// Of all orders the one a company meets most: estimate, edit over it, charge, actual.
    @Test(arguments: TestEngine.available)
    func actualAfterAnEditedEstimate(_ engine: TestEngine) async throws {
        let plain = try await Self.result(engine, [.arrive(0..<48)], 9)
        let found = try await Self.result(engine, [.estimate, .rate, .edit, .rate, .arrive(0..<48), .rate], 9)
        #expect(found.balance == plain.balance && found.versions == 3)
        #expect(found.balance.estimatedChargesPaise == 0)
    }
}
