// Judges tamper cases again from the events of the meter and its own readings, and gives the orders that the rules
// want: a cut as a proposal or an order, and supply back once a case is closed. Holds no rule of its own.
import Access
import CivilTime
import Clocks
import HeadEnd
import IntervalData
import MeterData
import Meters
import SQL

struct TamperKeeper: Sendable {
    /// An open case is judged again after so long: readings come later than signs.
    static let againMs: Int64 = 3_600_000
    static let casesMax = 500
    static let eventsMax = 5_000

    let site: Site
    let org: Org
    private var scope: Scope { Scope(orgID: org.orgID) }

    /// Returns how many cases were judged.
    func run() async throws -> Int {
        let nowMs = site.clocks.businessNowMs()
        let (rules, cases) = try await site.money.read { [scope, org] transaction in
            (
                try TamperRules.inForce(on: org.zone.day(atS: nowMs / 1000), scope, in: transaction),
                try TamperCases.toLookAt(
                    beforeMs: nowMs - Self.againMs, limit: Self.casesMax, scope, in: transaction)
            )
        }
        for item in cases {
            try Task.checkCancellation()
            try await judge(item, rules, nowMs)
        }
        if rules.cut != "off" { try await cut(rules) }
        try await restore()
        return cases.count
    }

    private func judge(_ item: TamperCase, _ rules: TamperRules, _ nowMs: Int64) async throws {
        let signs = try await site.money.read { [scope] transaction in
            let fromMs = try TamperCases.countsFromMs(item, scope, in: transaction)
            return try EventStream.list(
                EventFilter(meterID: item.meterID, fromMs: fromMs), limit: Self.eventsMax, scope, in: transaction
            ).map { TamperSign(code: $0.code, atMs: $0.atMs) }
        }
        let mine = signs.filter { TamperKind.of($0.code)?.kind == item.kind }
        let firstMs = mine.map(\.atMs).min() ?? item.firstAtMs
        let consumption = try await consumption(
            item.meterID, from: org.zone.day(atS: firstMs / 1000).advanced(by: -14),
            to: org.zone.day(atS: nowMs / 1000))
        let finding = TamperAnalysis.finding(mine, consumption: consumption, nowMs: nowMs, zone: org.zone, rules)
        guard let finding else { return }
        try await site.money.write { [scope] in
            try TamperCases.judge(item, finding, nowMs: nowMs, scope, in: $0)
        }
    }

    /// Wh of the days whose every value is actual.
    private func consumption(_ meterID: Int64, from: CivilDay, to: CivilDay) async throws -> [CivilDay: Int64] {
        var found: [CivilDay: Int64] = [:]
        // Half a year is more than any case rests on.
        let from = max(from, to.advanced(by: -180))
        for month in try await site.readings.months() where month >= from.month && month <= to.month {
            let blocks = try await site.readings.shard(month).read { [org] in
                try DayBlocks.current(
                    meterID: meterID, from: max(from, month.first), to: min(to, month.last), orgID: org.orgID, in: $0)
            }
            for stored in blocks where stored.block.lowestQuality == .actual {
                found[stored.day] = stored.block.totalValue
            }
        }
        return found
    }

    /// A valid case leads to an order to cut, once: as a proposal that a second person approves, or as an order where
    /// the company's rule says so.
    private func cut(_ rules: TamperRules) async throws {
        let valid = try await site.money.read { [scope] in
            try TamperCases.list(state: .valid, limit: 200, scope, in: $0).map(\.item)
        }
        // Over current is no theft: it is shown, and nobody is cut for it.
        for item in valid where item.orderID == nil && item.kind != .overload && item.kind != .lowPowerFactor {
            try Task.checkCancellation()
            try await order("open", item, reason: "tamper \(item.kind.rawValue)", isProposal: rules.cut == "propose")
        }
    }

    private func restore() async throws {
        let closed = try await site.money.read { [scope] in try TamperCases.toRestore(scope, in: $0) }
        for item in closed {
            try Task.checkCancellation()
            guard let orderID = item.orderID else { continue }
            let state = try await site.money.read { [scope] in
                try MeterOrder.find(orderID, scope, in: $0).state
            }
            if state == .awaiting {
                _ = try await site.perform(
                    StopOrder(orderID: orderID, reason: "tamper case closed"), as: .system(orgID: org.orgID),
                    source: "job outages", why: "tamper case \(item.caseID) closed")
            }
            // A proposal nobody approved cut nobody.
            guard state == .running || state == .done else {
                try await note(item, orderID, restores: true)
                continue
            }
            try await order("closed", item, reason: "tamper case closed", isProposal: false)
        }
    }

    private func order(_ value: String, _ item: TamperCase, reason: String, isProposal: Bool) async throws {
        do {
            let placed = try await site.perform(
                OrderMeters(
                    matter: MeterOrder.relay, value: value, group: .meters([item.meterID]), reason: reason,
                    isProposal: isProposal, reference: "tamper-\(item.caseID)-\(value)"),
                as: .system(orgID: org.orgID), source: "job outages", why: "tamper case \(item.caseID)")
            try await note(item, placed.orderID, restores: value == "closed")
        } catch let refusal as Refusal where refusal.code == .notFound {
            // A meter that is not called, or serves nobody, is for the visit alone.
            return
        }
    }

    /// A second run after a crash finds the order by its reference and notes it then.
    private func note(_ item: TamperCase, _ orderID: Int64, restores: Bool) async throws {
        _ = try await site.money.write { [scope] in
            try TamperCases.setOrder(item.caseID, orderID, restores: restores, scope, in: $0)
        }
    }
}
