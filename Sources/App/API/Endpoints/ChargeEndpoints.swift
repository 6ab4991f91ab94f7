// What a day cost: the charges of an account from day to day, and one day's charge explained.
import Access
import Accounts
import CivilTime
import MeterData
import Rating
import Tariffs

struct DayPath: APIModel {
    var accountID: ID
    var day: Day
    static let notes: [String: Note] = ["accountID": Note("The account."), "day": Note("The day of supply.")]
}

struct ComponentView: APIModel {
    enum Kind: String, Codable, CaseIterable { case energy, addOn = "add-on", fixed, duty, other }
    var kind: Kind
    var id: String
    var label: String
    var band: String?
    var milliPaisePerKWh: Int64?
    var energyWh: Int64?
    var paise: Int64
    static let notes: [String: Note] = [
        "kind": Note("What it is for; other are credits, subsidies and rounding."),
        "id": Note("The component as the tariff names it; empty for charges of before tariffs."),
        "label": Note("Its words on the bill."), "band": Note("The band of the day, or the slab."),
        "milliPaisePerKWh": Note("Its price; absent where each interval has its own."),
        "energyWh": Note("Energy in it."), "paise": Note("Its part of the total; the parts add up to it."),
    ]
    init(_ component: DayReport.Component) {
        (id, label, energyWh, paise) = (component.id, component.label, component.energyWh, component.paise)
        switch component.kind {
        case .energy(let band, let price, _): (kind, self.band, milliPaisePerKWh) = (.energy, band, price)
        case .addOn: kind = .addOn
        case .fixed: kind = .fixed
        case .duty: kind = .duty
        case .other: kind = .other
        }
    }
}

struct PricedLineView: APIModel {
    var fromMinute: Int
    var toMinute: Int
    var band: String
    var packID: String
    var packVersion: Int
    var isAddOn: Bool
    var milliPaisePerKWh: Int64
    var energyWh: Int64
    var microPaise: String
    static let notes: [String: Note] = [
        "fromMinute": Note("Minute of the wall clock, inclusive."), "toMinute": Note("Exclusive; 1440 is midnight."),
        "band": Note("The band or the cover of the add-on."), "packID": Note("The pack that prices it."),
        "packVersion": Note("Its version."), "isAddOn": Note("Whether an add-on prices it."),
        "milliPaisePerKWh": Note("The price."), "energyWh": Note("The energy."),
        "microPaise": Note("Exact amount: Wh × milli-paise per kWh, as text because it may exceed 64 bits."),
    ]
    /// Nil where slabs or a market decide: the components tell what they come to.
    init?(_ line: SlotPrice, startMinutes: [Int]) {
        guard let price = line.milliPerKWh, let micro = line.microMinor else { return nil }
        fromMinute = startMinutes.indices.contains(line.fromSlot) ? startMinutes[line.fromSlot] : 0
        toMinute = startMinutes.indices.contains(line.toSlot) ? startMinutes[line.toSlot] : 1440
        (band, packID, packVersion, isAddOn) = (line.band, line.packID, line.packVersion, line.isAddOn)
        (milliPaisePerKWh, energyWh) = (price, line.energyWh)
        microPaise = String(micro)
    }
}

struct RevisionView: APIModel {
    var number: Int64
    var ratedAtMs: Int64
    var totalPaise: Int64
    var why: DayReport.Revision.Why
    var entry: String?
    var reversedBy: String?
    static let notes: [String: Note] = [
        "number": Note("From 1 on; the last one counts."), "ratedAtMs": Note("When it was priced, business time."),
        "totalPaise": Note("Its total."), "why": Note("Why it was made."),
        "entry": Note("The line of the statement; absent when it moved no money."),
        "reversedBy": Note("The line that took it back."),
    ]
    init(_ revision: DayReport.Revision) {
        (number, ratedAtMs, totalPaise) = (revision.number, revision.ratedAtMs, revision.totalPaise)
        (why, entry, reversedBy) = (revision.why, revision.entry, revision.reversedBy)
    }
}

