// Edits of readings: ask for one, see them, agree, refuse, take back; and the log of estimates with its accuracy.
import Access
import CivilTime
import IntervalData
import MeterData
import VEE

struct SlotValue: APIModel {
    var slot: Int
    var value: Int32
    static let notes: [String: Note] = [
        "slot": Note("Interval of the day, from 0.", range: 0...1499),
        "value": Note("In the unit of the channel: Wh for energy."),
    ]
}

struct EditInput: APIModel {
    var meterID: ID
    var channel: String?
    var from: Day
    var to: Day?
    var fromSlot: Int?
    var toSlot: Int?
    var tool: EditTool
    var values: [SlotValue]?
    var copyFrom: Day?
    var total: Int64?
    var method: String?
    var baseVersions: [Int64]
    var reasonCode: EditReason
    var reason: String
    static let notes: [String: Note] = [
        "meterID": Note("The meter."),
        "channel": Note("importWh when not given; exportWh, voltagePhaseA and so on.", length: 1...30),
        "from": Note("The first day."), "to": Note("The last day; the first when not given, 31 days at most."),
        "fromSlot": Note("First interval, of the first day; 0 when not given.", range: 0...1499),
        "toSlot": Note("Interval after the last, of the last day; the whole day when not given.", range: 1...1500),
        "tool": Note("How the values come about. typed takes `values`, of one day."),
        "values": Note("With typed: interval and value.", itemsMax: 1500),
        "copyFrom": Note("With copy: the day whose values are taken."),
        "total": Note("With total: what the run comes to.", range: 0...1_000_000_000_000),
        "method": Note(
            "With estimate: standard, best or one method; the company's rules when not given.", length: 1...40),
        "baseVersions": Note("The version of each day that was seen, 0 for a day without values.", itemsMax: 31),
        "reasonCode": Note("Why, in one word."), "reason": Note("Why.", length: 3...200),
    ]
    static let example = EditInput(
        meterID: ID(1001), from: Day(CivilDay(number: 20_770)), fromSlot: 20, toSlot: 24, tool: .linear,
        baseVersions: [1], reasonCode: .fieldReading, reason: "Read on site")

    init(
        meterID: ID, from: Day, fromSlot: Int?, toSlot: Int?, tool: EditTool, baseVersions: [Int64],
        reasonCode: EditReason, reason: String
    ) {
        (self.meterID, self.from, self.fromSlot, self.toSlot) = (meterID, from, fromSlot, toSlot)
        (self.tool, self.baseVersions, self.reasonCode, self.reason) = (tool, baseVersions, reasonCode, reason)
    }

    /// - Parameter slotCount: of the last day, for a run to its end.
    func request(key: String?, slotCount: Int) throws -> EditRequest {
        guard let channel = Channel.named(channel ?? "importWh") else {
            throw Refusal(
                .invalid, "There is no such channel.",
                hint: "One of: \(Channel.allCases.map { "\($0)" }.joined(separator: ", ")).", at: "channel")
        }
        var request = EditRequest(
            meterID: meterID.value, channel: channel, from: from.value, to: (to ?? from).value,
            fromSlot: fromSlot ?? 0, toSlot: toSlot ?? slotCount, tool: tool, baseVersions: baseVersions,
            reasonCode: reasonCode, reason: reason)
        let typed = values ?? []
        guard Set(typed.map { $0.slot }).count == typed.count else {
            throw Refusal(.invalid, "An interval is given twice.", hint: "Give each interval once.", at: "values")
        }
        request.typed = Dictionary(typed.map { ($0.slot, $0.value) }) { $1 }
        request.copyFrom = copyFrom?.value
        request.total = total
        request.method = method
        request.key = key
        return request
    }
}

struct EditDayView: APIModel {
    var day: Day
    var baseVersion: Int64
    var values: [SlotValue]
    var appliedVersion: Int64?
    var undoneVersion: Int64?
    static let notes: [String: Note] = [
        "day": Note("The day."), "baseVersion": Note("The version the edit was made on."),
        "values": Note("What the edit writes.", itemsMax: 1500),
        "appliedVersion": Note("The version that holds it."), "undoneVersion": Note("The version that took it back."),
    ]
    init(_ day: ReadingEdit.Day) {
        (self.day, baseVersion) = (Day(day.day), day.baseVersion)
        values = zip(day.slots, day.values).map { SlotValue(slot: $0, value: $1) }
        (appliedVersion, undoneVersion) = (day.appliedVersion, day.undoneVersion)
    }
}

