// `busbar vee edit|edits|approve-edit|reject-edit|undo-edit`: what people change of readings, from the server's own
// command line. The same commands as the day editor and the API; what an edit would do is printed before it is made.
import API
import Access
import CivilTime
import IntervalData
import Jobs
import LoadFiles
import MeterData
import Meters
import SQL
import VEE

public struct EditOptions: Sendable {
    public var orgID: Int64?
    public var serial: String
    public var channel: String?
    public var from: String
    public var to: String?
    /// First interval and the one after the last, `20-24`.
    public var slots: String?
    public var tool: String
    /// With `typed`: `20=100,21=120`.
    public var values: String?
    public var copyFrom: String?
    public var total: Int64?
    public var method: String?
    /// Versions that were seen, `3,1`; nil is those that are there now.
    public var on: String?
    public var why: String
    public var reason: String
    public var preview: Bool
    public var person: OrderingPerson

    public init(
        orgID: Int64?, serial: String, channel: String?, from: String, to: String?, slots: String?, tool: String,
        values: String?, copyFrom: String?, total: Int64?, method: String?, on: String?, why: String, reason: String,
        preview: Bool, person: OrderingPerson
    ) {
        (self.orgID, self.serial, self.channel, self.from, self.to) = (orgID, serial, channel, from, to)
        (self.slots, self.tool, self.values, self.copyFrom) = (slots, tool, values, copyFrom)
        (self.total, self.method, self.on, self.why, self.reason) = (total, method, on, why, reason)
        (self.preview, self.person) = (preview, person)
    }

    /// Fields of the request by the option that gives them.
    fileprivate static let names = [
        "fromDay": "--from", "toDay": "--to", "toSlot": "--slots", "values": "--values", "copyFrom": "--copy-from",
        "total": "--total", "method": "--method", "tool": "--tool", "reason": "--reason", "baseVersions": "--on",
    ]
}

/// One of a closed set, as typed.
private func oneOf<Choice: RawRepresentable & CaseIterable>(
    _ text: String, _ option: String, _: Choice.Type
) throws -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: text) else {
        throw Complaint(
            "\(option) \(text.prefix(40)): not known",
            hint: "Give one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")).", .usage)
    }
    return choice
}

/// `20=100,21=120`.
private func typedValues(_ text: String) throws -> [Int: Int32] {
    var values: [Int: Int32] = [:]
    for part in text.split(separator: ",") {
        let sides = part.split(separator: "=").map { $0.filter { !$0.isWhitespace } }
        guard sides.count == 2, let slot = Int(sides[0]), let value = Int32(sides[1]),
            values.updateValue(value, forKey: slot) == nil
        else {
            throw Complaint(
                "--values: \(part.prefix(40)) is no interval with its value, or stands twice",
                hint: "Write 20=100,21=120: the interval of the day from 0, and a whole number.", .usage)
        }
    }
    return values
}

private func request(
    _ options: EditOptions, _ meter: Meter, _ open: OpenSite, _ org: Org
) async throws -> EditRequest {
    let (from, to) = (
        try typedDay(options.from, "--from"), try typedDay(options.to ?? options.from, "--to")
    )
    guard let channel = Channel(name: options.channel ?? "importWh") else {
        throw Complaint(
            "--channel \(options.channel ?? ""): not known",
            hint: "Channels are \(Channel.allCases.map(\.name).joined(separator: ", ")).", .usage)
    }
    guard from <= to, from.days(to: to) < EditRequest.daysMax else {
        throw Complaint(
            "--to: these are no days of one edit", hint: "Give 1 to \(EditRequest.daysMax) days, the first first.",
            .usage)
    }
    let scope = Scope(orgID: org.orgID)
    var (versions, slotCount) = ([Int64](), 0)
    for offset in 0...from.days(to: to) {
        let report = try await EditDayReport.of(
            open.site, meterID: meter.meterID, day: from.advanced(by: offset), channel: channel, scope)
        versions.append(report.current?.version ?? 0)
        slotCount = report.block.slotCount
    }
    if let on = options.on {
        versions = try on.split(separator: ",").map {
            guard let version = Int64($0) else {
                throw Complaint("--on \(on.prefix(40))", hint: "Write a version for each day, such as 3,1.", .usage)
            }
            return version
        }
    }
    let ends = try options.slots.map { text in
        let ends = text.split(separator: "-").compactMap { Int($0) }
        guard ends.count == 2 else {
            throw Complaint(
                "--slots \(text.prefix(40))", hint: "Write 20-24: the first interval and the one after the last.",
                .usage)
        }
        return ends
    }
    var request = EditRequest(
        meterID: meter.meterID, channel: channel, from: from, to: to, fromSlot: ends?[0] ?? 0,
        toSlot: ends?[1] ?? slotCount, tool: try oneOf(options.tool, "--tool", EditTool.self),
        baseVersions: versions, reasonCode: try oneOf(options.why, "--why", EditReason.self), reason: options.reason)
    request.typed = try options.values.map(typedValues) ?? [:]
    request.copyFrom = try options.copyFrom.map { try typedDay($0, "--copy-from") }
    (request.total, request.method) = (options.total, options.method)
    return request
}

