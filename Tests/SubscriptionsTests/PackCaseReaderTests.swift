// Cases as files: what is read, and the line and remedy of what is not.
import CivilTime
import Foundation
import Subscriptions
import Tariffs
import Testing

@Suite struct PackCaseReaderTests {
    private static let text = """
        format: 1
        consumer: "123"
        nma: NMA1
        served: {RES1: [NMA1]}
        packs:
          - {id: A, kind: base, res: RES1, months: 12, prices: {all day: 5}}
          - {id: B, kind: add-on, res: RES1, months: 1, days: [weekend], prices: {all day: 3.25}}
        history:
          - {pack: A, applied: 2026-01-01, approved: 2026-01-01, from: 2026-01-02, to: 2027-01-01, state: ACTIVE}
        requests:
          - {on: 2026-02-01, apply: B, from: 2026-02-05}
          - {on: 2026-02-02, sweep: true}
        show: {from: 2026-02-06, to: 2026-02-07}
        """

    @Test func reads() throws {
        let read = try PackCaseReader.read(Array(Self.text.utf8), file: "case.yaml")
        #expect(read.steps.map(\.line) == [11, 12])
        #expect(read.steps[0].request == .apply(pack: "B", from: day("2026-02-05")))
        #expect(read.shownDays == [day("2026-02-06"), day("2026-02-07")])
        var history = read.history
        for step in read.steps { history = try history.after(step.request, on: step.day, by: read.book).history }
        #expect(history.lines[1] == "B 2026-02-01 2026-02-01 2026-02-05 2026-03-04 ACTIVE")
        #expect(read.shownDays.map { history.slots(on: $0, by: read.book)[0].milliPaisePerKWh } == [500_000, 325_000])
    }

    @Test(
        "what is wrong is told by line",
        arguments: [
            ("kind: base", "kind: basis", "case.yaml:6: kind basis is not known"),
            ("days: [weekend]", "days: [sometimes]", "case.yaml:7: days sometimes is not known"),
            ("prices: {all day: 5}", "prices: {noon: 5}", "case.yaml:6: there is no band noon"),
            ("months: 1, days", "monts: 1, days", "case.yaml:7: a pack has no key monts"),
            ("pack: A, applied", "pack: C, applied", "case.yaml:9: there is no pack C"),
            ("from: 2026-01-02, to", "to", "case.yaml:9: a row that is ACTIVE has other days"),
            ("from: 2026-01-02,", "from: 2026-01-01,", "case.yaml:9: A cannot begin on 2026-01-01"),
            (", to: 2027-01-01", "", "case.yaml:9: A is open or has an end, this row differs"),
            ("apply: B", "apply: B, sweep: true", "case.yaml:11: a request asks for 2 things"),
            ("apply: B", "aply: B", "case.yaml:11: a request has no key aply"),
            ("sweep: true", "sweep: false", "case.yaml:12: sweep false asks for nothing"),
            ("on: 2026-02-02", "on: 2126-02-02", "case.yaml:12: on 2126-02-02 is out of range"),
            ("to: 2026-02-07", "to: 2036-02-07", "case.yaml:13: 2026-02-06 to 2036-02-07 are no days to show"),
            ("months: 1,", "months: 1, leadDays: 0,", "case.yaml:7: leadDays 0 is no whole number from 1 to 366"),
        ])
    func faults(_ old: String, _ new: String, _ want: String) {
        #expect(Self.text.contains(old))
        let text = Self.text.replacingOccurrences(of: old, with: new)
        do throws(TariffError) {
            _ = try PackCaseReader.read(Array(text.utf8), file: "case.yaml")
            Issue.record("read: \(new)")
        } catch {
            #expect("\(error.place): \(error.what)".hasPrefix(want))
            #expect(!error.remedy.isEmpty)
        }
    }

    @Test func whatEndedLongAgoIsSettled() throws {
        let days = "applied: 2024-01-01, approved: 2024-01-01, from: 2024-01-02, to: 2024-05-05"
        let old = "  - {pack: A, \(days), state: UNSUBSCRIBED}"
        let text = Self.text.replacingOccurrences(of: "history:", with: "history:\n\(old)")
            .replacingOccurrences(
                of: "prices: {all day: 5}", with: "fixedPerMonth: 9, breakPercent: 99, prices: {all day: 5}")
        let read = try PackCaseReader.read(Array(text.utf8), file: "case.yaml")
        let swept = try read.history.after(.sweep, on: day("2026-02-02"), by: read.book)
        #expect(swept.facts.isEmpty)
        // The same, still running when the first request comes, is charged.
        let running = text.replacingOccurrences(of: "on: 2026-02-01", with: "on: 2024-05-01")
        let other = try PackCaseReader.read(Array(running.utf8), file: "case.yaml")
        let due = try other.history.after(.sweep, on: day("2026-02-02"), by: other.book)
        #expect(due.facts.map(\.key) == ["penalty:123-1"])
    }

    @Test func twoBasesAreRefused() {
        let second =
            "  - {pack: A, applied: 2026-03-01, approved: 2026-03-01, from: 2026-03-02, to: 2027-03-01, state: ACTIVE}"
        let text = Self.text.replacingOccurrences(of: "requests:", with: "\(second)\nrequests:")
        let error = #expect(throws: TariffError.self) {
            try PackCaseReader.read(Array(text.utf8), file: "case.yaml")
        }
        #expect(error?.what == "A and A are both base on 2026-03-02")
    }

    @Test("the example of the house: a switch, its penalty, the packs of its days")
    func example() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../examples/packs/switch.yaml").standardizedFileURL.path
        let bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
        let read = try PackCaseReader.read(bytes, file: "switch.yaml")
        var history = read.history
        var refused: [PackRefusal.Code] = []
        for step in read.steps {
            do throws(PackRefusal) {
                history = try history.after(step.request, on: step.day, by: read.book).history
            } catch { refused.append(error.code) }
        }
        #expect(refused == [.baseNotUnsubscribable])
        #expect(history.rows.map { $0.to?.description } == ["2026-01-29", "2026-01-29", nil])
        // 50 % of 100.00 for two months at most: 152 days are left.
        #expect(history.told["penalty:123-1"] == 10_000)
        #expect(history.told["export:M1:2026-01"] == 4500)
        let packs = read.shownDays.map { history.slots(on: $0, by: read.book)[0].pack ?? "-" }
        #expect(
            packs == [
                "UNIVERSAL", "WEEKEND", "WEEKEND", "WEEKEND", "UNIVERSAL", "UNIVERSAL", "UNIVERSAL", "SOLAR", "SOLAR",
            ])
    }
}