struct EditView: APIModel {
    var editID: ID
    var meterID: ID
    var channel: String
    var from: Day
    var to: Day
    var tool: EditTool
    var detail: String
    var reasonCode: EditReason
    var reason: String
    var state: ReadingEdit.State
    var needsApproval: Bool
    var changed: Int64
    var net: Int64
    var madeBy: ID
    var madeAtMs: Int64
    var decidedBy: ID?
    var decidedAtMs: Int64?
    var decision: String?
    var undoneBy: ID?
    var undoneAtMs: Int64?
    var undoReason: String?
    var note: String
    var days: [EditDayView]
    static let notes: [String: Note] = [
        "editID": Note("The edit."), "meterID": Note("The meter."), "channel": Note("What was edited."),
        "from": Note("The first day it changes."), "to": Note("The last."), "tool": Note("How the values came about."),
        "detail": Note("What the tool was told."), "reasonCode": Note("Why, in one word."), "reason": Note("Why."),
        "state": Note(
            "proposed: waits for a second person. approved, undoing: on its way. stale: newer values came first."),
        "needsApproval": Note("It was above the limit."),
        "changed": Note("Sum of the differences without signs, in the unit of the channel."),
        "net": Note("The same with signs."), "madeBy": Note("The login that asked; 0 for the machine."),
        "madeAtMs": Note("Business time."), "decidedBy": Note("The second person."),
        "decidedAtMs": Note("Business time."), "decision": Note("What the second person said."),
        "undoneBy": Note("Who took it back."), "undoneAtMs": Note("Business time."),
        "undoReason": Note("Why it was taken back."), "note": Note("What to know of how it ended."),
        "days": Note("Day by day; empty in lists.", itemsMax: 31),
    ]
    init(_ edit: ReadingEdit) {
        (editID, meterID, channel) = (ID(edit.editID), ID(edit.meterID), "\(edit.channel)")
        (from, to, tool, detail) = (Day(edit.firstDay), Day(edit.lastDay), edit.tool, edit.detail)
        (reasonCode, reason, state) = (edit.reasonCode, edit.reason, edit.state)
        (needsApproval, changed, net) = (edit.needsApproval, edit.changed, edit.net)
        (madeBy, madeAtMs) = (ID(edit.loginID), edit.madeAtMs)
        (decidedBy, decidedAtMs, decision) = (edit.decidedBy.map { ID($0) }, edit.decidedAtMs, edit.decision)
        (undoneBy, undoneAtMs, undoReason) = (edit.undoneBy.map { ID($0) }, edit.undoneAtMs, edit.undoReason)
        (note, days) = (edit.note, edit.days.map { EditDayView($0) })
    }
    private init() {
        (editID, meterID, channel) = (ID(7001), ID(1001), "importWh")
        (from, to) = (Day(CivilDay(number: 20_770)), Day(CivilDay(number: 20_770)))
        (tool, detail, reasonCode, reason) = (.linear, "", .fieldReading, "Read on site")
        (state, needsApproval, changed, net) = (.applied, false, 140, -140)
        (madeBy, madeAtMs, note, days) = (ID(77), 1_795_248_000_000, "", [])
    }
    static let example = EditView()
}

struct EditPath: APIModel {
    var editID: ID
    static let notes: [String: Note] = ["editID": Note("The edit.")]
}

struct EditReasonInput: APIModel {
    var editID: ID
    var reason: String
    static let notes: [String: Note] = ["editID": Note("The edit."), "reason": Note("Why.", length: 3...200)]
}

