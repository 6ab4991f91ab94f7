// `busbar outage`: the list of outages, and planned ones entered one by one or from a file.
import Access
import CivilTime
import Clocks
import MeterData
import Reliability
import SQL

private struct OutageLine: Encodable {
    var outageID: String
    var placeID: String?
    var place: String?
    var startMs: Int64
    var endMs: Int64?
    var members: Int
    var silent: Int
    var ofMeters: Int
    var isPlanned: Bool
    var told: Int
}

/// Lists outages, newest first.
public func listOutages(
    _ site: SiteOptions, orgID: Int64?, open isOpen: Bool, limit: Int, json: Bool, _ console: Console
) async throws -> CommandStatus {
    guard (1...1_000).contains(limit) else {
        throw Complaint("--limit \(limit): 1 to 1000", hint: "Leave it out for 50.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let rows = try await open.site.money.read {
            try Outages.list(OutageFilter(isOpen: isOpen), limit: limit, Scope(orgID: org.orgID), in: $0)
        }
        if json {
            for row in rows {
                try console.say(
                    json: OutageLine(
                        outageID: String(row.outage.outageID), placeID: row.outage.placeID.map { String($0) },
                        place: row.placeName, startMs: row.outage.startMs, endMs: row.outage.endMs,
                        members: row.outage.members, silent: row.outage.silent, ofMeters: row.outage.ofMeters,
                        isPlanned: row.outage.plannedID != nil, told: row.told))
            }
            return .done
        }
        let lines = rows.map { row in
            let outage = row.outage
            return [
                String(outage.outageID), moment(outage.startMs, org.zone),
                outage.endMs.map { moment($0, org.zone) } ?? "lasts", row.placeName ?? "",
                "\(outage.members)+\(outage.silent) of \(outage.ofMeters)", outage.plannedID == nil ? "" : "planned",
            ]
        }
        for line in table([["number", "from", "to", "place", "meters", ""]] + lines) { console.say(line) }
        if rows.isEmpty { console.note("No outage.") }
        return .done
    }
}

private func moment(_ ms: Int64, _ zone: Zone) -> String {
    let (day, second) = zone.civil(atS: ms / 1000)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(day) \(two(second / 3_600)):\(two(second / 60 % 60))"
}

/// A time of the company's zone, `2026-12-01T10:00`, or with `Z` or an offset; the first of two where clocks are set
/// back.
private func instantMs(_ text: String, _ zone: Zone) -> Int64? {
    OutageFile.instantS(text, zone: zone).map { $0.likely * 1000 }
}

/// Enters a planned outage and says its number.
public func planOutage(
    _ site: SiteOptions, orgID: Int64?, place: Int64, from: String, to: String, reason: String, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        guard let fromMs = instantMs(from, org.zone), let toMs = instantMs(to, org.zone) else {
            throw Complaint(
                "\(from) to \(to): no times", hint: "Write 2026-12-01T10:00 (of \(org.zone.identifier)).", .usage)
        }
        let planned = try await open.site.perform(
            PlanOutage(placeID: place, fromMs: fromMs, toMs: toMs, reason: reason), as: .system(orgID: org.orgID),
            source: "cli", why: reason)
        console.say("\(planned.plannedID)")
        return .done
    }
}

/// Enters planned outages of a file `place,from,to,reason`; lines that cannot be are named, the others are taken. The
/// same file again changes nothing.
public func importPlannedOutages(
    _ site: SiteOptions, orgID: Int64?, file: String, _ console: Console
) async throws -> CommandStatus {
    let text = String(decoding: try readFile(file, limit: 10_000_000), as: UTF8.self)
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
    guard lines.first?.lowercased() == "place,from,to,reason" else {
        throw Complaint("\(file): line 1 is not place,from,to,reason", hint: "Name the columns so.", .problems)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        var (taken, refused) = (0, 0)
        for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy(\.isWhitespace) {
            let cells = line.split(separator: ",", maxSplits: 3, omittingEmptySubsequences: false).map {
                String($0.drop(while: \.isWhitespace))
            }
            do {
                guard cells.count == 4, let place = Int64(cells[0]), let fromMs = instantMs(cells[1], org.zone),
                    let toMs = instantMs(cells[2], org.zone)
                else {
                    throw Refusal(
                        .invalid, "This is no planned outage.",
                        hint: "Write 31,2026-12-01T10:00,2026-12-01T12:00,line work.")
                }
                _ = try await open.site.perform(
                    PlanOutage(placeID: place, fromMs: fromMs, toMs: toMs, reason: cells[3]),
                    as: .system(orgID: org.orgID), source: "cli import", why: cells[3])
                taken += 1
            } catch let refusal as Refusal {
                refused += 1
                console.note("\(shownName(file)) line \(index + 1): \(refusal.description)")
            }
        }
        console.say("\(taken) planned outages taken, \(refused) refused")
        return refused == 0 ? .done : .partly
    }
}
