// A small retailer with a fleet on the loopback interface, its clock moved by hand: what tests of the whole line share.
import Access
import Accounts
import CivilTime
import Clocks
import Composition
import Foundation
import Grid
import HeadEnd
import IntervalData
import Jobs
import Journal
import Logging
import MeterFleet
import MeterLink
import Meters
import Packs
import Payments
import SQL
import Supply
import Tariffs
import TestSupport

/// One household of the fixture.
struct House: Sendable {
    var accountID: Int64
    var meterID: Int64
    var meter: VirtualMeter
}

struct LineFixture: Sendable {
    static let secrets = MeterSecrets(
        lls: Array("12345678".utf8), hls: Array("LINE-TEST-HLS-01".utf8), encryptionKey: Array("LINE-TEST-EK-001".utf8),
        authenticationKey: Array("LINE-TEST-AK-001".utf8))
    static let org = Org(orgID: 1, name: "Line Test Power")

    var site: Site
    let clock: any TestClock
    var line: Line
    let fleet: MeterFleet
    let houses: [House]
    let org: Org

    var scope: Scope { Scope(orgID: org.orgID) }
    var actor: Actor { .system(orgID: org.orgID) }
    static func vault() throws -> KeyVault { try KeyVault(masterKey: Array(repeating: 7, count: 32)) }

    static let basePack = BasePack(
        id: "DOM-TOU", version: 1, name: "Domestic by time of day",
        calendar: TOUCalendar(bands: [
            TOUBand(name: "solar", ranges: [MinuteRange(fromMinute: 540, toMinute: 1020)]),
            TOUBand(name: "peak", ranges: [MinuteRange(fromMinute: 1080, toMinute: 1320)]),
            TOUBand(
                name: "normal",
                ranges: [
                    MinuteRange(fromMinute: 0, toMinute: 540), MinuteRange(fromMinute: 1020, toMinute: 1080),
                    MinuteRange(fromMinute: 1320, toMinute: 1440),
                ]),
        ]),
        milliPaisePerKWh: ["solar": 480_000, "peak": 717_777, "normal": 600_123], fixedPaisePerMonth: 11_000,
        fixedPaisePerKWPerMonth: 2_500, dutyPPM: 50_000)
    static let addOn = AddOnPack(
        id: "WEEKEND", version: 1, name: "Weekend noon", weekdays: [6, 7],
        prices: [AddOnPrice(.minutes(MinuteRange(fromMinute: 600, toMinute: 840)), milliPaisePerKWh: 299_999)])

