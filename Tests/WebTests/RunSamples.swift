// Samples of the run board, of a run somebody asked for, and of corrections.
import API
import CivilTime
import Rating

import struct Access.Refusal

@testable import Web

extension Samples {
    static func runs(_ word: String) -> [Sample] {
        let changes = (0..<3).map { index in
            RatingChange(
                accountID: 101 + Int64(index), day: day, revision: 2, beforePaise: 5_120, afterPaise: 5_380,
                parts: [
                    RatingChange.Part(component: "energy", beforePaise: 4_120, afterPaise: 4_380),
                    RatingChange.Part(component: word, beforePaise: 100, afterPaise: 100),
                ])
        }
        let sums = RatingRunSums(
            changes: 3, accounts: 3, days: 1, beforePaise: 15_360, afterPaise: 16_140, parts: changes[0].parts)
        let none = RatingRunSums(changes: 0, accounts: 0, days: 0, beforePaise: 0, afterPaise: 0, parts: [])
        func asked(_ state: RatingRun.State, trial: Bool, _ sums: RatingRunSums) -> RunReport.Asked {
            let selection =
                trial
                ? RatingRun.Selection()
                : RatingRun.Selection(from: day.advanced(by: -9), to: day, accountID: 101, packID: word)
            var run = RatingRun(
                runID: 4711, isTrial: trial, selection: selection, reason: word, askedAtMs: nowMs, state: state)
            (run.totalCount, run.error) = (48, state == .changed ? word : nil)
            return RunReport.Asked(run: run, sums: sums)
        }
        return [
            Sample(
                name: "run", look: .console, place: .line,
                page: AskedRunView(
                    asked: asked(.done, trial: true, sums), largest: changes, changes: changes, next: "101.2026-11-21",
                    isFirstPage: false, mayAct: true, typedReason: word,
                    refusal: Refusal(.invalid, word, at: "reason"))),
            Sample(
                name: "run-changed", look: .console, place: .line,
                page: AskedRunView(
                    asked: asked(.changed, trial: false, none), largest: [], changes: [], next: nil, isFirstPage: true,
                    mayAct: false)),
            Sample(
                name: "run-going-on", look: .console, place: .line,
                page: AskedRunView(
                    asked: asked(.running, trial: false, none), largest: [], changes: [], next: nil, isFirstPage: true,
                    mayAct: true)),
        ] + corrections(word)
    }

    private static func corrections(_ word: String) -> [Sample] {
        let correction = Correction(
            correctionID: 4711, accountID: 101, atMs: nowMs, firstDay: day.advanced(by: -2), lastDay: day, days: 2,
            differencePaise: -240)
        return [
            Sample(
                name: "corrections", look: .console, place: .accounts,
                page: CorrectionsView(account: 101, code: word, items: [correction], next: 4_000, isFirstPage: false)),
            Sample(
                name: "corrections-none", look: .portal, place: .statement,
                page: CorrectionsView(account: 101, code: word, items: [], next: nil, isFirstPage: true)),
        ]
    }
}
