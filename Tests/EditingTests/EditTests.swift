// Edits by people: what they write, who must agree, what happens when something newer came, and how they are undone.
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

@Suite struct EditTests {
    @Test(arguments: TestEngine.available)
    func aSmallEditCountsAtOnceAndIsUndone(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first.advanced(by: 2)
            let before = try await bench.versions(day)
            let balance = try await bench.balance()
            let edit = try await bench.submit(bench.request(day, 10..<12, .zero))
            #expect(edit.state == .applied && !edit.needsApproval && edit.days[0].appliedVersion == 2)
            let old = before[0].block.values[10...11].reduce(0) { $0 + Int64($1) }
            #expect(edit.changed == old && edit.net == -old && old > 0)
            let block = try #require(try await bench.versions(day).last)
            #expect(block.version == 2 && block.madeBy == "edit")
            #expect(block.block.values[10...11].allSatisfy { $0 == 0 })
            #expect(block.block.count(of: .edited) == 2 && block.block.batches[10] == edit.editID)
            try await bench.rate()
            #expect(try await bench.balance().balancePaise > balance.balancePaise)
            let undone = try await bench.undo(edit.editID, as: Bench.asha)
            #expect(undone.state == .undone && undone.note.isEmpty && undone.days[0].undoneVersion == 3)
            let restored = try await bench.versions(day)
            #expect(restored.count == 3 && restored[2].block == before[0].block && restored[2].madeBy == "undo")
            try await bench.rate()
            #expect(try await bench.balance() == balance)
        }
    }

    /// Whatever door the wish comes by: worked out before and proposed on a day that lasts, it is refused too.
    @Test(arguments: TestEngine.available)
    func aDayThatIsNotOverIsNotEdited(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first
            let plan = try await EditPlan.of(bench.request(day, 0..<2, .zero), site: bench.site, bench.scope)
            let overMs = bench.clock.nowMs
            for later in [0, -1] {
                bench.clock.nowMs = bench.org.zone.startS(of: day.advanced(by: later)) * 1000 + 43_200_000
                for named in [day, day.advanced(by: 1)] {
                    let refused = try await refusal {
                        try await bench.submit(bench.request(day, to: named, 0..<2, .zero, on: [1, 1]))
                    }
                    #expect(refused?.code == .invalid)
                }
                let early = try await refusal {
                    _ = try await bench.site.perform(ProposeEdit(plan), as: Bench.asha, source: "test")
                }
                #expect(early?.message == "A day that is not over yet, or long gone, is not edited.")
            }
            #expect(try await bench.versions(day).count == 1)
            bench.clock.nowMs = overMs
            #expect(try await bench.submit(bench.request(day, 0..<2, .zero)).state == .applied)
        }
    }

    @Test(arguments: TestEngine.available)
    func aboveTheLimitASecondPersonMustAgree(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            try await bench.set(EditLimits.energySetting, "300")
            let day = bench.retailer.first
            let edit = try await bench.submit(bench.request(day, 0..<8, .zero), as: Bench.chief)
            #expect(edit.state == .proposed && edit.needsApproval && edit.changed > 300)
            #expect(try await bench.versions(day).count == 1, "a proposal changed the readings")
            let own = try await refusal { try await bench.decide(edit.editID, true, as: Bench.chief) }
            #expect(own?.code == .forbidden && own?.message == "Who made an edit cannot approve it.")
            let operators = try await refusal { try await bench.decide(edit.editID, true, as: Bench.asha) }
            #expect(operators?.code == .forbidden)
            let agreed = try await bench.decide(edit.editID, true, as: Bench.deputy)
            #expect(agreed.state == .applied && agreed.decidedBy == 602)
            #expect(try await bench.versions(day).map(\.madeBy) == ["read", "edit"])
            // Said twice, it counts once; said otherwise, it is refused.
            #expect(try await bench.decide(edit.editID, true, as: Bench.deputy).state == .applied)
            let late = try await refusal { try await bench.decide(edit.editID, false, as: Bench.deputy) }
            #expect(late?.code == .conflict)
            // What two agreed to is not for one without the right to take back.
            let undo = try await refusal { try await bench.undo(edit.editID, as: Bench.asha) }
            #expect(undo?.code == .forbidden)
            #expect(try await bench.undo(edit.editID, as: Bench.chief).state == .undone)
        }
    }

    @Test(arguments: TestEngine.available)
    func manySmallEditsAreNoWayAround(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            try await bench.set(EditLimits.energySetting, "200")
            let day = bench.retailer.first
            #expect(try await bench.submit(bench.request(day, 0..<2, .zero)).state == .applied)
            #expect(try await bench.submit(bench.request(day, 2..<4, .zero, on: [2])).state == .proposed)
            // Another person starts anew, and the share of the day counts too.
            #expect(try await bench.submit(bench.request(day, 4..<5, .zero, on: [2]), as: Bench.bela).state == .applied)
            try await bench.set(EditLimits.shareSetting, "0")
            #expect(
                try await bench.submit(bench.request(day, 6..<7, .zero, on: [3]), as: Bench.bela).state == .proposed)
        }
    }

    @Test(arguments: TestEngine.available)
    func proposalsAreRejectedAndWithdrawn(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            try await bench.set(EditLimits.energySetting, "0")
            let day = bench.retailer.first
            let one = try await bench.submit(bench.request(day, 0..<2, .zero))
            let other = try await bench.submit(bench.request(day, 2..<4, .zero))
            #expect(try await bench.decide(one.editID, false, as: Bench.chief).state == .rejected)
            let stranger = try await refusal { try await bench.decide(other.editID, false, as: Bench.bela) }
            #expect(stranger?.code == .forbidden)
            #expect(try await bench.decide(other.editID, false, as: Bench.asha).state == .rejected)
            #expect(try await bench.versions(day).count == 1)
        }
    }

    @Test(arguments: TestEngine.available)
    func anOlderVersionIsRefused(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first
            try await bench.submit(bench.request(day, 0..<2, .zero))
            let stale = try await refusal { try await bench.submit(bench.request(day, 4..<6, .zero)) }
            #expect(stale?.code == .conflict)
            #expect(stale?.message.contains("is at version 2 by now (made by edit); you saw version 1") == true)
            // An approval that comes after newer values is not carried out; one beside them is.
            try await bench.set(EditLimits.energySetting, "0")
            let hit = try await bench.submit(bench.request(day, 0..<3, .linear, on: [2]))
            let beside = try await bench.submit(bench.request(day, 20..<22, .zero, on: [2]))
            let other = try await bench.submit(
                bench.request(day, 1..<2, .typed, on: [2], typed: [1: 77]), as: Bench.bela)
            #expect(try await bench.decide(other.editID, true, as: Bench.chief).state == .applied)
            let late = try await bench.decide(hit.editID, true, as: Bench.chief)
            #expect(late.state == .stale && late.note.contains("1 of 3 intervals have newer values"))
            #expect(try await bench.decide(beside.editID, true, as: Bench.chief).state == .applied)
            let block = try #require(try await bench.versions(day).last?.block)
            #expect(block.values[1] == 77 && block.values[20] == 0 && block.values[0] == 0)
        }
    }

    @Test(arguments: TestEngine.available)
    func undoLeavesWhatIsNewer(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            bench.clock.nowMs += 86_400_000
            let day = bench.retailer.lastDay.advanced(by: 1)
            try await bench.arrive(day, Array(repeating: 50, count: 24) + Array(repeating: nil, count: 24))
            try await bench.set(EditLimits.shareSetting, "1000000")
            let typed = Dictionary(uniqueKeysWithValues: (24..<48).map { ($0, Int32(60)) })
            let edit = try await bench.submit(bench.request(day, 0..<1, .typed, typed: typed))
            #expect(edit.state == .applied)
            // The meter answers late, for half of it.
            try await bench.arrive(day, Array(repeating: nil, count: 36) + Array(repeating: 70, count: 12))
            let late = try #require(try await bench.versions(day).last?.block)
            #expect(late.count(of: .actual) == 36 && late.values[47] == 70 && late.values[24] == 60)
            let told = try await bench.site.readings.shard(day.month).read {
                try VEEException.of(meterID: bench.meter, from: day, to: day, orgID: 1, in: $0)
            }
            #expect(told.contains { $0.rule == VEEException.editReplaced && $0.slots == 36..<48 })
            let undone = try await bench.undo(edit.editID)
            #expect(undone.state == .undone && undone.note.contains("12 of 24 intervals keep newer values"))
            let block = try #require(try await bench.versions(day).last?.block)
            #expect(block.count(of: .missing) == 12 && block.qualities[24] == .missing && block.values[47] == 70)
        }
    }

    /// Undoing the later of two edits does not bring back the earlier one that was taken back before.
    @Test(arguments: TestEngine.available)
    func undoneEditsDoNotComeBack(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first
            let original = try #require(try await bench.versions(day).last?.block)
            let first = try await bench.submit(bench.request(day, 0..<4, .zero))
            let second = try await bench.submit(
                bench.request(day, 2..<3, .typed, on: [2], typed: [2: 5, 3: 6]))
            let kept = try await bench.undo(first.editID)
            #expect(kept.note.contains("2 of 4 intervals keep newer values"))
            #expect(try await bench.undo(second.editID).state == .undone)
            #expect(try await bench.versions(day).last?.block == original)
        }
    }

    @Test(arguments: TestEngine.available)
    func aReadingThatWasOverruledDoesNotComeBackByBeingSentAgain(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first
            let read = try #require(try await bench.versions(day).last?.block.values)
            try await bench.submit(bench.request(day, 5..<6, .typed, typed: [5: 11]))
            try await bench.arrive(day, read.map { $0 })
            #expect(try await bench.versions(day).last?.block.values[5] == 11)
            var other: [Int32?] = read.map { $0 }
            other[5] = 99
            try await bench.arrive(day, other)
            let block = try #require(try await bench.versions(day).last?.block)
            #expect(block.values[5] == 99 && block.lowestQuality == .actual)
        }
    }

    @Test(arguments: TestEngine.available)
    func sentTwiceItCountsOnceAndAStopLosesNothing(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first
            let request = bench.request(day, 0..<2, .zero, key: "k-1")
            let plan = try await EditPlan.of(request, site: bench.site, bench.scope)
            // The process dies between the two stores.
            let placed = try await bench.site.perform(ProposeEdit(plan), as: Bench.asha, source: "test")
            #expect(placed.state == .approved)
            #expect(try await bench.versions(day).count == 1)
            let applier = EditApplier(site: bench.site, org: bench.org)
            #expect(try await applier.run() == 1)
            #expect(try await applier.run() == 0)
            #expect(try await bench.versions(day).count == 2)
            let again = try await bench.submit(request)
            #expect(again.editID == placed.editID && again.state == .applied)
            let other = try await refusal { try await bench.submit(bench.request(day, 0..<3, .zero, key: "k-1")) }
            #expect(other?.code == .conflict)
            // Without a key the edit itself is the key.
            let bare = try await bench.submit(bench.request(day, 4..<6, .zero, on: [2]))
            #expect(try await bench.submit(bench.request(day, 4..<6, .zero, on: [2])).editID == bare.editID)
            // The undo dies there too; it was written, and only its mark is missing.
            _ = try await bench.site.perform(
                UndoEdit(editID: bare.editID, reason: "was wrong"), as: Bench.asha, source: "test")
            #expect(try await applier.run() == 1)
            try await bench.site.money.write { transaction in
                _ = try transaction.run(
                    "UPDATE reading_edit SET state = 'undoing' WHERE org_id = 1 AND edit_id = $1",
                    [.int(bare.editID)])
                _ = try transaction.run(
                    "UPDATE reading_edit_day SET undone_version = NULL WHERE org_id = 1 AND edit_id = $1",
                    [.int(bare.editID)])
            }
            let ended = try await applier.carryOut(bare.editID)
            #expect(ended.state == .undone && ended.days[0].undoneVersion == 4 && ended.note.isEmpty)
            #expect(try await bench.versions(day).count == 4)
        }
    }

    @Test(arguments: TestEngine.available)
    func onlyWhoMayAndSeesTheMeterEdits(_ engine: TestEngine) async throws {
        try await Bench.with(engine) { bench in
            let day = bench.retailer.first
            var consumer = Bench.person(700, .consumer)
            consumer.scope.accountID = bench.retailer.account
            let plan = try await EditPlan.of(bench.request(day, 0..<1, .zero), site: bench.site, bench.scope)
            for actor in [consumer] {
                let no = try await refusal {
                    _ = try await bench.site.perform(ProposeEdit(plan), as: actor, source: "test")
                }
                #expect(no?.code == .forbidden)
            }
            let elsewhere = Bench.person(503, places: [12])
            let unseen = try await refusal { try await bench.submit(bench.request(day, 0..<1, .zero), as: elsewhere) }
            #expect(unseen?.code == .notFound)
            let unseenCommand = try await refusal {
                _ = try await bench.site.perform(ProposeEdit(plan), as: elsewhere, source: "test")
            }
            #expect(unseenCommand?.code == .notFound)
            let here = Bench.person(504, places: [11])
            let edit = try await bench.submit(bench.request(day, 0..<1, .zero), as: here)
            let foreign = try await refusal { try await bench.undo(edit.editID, as: elsewhere) }
            #expect(foreign?.code == .notFound)
            #expect(try await bench.undo(edit.editID, as: here).state == .undone)
        }
    }
}