    /// Builds the retailer on stores that are migrated already. Every third household holds the add-on.
    static func make(
        site: Site, clock: any TestClock, configurations: [MeterConfiguration], openingPaise: (Int) -> Int64,
        rules: SupplyRules = SupplyRules(), from day: CivilDay, stateFolder: String? = nil, org: Org = LineFixture.org
    ) async throws -> LineFixture {
        let meters = try configurations.map {
            try VirtualMeter($0, clocks: site.clocks, stateFolder: stateFolder)
        }
        let fleet = try await MeterFleet.start(meters)
        let vault = try vault()
        let sealed = try configurations.indices.map { index in
            try vault.seal(
                MeterKeys(
                    secret: secrets.hls, encryptionKey: secrets.encryptionKey,
                    authenticationKey: secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8)),
                meterID: Int64(index + 1001))
        }
        try await site.money.write { transaction in
            let scope = Scope(orgID: org.orgID)
            try org.create(in: transaction)
            try Place(placeID: 10, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
            try Packs.store(basePack, from: day, scope, in: transaction)
            try Packs.store(addOn, from: day, scope, in: transaction)
            try Setting.set(Supply.ruleSetting, rules.json(), from: day, scope, in: transaction)
            for (index, configuration) in configurations.enumerated() {
                let accountID = Int64(index + 101)
                let meterID = Int64(index + 1001)
                try SupplyAccount(
                    accountID: accountID, accountNumber: "A-\(1000 + index)", name: "House \(index)",
                    category: "domestic",
                    placeID: 10, sanctionedW: 15_000, language: "en", openedDay: day
                ).create(scope, in: transaction)
                try Meter(
                    meterID: meterID, serial: configuration.serial, host: fleet.host(index), port: Int64(fleet.port),
                    clientAddress: Int64(MeterClient.utility), authentication: "hls-2", sealedKeys: sealed[index],
                    capturePeriodS: configuration.periodS
                ).create(scope, atMs: site.clocks.businessNowMs(), in: transaction)
                try Installation(meterID: meterID, accountID: accountID, fromDay: day).create(scope, in: transaction)
                try Subscription(
                    subscriptionID: accountID * 10, accountID: accountID, packID: basePack.id, kind: .base, fromDay: day
                ).create(scope, in: transaction)
                if index % 3 == 0 {
                    try Subscription(
                        subscriptionID: accountID * 10 + 1, accountID: accountID, packID: addOn.id, kind: .addOn,
                        fromDay: day
                    ).create(scope, in: transaction)
                }
            }
        }
        for index in configurations.indices where openingPaise(index) > 0 {
            _ = try await site.perform(
                Recharge(
                    accountID: Int64(index + 101), amountPaise: openingPaise(index), method: .opening,
                    reference: "opening-\(index)"), as: .system(orgID: org.orgID), source: "test")
        }
        return try LineFixture(
            site: site, clock: clock, line: line(site: site, org: org), fleet: fleet,
            houses: meters.enumerated().map {
                House(accountID: Int64($0.offset + 101), meterID: Int64($0.offset + 1001), meter: $0.element)
            }, org: org)
    }

    /// First calls at once, so that a test says when something is read.
    static let collection: CollectionRules = {
        var rules = CollectionRules()
        rules.spreadMinutes = 0
        return rules
    }()

    static func line(site: Site, org: Org = LineFixture.org, holder: String = "test") throws -> Line {
        Line(
            site: site, org: org, transport: TCPMeterTransport(zone: org.zone), vault: try vault(),
            collection: collection, holder: holder,
            log: Logger(label: "line-test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// The same fleet seen by a process that has just been started.
    func restarted(on site: Site, holder: String) throws -> LineFixture {
        var fixture = self
        fixture.site = site
        fixture.line = try Self.line(site: site, org: org, holder: holder)
        return fixture
    }

    /// Moves business time forward in steps and lets the line run at each.
    func run(untilMs: Int64, stepMs: Int64 = 1_800_000) async throws {
        while clock.nowMs < untilMs {
            clock.nowMs = min(untilMs, clock.nowMs + stepMs)
            try await line.tick()
        }
    }

    /// Start of a civil day in business milliseconds.
    static func ms(_ day: CivilDay, hours: Int64 = 0) -> Int64 { (org.zone.startS(of: day) + hours * 3600) * 1000 }

    func balance(_ accountID: Int64) async throws -> WalletBalance {
        try await site.money.read { [scope] in try Journal.balance(ofAccount: accountID, scope, in: $0) }
    }
}

/// Business time that a test moves.
protocol TestClock: AnyObject, Sendable {
    var nowMs: Int64 { get set }
}

extension ManualClock: TestClock {}

extension Clocks {
    /// Business time moved by the test; system time runs on, ahead by what `ahead` says, so that leases can run out.
    static func moved(_ clock: any TestClock, ahead: ManualClock = ManualClock(startMs: 0)) -> Clocks {
        Clocks(
            businessNowMs: { clock.nowMs }, systemNowMs: { Clocks.live.systemNowMs() + ahead.nowMs }, businessRate: 0)
    }
}

/// A site on the stores of a test, its business clock moved by hand.
func site(
    _ stores: TestSite, clock: any TestClock, ahead: ManualClock = ManualClock(startMs: 0), processNumber: Int64 = 1
) -> Site {
    let clocks = Clocks.moved(clock, ahead: ahead)
    return Site(
        money: stores.money, readings: stores.readings, clocks: clocks,
        ids: IDGenerator(processNumber: processNumber, clocks: clocks))
}
