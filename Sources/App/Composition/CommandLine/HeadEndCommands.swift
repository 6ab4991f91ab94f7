// `busbar hes`: who is late, the service clocks, who is alive and the frames of an answer, from the server's own
// command line: on a stopped installation, or beside a server on PostgreSQL.
import API
import Access
import CivilTime
import Clocks
import HeadEnd
import Jobs
import MeterLink
import MeterPort
import Meters
import SQL

private struct LateRow: Encodable {
    var serial: String
    var cause: String
    var oldestDay: String
    var days: Int64
    var intervals: Int64
    var tries: Int64
    var nextAtMs: Int64
    var lastError: String?
}

private struct ClockRow: Encodable {
    var clock: String
    var target: String
    var origin: String
    var monthTotal: Int64
    var monthInTime: Int64
    var latestDay: String?
    var latestSharePpm: Int?
}

private struct AliveRow: Encodable {
    var serial: String
    var state: String
    var tookMs: Int64?
    var detail: String?
}

private struct FrameRowLine: Encodable {
    var obis: String
    var attribute: Int8
    var fromMeter: Bool
    var hex: String
}

/// Meters that are late, by number. Shows at most 1,000.
public func listLateMeters(
    _ site: SiteOptions, orgID: Int64?, cause: String?, placeID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let known = try cause.map { word in
        guard let known = CollectionCause(rawValue: word) else {
            throw Refusal(
                .invalid, "There is no reason \(word).",
                hint: "Known are \(CollectionCause.allCases.map(\.rawValue).joined(separator: ", ")).", at: "--cause")
        }
        return known
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let list = try await LateList.of(
            open.site, cause: known, placeID: placeID, after: 0, limit: 1_000, scope)
        let rows = list.part.items.map { item in
            LateRow(
                serial: item.serial, cause: item.late.cause.rawValue, oldestDay: "\(item.late.oldest)",
                days: item.late.days, intervals: item.late.wantedSlots, tries: item.late.attempt,
                nextAtMs: item.late.nextAtMs, lastError: item.late.lastError)
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let cells = rows.map { row in
            [
                row.serial, row.cause, row.oldestDay, "\(row.days)", "\(row.intervals)", "\(row.tries)",
                stamp(row.nextAtMs, org.zone), row.lastError ?? "",
            ]
        }
        let head = ["meter", "why", "oldest day", "days", "intervals", "tries", "next try", "detail"]
        for line in table([head] + cells) { console.say(line) }
        let more = list.part.next == nil ? "" : " and more"
        console.note(rows.isEmpty ? "Nobody is late." : "\(rows.count)\(more) meters are late.")
        return .done
    }
}

/// The service clocks: this month and the latest judged day, with the targets and where these come from.
public func showServiceClocks(
    _ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let report = try await ServiceReport.of(open.site, from: nil, to: nil, Scope(orgID: org.orgID))
        let rows = report.clocks.map { clock in
            ClockRow(
                clock: clock.clock.rawValue, target: clock.target.text, origin: clock.target.origin.rawValue,
                monthTotal: clock.monthTotal, monthInTime: clock.monthInTime,
                latestDay: clock.days.last.map { "\($0.day)" }, latestSharePpm: clock.days.last?.sharePpm)
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        func shown(_ ppm: Int?) -> String { ppm.map { share(Int64($0)) } ?? "-" }
        let cells = zip(rows, report.clocks).map { row, clock in
            [
                row.clock, row.target, shown(clock.monthSharePpm), "\(row.monthInTime) of \(row.monthTotal)",
                row.latestDay ?? "-", shown(row.latestSharePpm), row.origin,
            ]
        }
        for line in table([["clock", "target", "month", "in time", "latest day", "share", "target from"]] + cells) {
            console.say(line)
        }
        if rows.contains(where: { $0.origin == "memory" }) {
            console.note("Targets from memory are not confirmed in a document: confirm them before quoting.")
        }
        return .done
    }
}

/// Asks a meter, or all under a place, whether they are alive, and waits for the answers.
public func pingMeters(
    _ site: SiteOptions, orgID: Int64?, serial: String?, placeID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    guard (serial == nil) != (placeID == nil) else {
        throw Refusal(.invalid, "Name a meter or a place, one of the two.", hint: "ping METER, or --place N.")
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let target: Liveness.Target
        if let serial {
            guard let meter = try await open.site.money.read({ try Meter.find(serial: serial, scope, in: $0) }) else {
                throw Refusal(.notFound, "There is no meter \(serial).", hint: "`busbar meter list` shows them.")
            }
            target = .meter(meter.meterID)
        } else {
            target = .place(placeID ?? 0)
        }
        let command = PollLiveness(target, reference: "cli-\(open.site.ids.next())")
        let pollID = try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli")
        let transport = TCPMeterTransport(profiles: try open.profiles(), zone: org.zone)
        let gates = MeterGates(lease: MeterLease(site: open.site, orgID: org.orgID, holder: "cli"))
        _ = try await LivenessPoller(
            site: open.site, org: org, transport: transport, gates: gates
        ).run { count in console.show?("\(count) asked") }
        return try await showAnswers(open, pollID, scope, json: json, console)
    }
}

private func showAnswers(
    _ open: OpenSite, _ pollID: Int64, _ scope: Scope, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let (answers, serials) = try await open.site.money.read { transaction in
        let answers = try Liveness.answers(pollID: pollID, limit: Liveness.metersMax, scope, in: transaction)
        var serials: [Int64: String] = [:]
        for from in stride(from: 0, to: answers.count, by: 500) {
            let part = answers[from..<min(from + 500, answers.count)].map(\.meterID)
            serials.merge(try MeterListing.serials(part, scope, in: transaction)) { $1 }
        }
        return (answers, serials)
    }
    let rows = answers.map { answer in
        AliveRow(
            serial: serials[answer.meterID] ?? "\(answer.meterID)", state: answer.state.rawValue,
            tookMs: answer.tookMs, detail: answer.detail)
    }
    if json {
        for row in rows { try console.say(json: row) }
    } else {
        let cells = rows.map { [$0.serial, $0.state, $0.tookMs.map { "\($0) ms" } ?? "-", $0.detail ?? ""] }
        for line in table([["meter", "state", "took", "detail"]] + cells) { console.say(line) }
    }
    let silent = answers.count { $0.state == .silent }
    console.note("\(answers.count - silent) of \(answers.count) answered.")
    return silent == 0 ? .done : .partly
}

/// The frames of the answers of a meter about a day, or of one answer.
public func showFrames(
    _ site: SiteOptions, orgID: Int64?, serial: String, day: String, batchID: Int64?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    guard let day = CivilDay(day) else {
        throw Refusal(.invalid, "\(day) is no day.", hint: "Write it as 2026-11-30.", at: "DAY")
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        guard let meter = try await open.site.money.read({ try Meter.find(serial: serial, scope, in: $0) }) else {
            throw Refusal(.notFound, "There is no meter \(serial).", hint: "`busbar meter list` shows them.")
        }
        let reads = try await RawReport.list(open.site, meterID: meter.meterID, day: day, scope)
            .filter { batchID == nil || $0.batchID == batchID }
        guard !reads.isEmpty else {
            throw Refusal(.notFound, "There is no raw answer of \(serial) about \(day).")
        }
        for read in reads.reversed() {
            let report = try await RawReport.of(
                open.site, meterID: meter.meterID, batchID: read.batchID, day: day, scope)
            if !json {
                let when = stamp(read.readAtMs, org.zone)
                console.say("answer \(read.batchID), read \(when), \(read.rows.count) intervals")
            }
            for reading in report.readings { try show(reading, org.zone, json: json, console) }
        }
        return .done
    }
}

private func show(_ reading: FrameReading, _ zone: Zone, json: Bool, _ console: Console) throws {
    if json {
        for frame in reading.frames {
            try console.say(
                json: FrameRowLine(
                    obis: reading.obis, attribute: reading.attribute, fromMeter: frame.isFromMeter,
                    hex: hexadecimal(frame.bytes)))
        }
        return
    }
    let trouble = reading.trouble.map { ": \($0)" } ?? ""
    console.say("  \(reading.obis) attribute \(reading.attribute) \(reading.title)\(trouble)")
    for row in reading.rows {
        let values = row.values.map { "\($0.obis)=\($0.value)\($0.unit.isEmpty ? "" : " \($0.unit)")" }
        console.say("    \(row.atS.map { stamp($0 * 1000, zone) } ?? "") \(values.joined(separator: "  "))")
    }
    for frame in reading.frames { console.say("    \(frame.isFromMeter ? "<" : ">") \(hexadecimal(frame.bytes))") }
}

private func stamp(_ ms: Int64, _ zone: Zone) -> String {
    let civil = zone.civil(atS: ms / 1000)
    let minute = civil.secondOfDay / 60
    return "\(civil.day) \(minute / 600)\(minute / 60 % 10):\(minute % 60 / 10)\(minute % 10)"
}