struct EditQuery: APIModel {
    var state: ReadingEdit.State?
    var meterID: ID?
    var before: ID?
    var limit: Int?
    static let notes: [String: Note] = [
        "state": Note("Only edits that stand so."), "meterID": Note("Only edits of this meter."),
        "before": Note("The `next` of the part before; without it the newest."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct EditListView: APIModel {
    var items: [EditView]
    var next: ID?
    static let notes: [String: Note] = [
        "items": Note("Newest first, without their days."), "next": Note("Send it as `before`; absent at the end."),
    ]
}

extension Channel {
    /// By the name of its case, as the API writes it.
    static func named(_ name: String) -> Channel? { allCases.first { "\($0)" == name } }
}

extension Endpoints {
    static let edits: [AnyEndpoint] = editReads + editActions + estimates

    private static let editReads: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<EditQuery, EditListView>(
                "edits.list", "GET", "/api/v1/edits", access: .permission([.readMeters]),
                EndpointText("List edits of readings", "Those of the meters you may see."),
                example: EditQuery(state: .proposed, limit: 50), outputExample: EditListView(items: [.example]),
                run: { input, context in
                    let limit = input.limit ?? 50
                    let found = try await context.read { transaction, scope in
                        try ReadingEdit.page(
                            before: input.before?.value, states: input.state.map { [$0] } ?? [],
                            meterID: input.meterID?.value, limit: limit + 1, scope, in: transaction)
                    }
                    let items = found.prefix(limit).map { EditView($0) }
                    return EditListView(items: items, next: found.count > limit ? items.last?.editID : nil)
                })),
        AnyEndpoint(
            Endpoint<EditPath, EditView>(
                "edits.read", "GET", "/api/v1/edits/{editID}", access: .permission([.readMeters]),
                EndpointText("Read an edit", "What it writes day by day, who asked, who agreed, and how it stands."),
                example: EditPath(editID: ID(7001)), outputExample: .example, problems: [.notFound],
                run: { input, context in
                    EditView(
                        try await context.read { transaction, scope in
                            try ReadingEdit.find(input.editID.value, scope, in: transaction)
                        })
                })),
    ]

    private static let editActions: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<EditInput, EditView>(
                "edits.add", "POST", "/api/v1/meters/{meterID}/edits", access: .permission([.editReadings]),
                EndpointText(
                    "Edit readings",
                    "Changes intervals of one day or a run of days, on the versions you saw. Above the company's "
                        + "limit it waits for a second person. Nothing is overwritten: an edit is a new version."),
                example: .example, outputExample: .example, rate: .heavy, idempotency: .keyed,
                problems: [.notFound, .conflict],
                run: { input, context in
                    let door = EditDoor(context.services, try context.actor)
                    let report = try await EditDayReport.of(
                        context.services.site, meterID: input.meterID.value, day: (input.to ?? input.from).value,
                        try context.actor.scope)
                    let request = try input.request(
                        key: context.idempotencyKey, slotCount: report.block.slotCount)
                    return EditView(
                        try await door.submit(request) { try await context.perform($0, why: input.reason) })
                })),
        AnyEndpoint(
            Endpoint<EditPath, EditView>(
                "edits.approve", "POST", "/api/v1/edits/{editID}/approve", access: .permission([.approveReadings]),
                EndpointText("Approve an edit", "The second person's yes. Refused to who asked for it."),
                example: EditPath(editID: ID(7001)), outputExample: .example, problems: [.notFound, .conflict],
                run: { input, context in
                    let command = try DecideEdit(editID: input.editID.value, agrees: true, reason: "")
                    return EditView(
                        try await EditDoor(context.services, try context.actor)
                            .carriedOut(try await context.perform(command)))
                })),
        AnyEndpoint(
            Endpoint<EditReasonInput, EditView>(
                "edits.reject", "POST", "/api/v1/edits/{editID}/reject",
                access: .permission([.approveReadings, .editReadings]),
                EndpointText("Reject an edit", "The second person's no; who asked may withdraw."),
                example: EditReasonInput(editID: ID(7001), reason: "The meter is right"), outputExample: .example,
                problems: [.notFound, .conflict],
                run: { input, context in
                    let command = try DecideEdit(editID: input.editID.value, agrees: false, reason: input.reason)
                    return EditView(
                        try await EditDoor(context.services, try context.actor)
                            .carriedOut(try await context.perform(command, why: input.reason)))
                })),
        AnyEndpoint(
            Endpoint<EditReasonInput, EditView>(
                "edits.undo", "POST", "/api/v1/edits/{editID}/undo",
                access: .permission([.editReadings, .approveReadings]),
                EndpointText(
                    "Undo an edit",
                    "What it replaced counts again, wherever nothing newer came; `note` says where something did."),
                example: EditReasonInput(editID: ID(7001), reason: "Wrong meter"), outputExample: .example,
                problems: [.notFound, .conflict],
                run: { input, context in
                    let command = try UndoEdit(editID: input.editID.value, reason: input.reason)
                    return EditView(
                        try await EditDoor(context.services, try context.actor)
                            .carriedOut(try await context.perform(command, why: input.reason)))
                })),
    ]
}
