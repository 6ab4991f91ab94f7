// Edits and estimates as pages and programs see them: a day with all that was done to it, and the one door by which an
// edit is asked for, agreed to and taken back. Writes through commands only.
import Access
import CivilTime
import Clocks
import IntervalData
import Jobs
import MeterData
import Meters
import SQL
import VEE

/// The door of edits: a command through the caller's own, then what it decided is carried into the readings.
public struct EditDoor: Sendable {
    let site: Site
    let actor: Actor
    public init(_ services: Services, _ actor: Actor) {
        site = services.site
        self.actor = actor
    }

    func org() async throws -> Org {
        let orgID = actor.scope.orgID
        return try await site.money.read { try Org.find(orgID, in: $0) }
    }

    /// What an edit would do; nothing is stored.
    public func plan(_ request: EditRequest) async throws -> EditPlan {
        try await EditPlan.of(request, site: site, actor.scope, sources: .of(site, try await org()))
    }

    /// Whether a second person would have to agree to it.
    public func needsApproval(_ plan: EditPlan) async throws -> Bool {
        try await plan.needsApproval(site: site, actor)
    }

    public func submit(
        _ request: EditRequest, perform: (ProposeEdit) async throws -> EditPlaced
    ) async throws -> ReadingEdit {
        let org = try await org()
        return try await request.submit(
            site: site, org: org, actor.scope, sources: .of(site, org), perform: perform)
    }

    /// After a decision: the edit as it stands then.
    public func carriedOut(_ placed: EditPlaced) async throws -> ReadingEdit {
        try await EditApplier(site: site, org: try await org()).carryOut(placed.editID)
    }
}

/// An edit with the names of who had to do with it.
public struct EditStanding: Sendable {
    public var edit: ReadingEdit
    public var serial: String
    public var people: [Int64: String]

    public func name(_ loginID: Int64?) -> String? { loginID.flatMap { people[$0] } }

    public static func page(
        _ services: Services, before: Int64?, states: [ReadingEdit.State], meterID: Int64? = nil, limit: Int,
        _ scope: Scope
    ) async throws -> [EditStanding] {
        try await services.site.money.read { transaction in
            let edits = try ReadingEdit.page(
                before: before, states: states, meterID: meterID, limit: limit, scope, in: transaction)
            return try with(edits, scope, in: transaction)
        }
    }

    public static func of(_ services: Services, editID: Int64, _ scope: Scope) async throws -> EditStanding {
        let found = try await services.site.money.read { transaction in
            try with([try ReadingEdit.find(editID, scope, in: transaction)], scope, in: transaction).first
        }
        guard let found else { throw Refusal(.notFound, "There is no such edit.", at: "editID") }
        return found
    }

    private static func with(
        _ edits: [ReadingEdit], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [EditStanding] {
        let people = try EditDayReport.people(edits, scope, in: transaction)
        var serials: [Int64: String] = [:]
        for meterID in Set(edits.map(\.meterID)) {
            serials[meterID] = try Meter.find(meterID, scope, in: transaction).serial
        }
        return edits.map { EditStanding(edit: $0, serial: serials[$0.meterID] ?? "", people: people) }
    }
}

/// One day of a meter with every version, who edited it and how it was estimated.
public struct EditDayReport: Sendable {
    public var meter: Meter
    public var zone: Zone
    public var day: CivilDay
    public var channel: Channel
    public var today: CivilDay
    /// All versions, oldest first.
    public var versions: [StoredBlock]
    public var estimates: [EstimateRecord]
    /// Edits that touch the day, oldest first.
    public var edits: [ReadingEdit]
    public var people: [Int64: String]
    public var slotCount: Int
    public var orgID: Int64

    public var current: StoredBlock? { versions.last }
    public var block: DayBlock { current?.block ?? .empty(slots: slotCount) }
    public var periodS: Int { Int(zone.lengthS(of: day)) / max(1, block.slotCount) }

    /// The edit that made a version, and whether it was taken back by it.
    public func edit(of version: StoredBlock) -> (edit: ReadingEdit, isUndo: Bool)? {
        for edit in edits {
            for change in edit.days where change.day == version.day {
                if change.appliedVersion == version.version { return (edit, false) }
                if change.undoneVersion == version.version { return (edit, true) }
            }
        }
        return nil
    }

    /// How a slot's present value was estimated; nil where it was not.
    public func estimate(ofSlot slot: Int) -> EstimateRecord? {
        guard block.qualities[slot] == .estimated else { return nil }
        return estimates.last { $0.slots.contains(slot) }
    }

    public static func of(
        _ site: Site, meterID: Int64, day: CivilDay, channel: Channel = .importWh, _ scope: Scope
    ) async throws -> EditDayReport {
        let (meter, org, edits, names) = try await site.money.read { transaction in
            let meter = try Meter.find(meterID, scope, in: transaction)
            let org = try Org.find(scope.orgID, in: transaction)
            let edits = try ReadingEdit.of(meterID: meterID, days: day...day, scope, in: transaction)
                .filter { $0.channel == channel }
            let names = try people(edits, scope, in: transaction)
            return (meter, org, edits, names)
        }
        var (versions, estimates): ([StoredBlock], [EstimateRecord]) = ([], [])
        // A month of which nobody has anything is not made by looking at it.
        if try await site.readings.months().contains(day.month) {
            (versions, estimates) = try await site.readings.shard(day.month).read { transaction in
                (
                    try DayBlocks.versions(
                        meterID: meterID, channel: channel, day: day, orgID: scope.orgID, in: transaction),
                    try EstimationLog.of(
                        meterID: meterID, channel: channel, day: day, orgID: scope.orgID, in: transaction)
                )
            }
        }
        return EditDayReport(
            meter: meter, zone: org.zone, day: day, channel: channel,
            today: org.zone.day(atS: site.clocks.businessNowMs() / 1000), versions: versions, estimates: estimates,
            edits: edits, people: names, slotCount: org.zone.slotCount(of: day, periodS: meter.capturePeriodS),
            orgID: scope.orgID)
    }

    static func people(
        _ edits: [ReadingEdit], _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [Int64: String] {
        var people: [Int64: String] = [:]
        let all: [Int64] = edits.flatMap { [$0.loginID, $0.decidedBy ?? 0, $0.undoneBy ?? 0] }
        // Who edited may be of other places; the name of a colleague is no secret.
        for loginID in Set(all) where loginID > 0 {
            people[loginID] = (try? Logins.find(loginID, Scope(orgID: scope.orgID), in: transaction))?.username
        }
        return people
    }
}
