// Samples of the disconnection guard: every reason, every standing, a hold and a question, forms that were refused.
import API
import Access
import CivilTime
import Supply
import Testing

@testable import Web

extension Samples {
    static func guards(_ word: String) -> [Sample] {
        func row(_ id: Int64, _ standing: GuardStanding, _ reasons: [DecisionReason]) -> GuardRow {
            GuardRow(
                accountID: id, accountNumber: "BB-\(id)", name: word, category: "domestic", placeID: 31,
                placeName: word, standing: standing, sinceMs: nowMs - 3_600_000, lowSinceMs: nowMs - 7_200_000,
                notBeforeMs: standing == .next ? nowMs + 7_200_000 : nil, reasons: reasons, balancePaise: -1_250,
                estimatedChargesPaise: 500,
                notices: [
                    SentNotice(
                        threshold: "30%", sentAtMs: nowMs - 7_200_000,
                        evidence: ["sent", "delivered", "shown", "failed"].map {
                            Evidence(channel: $0 == "sent" ? word : "portal", state: $0, atMs: nowMs)
                        })
                ], chargedThrough: CivilDay(number: 20_777))
        }
        let details: [SupplyReasonCode: String] = [
            .balanceBelowThreshold: "0", .noCutHours: "1050-660", .outsideCutHours: "600-780", .noCutWeekday: "7",
            .noCutNthWeekday: "2-6", .noCutHoliday: "2026-11-24", .afterConversion: "2026-12-01",
            .emergencyCredit: "2026-12-01", .chargesLag: "2026-11-19", .shieldedLoad: "1000",
            .correctionGrace: "\(nowMs)",
        ]
        let all = SupplyReasonCode.allCases.map { reason($0, details[$0] ?? word) }
        let counts = SupplyGuard.Counts(
            standings: [.next: 1, .held: 1, .off: 1],
            reasons: Dictionary(uniqueKeysWithValues: SupplyReasonCode.allCases.map { ($0, 1) }))
        var bare = row(3, .off, [])
        (bare.notices, bare.chargedThrough, bare.lowSinceMs) = ([], nil, nil)
        var report = GuardReport(
            rows: [row(1, .next, all), row(2, .held, Array(all.prefix(2))), bare], next: "5.6", counts: counts,
            hold: SupplyHold(
                holdID: 9, isAsking: false, reason: word, fromMs: nowMs, untilMs: nowMs + 86_400_000, setBy: 7))
        let weekdays = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
        var view = GuardView(
            report: report, filter: .init(standing: .next, reason: .noCutHours, placeID: 31), isFirstPage: false,
            places: [(31, word)], weekdays: weekdays)
        (view.mayHold, view.mayRelease) = (true, true)
        view.refusal = Refusal(.invalid, word, hint: word, at: "reason")
        let held = view
        report.hold = nil
        view.report = report
        view.refusal = Refusal(.invalid, word, at: "until")
        view.typed = ["until": word, "reason": word]
        let typed = view
        report.hold = SupplyHold(
            holdID: 9, isAsking: true, reason: "300 of 400 accounts", fromMs: nowMs, untilMs: nil, setBy: 0)
        report.rows = []
        let asks = GuardView(report: report, filter: .init(), isFirstPage: true, places: [], weekdays: weekdays)
        return [("guard", held), ("guard-typed", typed), ("guard-asks", asks)].map {
            Sample(name: $0.0, look: .console, place: .supply, page: $0.1)
        }
    }

    private static func reason(_ code: SupplyReasonCode, _ detail: String) -> DecisionReason {
        .init(code, detail)
    }
}

@Suite struct GuardPageTests {
    @Test func theGuardSaysWhoIsNextAndWhy() throws {
        let samples = Samples.guards("Sunita Devi")
        let html = try PagesTests.render(try #require(samples.first { $0.name == "guard" }), .english)
        #expect(html.contains("All cuts are held until") && html.contains("No cut between 17:30 and 11:00"))
        #expect(html.contains("2. Sa") && html.contains("A correction alone made the balance low"))
        #expect(html.contains("page: opened") && html.contains("/supply.csv?place=31"))
        #expect(html.contains("name=\"reason\"") && html.contains("href=\"#release-reason\""))
        let asks = try PagesTests.render(try #require(samples.first { $0.name == "guard-asks" }), .hindi)
        #expect(asks.contains("300 of 400 accounts") && !asks.contains("<form method=\"post\" action=\"/supply"))
    }
}
