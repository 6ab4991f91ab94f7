// Meters of makers along the line: a profile file of a folder is gone by, and a meter whose profile nobody knows, or
// that has other objects than its profile says, is collected by its own object list. Both engines.
import Access
import CivilTime
import Clocks
import Composition
import HeadEnd
import IS15959
import Jobs
import Logging
import MeterFleet
import MeterLink
import MeterPort
import Meters
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct MakerTests {
    static let first = CollectionTests.first

    /// Says that the load profile stands elsewhere, which these meters do not know.
    static let moved = (
        file: "moved.json",
        text: """
        {"format": 1, "name": "moved", "base": "named", "maker": "Acme",
         "profiles": [{"name": "block-load", "obis": "1.0.99.14.0"}]}
        """
    )
    /// Names an object of its own.
    static let named = (
        file: "named.json",
        text: """
        {"format": 1, "name": "named", "base": "single-phase", "maker": "Acme",
         "objects": [{"name": "acme-period", "class": 1, "obis": "1.0.0.8.0"}]}
        """
    )

    private func line(_ fixture: LineFixture) throws -> Line {
        let book = try ProfileBook(files: [Self.moved, Self.named])
        return Line(
            site: fixture.site, org: fixture.org,
            transport: TCPMeterTransport(profiles: book, zone: fixture.org.zone), vault: try LineFixture.vault(),
            collection: LineFixture.collection, holder: "test",
            log: Logger(label: "makers") { _ in SwiftLogNoOpLogHandler() })
    }

    private func profile(_ name: String, _ fixture: LineFixture, _ meterID: Int64 = 1001) async throws {
        try await fixture.site.money.write { [scope = fixture.scope] in
            try Meter.setProfile(meterID, name, scope, in: $0)
        }
    }

    @Test(
        "a meter that has other objects than its profile says is collected by its object list",
        arguments: TestEngine.available, ["auto", "moved", "a-file-that-is-gone", "ht-ct", "named"])
    func collected(_ engine: TestEngine, _ name: String) async throws {
        try await CollectionTests.with(engine, startMs: CollectionTests.at(1, 6)) { fixture in
            try await profile(name, fixture)
            try await line(fixture).tick()
            let reads = try await CollectionTests.reads(fixture)
            #expect(reads.flatMap(\.rows).count == 48)
            #expect(reads.allSatisfy { $0.registerStartWh != nil && $0.registerEndWh != nil })
        }
    }

    @Test(
        "what a maker's file names is ordered; by another profile the meter has no such object",
        arguments: TestEngine.available)
    func ordered(_ engine: TestEngine) async throws {
        try await CollectionTests.with(engine, houses: 3, startMs: CollectionTests.at(1, 12)) { fixture in
            for (meterID, name) in [(Int64(1001), "named"), (1002, "single-phase"), (1003, "single-phase-wired")] {
                try await profile(name, fixture, meterID)
            }
            let actor = Actor(loginID: 11, role: .operator, scope: fixture.scope)
            for (matter, value, meters) in [
                ("maker.acme-period", "900", [Int64(1001), 1002]), ("balance", "-4200", [1003]),
            ] {
                _ = try await fixture.site.perform(
                    OrderMeters(
                        matter: matter, value: value, group: .meters(meters), reason: "test", reference: matter),
                    as: actor, source: "test")
            }
            try await line(fixture).tick(.supply)
            let states = try await fixture.site.money.read { [scope = fixture.scope] transaction in
                try [(1001, "maker.acme-period"), (1002, "maker.acme-period"), (1003, "balance")].map {
                    try MeterWish.find(Int64($0), $1, scope, in: transaction)?.state
                }
            }
            #expect(states == [.met, .failed, .met], "\(states)")
            // A prepaid object that this meter keeps elsewhere than its profile says.
            #expect(fixture.houses[2].meter.shownBalancePaise == -4200)
        }
    }
}