/// Totals of each day before and after.
private func say(_ plan: EditPlan, _ console: Console) {
    let unit = plan.request.channel.unitName
    let rows = plan.days.map { day in
        [
            day.change.day.description, "\(day.change.baseVersion)", "\(day.change.slots.count)",
            "\(day.before.totalValue)", "\(day.after.totalValue)", "\(day.after.totalValue - day.before.totalValue)",
        ]
    }
    let head = ["day", "on version", "intervals", "before \(unit)", "after \(unit)", "difference"]
    for line in table([head] + rows) { console.say(line) }
}

/// Asks for an edit, or only says what it would do.
public func editReadings(
    _ site: SiteOptions, _ options: EditOptions, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        try await naming(EditOptions.names) {
            let org = try await open.org(options.orgID)
            let actor = try await options.person.actor(open, orgID: org.orgID)
            let found = try await open.site.money.read {
                try Meter.find(serial: options.serial, Scope(orgID: org.orgID), in: $0)
            }
            guard let meter = found else { throw Refusal(.notFound, "There is no meter \(options.serial).") }
            let request = try await request(options, meter, open, org)
            let sources = EstimationSources.of(open.site, org)
            if try await EditPlaced.earlier(request, site: open.site, actor.scope) == nil {
                say(try await EditPlan.of(request, site: open.site, actor.scope, sources: sources), console)
            }
            guard !options.preview else {
                console.note("Nothing was changed.")
                return .done
            }
            let edit = try await request.submit(site: open.site, org: org, actor.scope, sources: sources) {
                try await open.site.perform($0, as: actor, source: "cli", why: options.reason)
            }
            say(edit, console)
            return .done
        }
    }
}

private func say(_ edit: ReadingEdit, _ console: Console) {
    console.say("edit \(edit.editID) is \(edit.state.rawValue)")
    if !edit.note.isEmpty { console.note(edit.note) }
    if edit.state == .proposed {
        console.note(
            "It is above the limit; a second person agrees: `busbar vee approve-edit \(edit.editID) --as NAME`, the "
                + "page or the API.")
    }
}

private struct EditRow: Encodable {
    var editID: String
    var meter: String
    var channel: String
    var from: String
    var to: String
    var tool: String
    var state: String
    var changed: Int64
    var net: Int64
    var why: String
    var reason: String
}

/// The newest edits, 200 at most.
public func listEdits(
    _ site: SiteOptions, orgID: Int64?, state: String?, serial: String?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let state = try state.map { try oneOf($0, "--state", ReadingEdit.State.self) }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let rows = try await open.site.money.read { transaction in
            let meter = try serial.map { serial in
                guard let meter = try Meter.find(serial: serial, scope, in: transaction) else {
                    throw Refusal(.notFound, "There is no meter \(serial).", at: "--meter")
                }
                return meter
            }
            let edits = try ReadingEdit.page(
                before: nil, states: state.map { [$0] } ?? [], meterID: meter?.meterID, limit: 200, scope,
                in: transaction)
            return try edits.map { edit in
                EditRow(
                    editID: String(edit.editID), meter: try Meter.find(edit.meterID, scope, in: transaction).serial,
                    channel: edit.channel.name, from: edit.firstDay.description, to: edit.lastDay.description,
                    tool: edit.tool.rawValue, state: edit.state.rawValue, changed: edit.changed, net: edit.net,
                    why: edit.reasonCode.rawValue, reason: edit.reason)
            }
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let cells = rows.map { row in
            [
                row.editID, row.meter, row.from == row.to ? row.from : "\(row.from) to \(row.to)", row.tool, row.state,
                "\(row.net)", row.reason,
            ]
        }
        for line in table([["edit", "meter", "days", "tool", "state", "net", "reason"]] + cells) { console.say(line) }
        if rows.isEmpty { console.note("No edit yet: `busbar vee edit`.") }
        return .done
    }
}

/// What is decided about an edit.
public enum EditDecision: String, Sendable {
    case approve, reject, undo
}

/// The second person's yes or no, or an edit taken back.
public func decideEdit(
    _ site: SiteOptions, orgID: Int64?, editID: Int64, _ decision: EditDecision, reason: String,
    _ person: OrderingPerson, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        try await naming(EditOptions.names) {
            let org = try await open.org(orgID)
            let actor = try await person.actor(open, orgID: org.orgID)
            let placed: EditPlaced
            switch decision {
            case .approve, .reject:
                let command = try DecideEdit(editID: editID, agrees: decision == .approve, reason: reason)
                placed = try await open.site.perform(command, as: actor, source: "cli", why: reason)
            case .undo:
                let command = try UndoEdit(editID: editID, reason: reason)
                placed = try await open.site.perform(command, as: actor, source: "cli", why: reason)
            }
            say(try await EditApplier(site: open.site, org: org).carryOut(placed.editID), console)
            return .done
        }
    }
}
