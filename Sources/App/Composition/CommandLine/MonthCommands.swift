// `busbar db months|compact|archive|unarchive|hold|remove`: how long readings stay as written, from the server's own
// command line. The work is MonthKeeper's.
import Access
import CivilTime
import Clocks
import Foundation
import MeterData
import Meters
import SQL
import SQLiteAdapter

/// What is done to months.
public enum MonthAct: String, Sendable {
    case compact, archive, unarchive, remove
}

private func month(_ text: String) throws -> CivilMonth {
    guard let month = CivilMonth(text) else {
        throw Complaint("\(text) is no month", hint: "Write YYYY-MM, such as 2026-03.", .usage)
    }
    return month
}

/// Lists the months of readings and how each is kept.
public func listMonths(_ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console) async throws -> CommandStatus
{
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let keeper = MonthKeeper(site: open.site, org: org)
        var states: [KeptMonth] = []
        let there = Set(try await open.site.readings.monthsInReach())
        for month in try await open.site.readings.months() {
            states.append(
                there.contains(month)
                    ? try await keeper.state(month)
                    : KeptMonth(month: month.description, form: .outOfReach, rows: nil, openVersions: nil))
        }
        if json {
            for state in states { try console.say(json: state) }
            return .done
        }
        let rows = states.map {
            [
                $0.month, $0.form.rawValue, $0.rows.map { String($0) } ?? "",
                $0.openVersions.map { String($0) } ?? "",
            ]
        }
        for line in table([["month", "form", "compacted rows", "open versions"]] + rows) { console.say(line) }
        return .done
    }
}

/// Does one thing to a month; without a month, compacts and archives what the settings say.
public func keepMonth(
    _ site: SiteOptions, orgID: Int64?, _ act: MonthAct, month text: String?, _ console: Console
) async throws -> CommandStatus {
    let named = try text.map(month)
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let keeper = MonthKeeper(site: open.site, org: org)
        guard let named else {
            guard act == .compact || act == .archive else {
                throw Complaint("which month?", hint: "Write YYYY-MM, such as 2026-03.", .usage)
            }
            let progress = ProgressLine(console)
            let count = try await keeper.run { progress.at("\($0) months") }
            console.say("\(count) months compacted or archived, \(progress.end())")
            return .done
        }
        switch act {
        case .compact: console.say("\(named): \(try await keeper.compact(named)) versions compacted")
        case .archive:
            try await keeper.archive(named)
            console.say("\(named) is in the archive")
        case .unarchive: console.say("\(named): \(try await keeper.restore(named)) versions as they were written")
        case .remove: console.say("\(named): \(try await keeper.remove(named)) rows removed")
        }
        return .done
    }
}

public struct HoldOptions: Sendable {
    public var serial: String?
    public var month: String?
    public var reason: String?
    /// Number of a hold to release.
    public var release: Int64?
    public init(serial: String? = nil, month: String? = nil, reason: String? = nil, release: Int64? = nil) {
        self.serial = serial
        self.month = month
        self.reason = reason
        self.release = release
    }
}

/// Places a hold, releases one, or lists those in force.
public func holdReadings(
    _ site: SiteOptions, orgID: Int64?, _ options: HoldOptions, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let named = try options.month.map(month)
    guard options.release == nil || (options.serial == nil && named == nil && options.reason == nil) else {
        throw Complaint("--release stands alone", hint: "Give the number of a hold; nothing else.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let actor = Actor.system(orgID: org.orgID)
        if let holdID = options.release {
            _ = try await open.site.perform(ReleaseReadingHold(holdID: holdID), as: actor, source: "cli")
        } else if options.serial != nil || named != nil || options.reason != nil {
            let meterID = try await open.site.money.read { [serial = options.serial] transaction in
                try serial.map { serial in
                    guard let meter = try Meter.find(serial: serial, scope, in: transaction) else {
                        throw Refusal(
                            .notFound, "There is no meter \(serial).", hint: "`busbar meter list` shows them.")
                    }
                    return meter.meterID
                }
            }
            let command = try PlaceReadingHold(meterID: meterID, month: named, reason: options.reason ?? "")
            _ = try await open.site.perform(command, as: actor, source: "cli")
        }
        let holds = try await open.site.money.read { try ReadingHold.inForce(orgID: org.orgID, in: $0) }
        if json {
            for hold in holds { try console.say(json: hold) }
            return .done
        }
        let rows = holds.map {
            ["\($0.holdID)", $0.meterID.map(String.init) ?? "all", $0.month ?? "all", $0.reason]
        }
        for line in table([["hold", "meter", "month", "reason"]] + rows) { console.say(line) }
        return .done
    }
}

/// Checksums of all compacted months: month and what is wrong with it.
func monthFaults(_ inspection: Inspection) async throws -> [(month: String, faults: [String])] {
    var found: [(month: String, faults: [String])] = []
    for month in inspection.months {
        let name = "readings \(month)"
        guard let store = inspection.stores.first(where: { $0.name == name || $0.path == nil }),
            !store.pending.contains(where: { $0.store == .readings })
        else { continue }
        guard let path = store.path else {
            found.append((name, try await MonthKeeper.faults(month, in: inspection.money)))
            continue
        }
        do {
            let shard = try await SQLiteDatabase.openForReading(path: path)
            do {
                found.append((name, try await MonthKeeper.faults(month, in: shard)))
                await shard.close()
            } catch {
                await shard.close()
                throw error
            }
        } catch let error as SQLError {
            found.append((name, [error.message]))
        }
    }
    return found
}