struct DayExplanationView: APIModel {
    var accountID: ID
    var day: Day
    var meterID: ID
    var readingVersion: Int64
    var energyWh: Int64
    var totalPaise: Int64
    var estimatedSlots: Int64
    var components: [ComponentView]
    var lines: [PricedLineView]
    var revisions: [RevisionView]
    var inputHash: String
    var agrees: Bool
    var isExplained: Bool
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "day": Note("The day of supply."),
        "meterID": Note("The meter it was read from."),
        "readingVersion": Note("The version of the day's readings that was priced."),
        "energyWh": Note("Energy of the day."),
        "totalPaise": Note("The charge."), "estimatedSlots": Note("Intervals that were estimated."),
        "components": Note("Parts that add up to the total."),
        "lines": Note("Neighbouring intervals at one price; none where slabs or a market decide it."),
        "revisions": Note("Every time the day was charged, oldest first."),
        "inputHash": Note("SHA-256 of the inputs the charge was posted with, hexadecimal."),
        "agrees": Note("The charge was worked out again just now and is the same."),
        "isExplained": Note("False for charges of an earlier release, of which the amounts alone are kept."),
    ]
    init(_ report: DayReport) {
        let charge = report.explanation.charge
        (accountID, day, meterID) = (ID(charge.accountID), Day(charge.day), ID(charge.meterID))
        (readingVersion, energyWh, totalPaise) = (charge.blockVersion, charge.energyWh, charge.totalPaise)
        estimatedSlots = charge.estimatedSlots
        components = report.components.map { ComponentView($0) }
        lines = report.explanation.slots.compactMap {
            PricedLineView($0, startMinutes: report.explanation.slotStartMinutes)
        }
        revisions = report.revisions.map { RevisionView($0) }
        inputHash = report.inputHash
        agrees = report.explanation.agrees
        isExplained = report.explanation.explained != nil
    }
    private init() {
        (accountID, day, meterID) = (ID(101), Day(CivilDay(number: 20_777)), ID(1001))
        (readingVersion, energyWh, totalPaise, estimatedSlots) = (1, 5_260, 3_940, 0)
        components = [
            ComponentView(
                DayReport.Component(
                    kind: .energy(band: "normal", milliPaisePerKWh: 600_000, level: 2), id: "energy", label: "Energy",
                    energyWh: 5_260, paise: 3_156)),
            ComponentView(
                DayReport.Component(kind: .fixed, id: "fixed", label: "Fixed charge", energyWh: nil, paise: 626)),
            ComponentView(
                DayReport.Component(
                    kind: .duty(ppm: 50_000), id: "duty", label: "Electricity duty", energyWh: nil, paise: 158)),
        ]
        (lines, inputHash, agrees, isExplained) = ([], String(repeating: "0f", count: 32), true, true)
        revisions = [
            RevisionView(
                DayReport.Revision(
                    number: 1, ratedAtMs: 1_795_248_000_000, totalPaise: 3_940, entry: "C-2026-11-20-1", why: .first,
                    reversedBy: nil))
        ]
    }
    static let example = DayExplanationView()
}

struct ChargeQuery: APIModel {
    var accountID: ID
    var from: Day
    var to: Day
    var after: Day?
    var limit: Int?
    static let notes: [String: Note] = [
        "accountID": Note("The account."), "from": Note("The first day."), "to": Note("The last day."),
        "after": Note("The `next` of the part before; without it the list begins with `from`."),
        "limit": Note("How many at most; 50 when not given.", range: 1...200),
    ]
}

struct ChargeView: APIModel {
    var day: Day
    var meterID: ID
    var revision: Int64
    var energyWh: Int64
    var totalPaise: Int64
    var estimatedSlots: Int64
    var ratedAtMs: Int64
    static let notes: [String: Note] = [
        "day": Note("The day of supply."), "meterID": Note("The meter it was read from."),
        "revision": Note("From 1 on; above 1 it was corrected."), "energyWh": Note("Energy of the day."),
        "totalPaise": Note("The charge."), "estimatedSlots": Note("Intervals that were estimated."),
        "ratedAtMs": Note("When it was priced, business time."),
    ]
    init(_ charge: Charge) {
        (day, meterID, revision) = (Day(charge.day), ID(charge.meterID), charge.revision)
        (energyWh, totalPaise) = (charge.energyWh, charge.totalPaise)
        (estimatedSlots, ratedAtMs) = (charge.estimatedSlots, charge.ratedAtMs)
    }
    private init() {
        (day, meterID, revision, energyWh) = (Day(CivilDay(number: 20_777)), ID(1001), 1, 5_260)
        (totalPaise, estimatedSlots, ratedAtMs) = (3_940, 0, 1_795_248_000_000)
    }
    static let example = ChargeView()
}

struct ChargeListView: APIModel {
    var items: [ChargeView]
    var next: Day?
    static let notes: [String: Note] = [
        "items": Note("The charge that counts for each day, in order of the day."),
        "next": Note("Send it as `after` to go on; absent at the end."),
    ]
}

extension Endpoints {
    static let charges: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<ChargeQuery, ChargeListView>(
                "accounts.charges", "GET", "/api/v1/accounts/{accountID}/charges",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText("Charges of an account", "A line a charged day from day to day, as it counts now."),
                example: ChargeQuery(
                    accountID: ID(101), from: Day(CivilDay(number: 20_770)), to: Day(CivilDay(number: 20_777)),
                    limit: 50), outputExample: ChargeListView(items: [.example], next: nil), problems: [.notFound],
                run: { input, context in
                    guard input.from.value <= input.to.value else {
                        throw Refusal(.invalid, "`to` is before `from`.", hint: "Give the earlier day first.", at: "to")
                    }
                    let limit = input.limit ?? 50
                    let start = max(input.from.value, input.after?.value.advanced(by: 1) ?? input.from.value)
                    let found = try await context.read { transaction, scope in
                        let account = try SupplyAccount.find(input.accountID.value, scope, in: transaction)
                        return try Charge.current(
                            accountID: account.accountID, from: start, to: input.to.value, limit: limit + 1, scope,
                            in: transaction)
                    }
                    let part = ListPart.of(found, limit: limit) { $0.day.description }
                    return ChargeListView(
                        items: part.items.map { ChargeView($0) },
                        next: part.next == nil ? nil : part.items.last.map { Day($0.day) })
                })),
        AnyEndpoint(
            Endpoint<DayPath, DayExplanationView>(
                "accounts.day", "GET", "/api/v1/accounts/{accountID}/days/{day}",
                access: .permission([.readAccounts, .readOwnAccount]),
                EndpointText(
                    "A day's charge explained", "Priced again from the stored inputs and checked against their hash."),
                example: DayPath(accountID: ID(101), day: Day(CivilDay(number: 20_777))), outputExample: .example,
                problems: [.notFound],
                run: { input, context in
                    DayExplanationView(
                        try await DayReport.of(
                            context.services.site, accountID: input.accountID.value, day: input.day.value,
                            context.actor.scope))
                })),
    ]
}
