// Everything of one meter over a few days: load in versions, what was held back, relay, orders, events.
import Access
import Accounts
import CivilTime
import HeadEnd
import IntervalData
import Journal
import MeterData
import Meters
import Packs
import SQL
import Tariffs

public struct MeterReport: Sendable {
    public var listing: MeterListing
    public var account: SupplyAccount?
    public var balancePaise: Int64?
    public var nowMs: Int64
    public var zone: Zone
    /// Days asked for, oldest first.
    public var days: [CivilDay]
    /// Current versions, in order of day.
    public var blocks: [StoredBlock]
    /// All versions of the days, oldest day and version first.
    public var versions: [StoredBlock]
    public var exceptions: [VEEException]
    /// Raw answers that are kept of these days.
    public var rawBatches: Set<Int64> = []
    /// Newest first.
    public var events: [(atMs: Int64, code: Int)]
    /// Changes of the wish (`wanted`) and of the state (`actual`), oldest first; the last before the days leads.
    public var relayChanges: [(atMs: Int64, side: String, state: String)]
    /// Newest first.
    public var commands: [MeterCommand]
    /// The last midnight register known, and when it was.
    public var register: (wh: Int64, atMs: Int64)?
    public var clockDriftS: Int64?
    /// Of the last 30 days.
    public var slotsHave: Int
    public var slotsExpected: Int
    /// Who edited the days and took it back, by the version that came of it.
    public var editors: [EditedVersion: (name: String, reason: String)] = [:]

    public struct EditedVersion: Sendable, Hashable {
        public var day: CivilDay
        public var version: Int64
        public init(day: CivilDay, version: Int64) {
            self.day = day
            self.version = version
        }
    }
    /// The bands of the last day by the base pack of the account.
    public var bands: [SlotPrice]

    public static let loadDaysMax = 31

    /// - Parameters:
    ///   - last: the last day; nil for yesterday, the last day that is collected.
    ///   - count: 1 to ``loadDaysMax`` days that end with it.
    public static func of(
        _ site: Site, meterID: Int64, last: CivilDay?, count: Int, _ scope: Scope
    ) async throws -> MeterReport {
        var report = try await site.money.read { transaction in
            try make(site, meterID: meterID, last: last, count: count, scope, transaction)
        }
        let (first, end) = (report.days[0], report.days[report.days.count - 1])
        for month in try await site.readings.months() where month >= first.month && month <= end.month {
            let (from, to) = (max(first, month.first), min(end, month.last))
            let found = try await site.readings.shard(month).read { transaction in
                let blocks = try DayBlocks.current(
                    meterID: meterID, from: from, to: to, orgID: scope.orgID, in: transaction)
                var versions: [StoredBlock] = []
                for block in blocks {
                    versions += try DayBlocks.versions(
                        meterID: meterID, day: block.day, orgID: scope.orgID, in: transaction)
                }
                return (
                    blocks: blocks, versions: versions,
                    raw: try RawRead.batches(
                        meterID: meterID, days: blocks.map(\.day), orgID: scope.orgID, in: transaction),
                    exceptions: try VEEException.of(
                        meterID: meterID, from: from, to: to, orgID: scope.orgID, in: transaction),
                    events: try MeterEvents.of(
                        meterID: meterID, from: from, to: to, orgID: scope.orgID, in: transaction)
                )
            }
            report.blocks += found.blocks
            report.rawBatches.formUnion(found.raw)
            report.versions += found.versions
            report.exceptions += found.exceptions
            report.events = found.events + report.events
        }
        try await report.addRegister(site, scope)
        return report
    }

    private static func make(
        _ site: Site, meterID: Int64, last: CivilDay?, count: Int, _ scope: Scope, _ transaction: any SQLTransaction
    ) throws -> MeterReport {
        let moment = try Moment.of(site, scope, in: transaction)
        let listing = try MeterListing.find(meterID, silentBeforeMs: moment.silentBeforeMs, scope, in: transaction)
        let end = last ?? moment.lineDay
        let days = (0..<max(1, count)).map { end.advanced(by: $0 + 1 - max(1, count)) }
        let account = try listing.accountID.map { try SupplyAccount.find($0, scope, in: transaction) }
        let month = (1...30).map { moment.today.advanced(by: -$0) }
        let slots = try CollectionItem.completeness(meterID: meterID, days: month, scope, in: transaction)
        var report = MeterReport(
            listing: listing, account: account,
            balancePaise: try account.map {
                try Journal.balance(ofAccount: $0.accountID, scope, in: transaction).balancePaise
            }, nowMs: moment.nowMs, zone: moment.zone, days: days, blocks: [], versions: [], exceptions: [], events: [],
            relayChanges: try RelayRecord.changes(
                meterID: meterID, sinceMs: moment.startMs(of: days[0]), scope, in: transaction),
            commands: try MeterCommand.of(meterID: meterID, limit: 20, scope, in: transaction), register: nil,
            clockDriftS: nil, slotsHave: slots.have, slotsExpected: slots.expected,
            bands: try account.flatMap { try Packs.held(by: $0.accountID, on: end, scope, in: transaction) }
                .flatMap { try? $0.base.bands(on: end) } ?? [])
        let edits = try ReadingEdit.of(meterID: meterID, days: days[0]...end, scope, in: transaction)
            .filter { $0.channel == .importWh }
        let people = try EditDayReport.people(edits, scope, in: transaction)
        for edit in edits {
            for change in edit.days {
                if let version = change.appliedVersion {
                    report.editors[EditedVersion(day: change.day, version: version)] = (
                        people[edit.loginID] ?? "", edit.reason
                    )
                }
                if let version = change.undoneVersion, let loginID = edit.undoneBy {
                    report.editors[EditedVersion(day: change.day, version: version)] = (
                        people[loginID] ?? "", edit.undoReason ?? ""
                    )
                }
            }
        }
        return report
    }

    private mutating func addRegister(_ site: Site, _ scope: Scope) async throws {
        let today = zone.day(atS: nowMs / 1000)
        let months = try await site.readings.months()
        for month in [today.month, today.month.previous] where months.contains(month) {
            let meterID = listing.meter.meterID
            let found = try await site.readings.shard(month).read { transaction in
                try RawRead.latest(meterID: meterID, month: month, orgID: scope.orgID, in: transaction)
            }
            guard let found, let wh = found.registerEndWh else { continue }
            register = (wh, zone.startS(of: found.day.advanced(by: 1)) * 1000)
            clockDriftS = found.clockDriftS
            return
        }
    }
}
