// `busbar price`: calendars and apparent energy from files, options that nothing uses, a bad cell.
import Composition
import Foundation
import TestSupport
import Testing

@Suite struct PriceOptionsTests {
    private static func load(_ value: (Int) -> String) -> String {
        "start,A\n"
            + (0..<24).map { "2026-04-01T\($0 < 10 ? "0" : "")\($0):00:00,\(value($0))\n" }.joined()
    }

    private static let head = "format: 1\nid: T\nversion: 1\nname: T\nvalidFrom: 2026-04-01\ncomponents:\n"
    private static let banded = head + "  - {id: e, kind: energy, calendar: tod, perKWh: {peak: 8, rest: 5}}\n"
    private static let factored =
        head + "  - {id: e, kind: energy, perKWh: 5}\n"
        + "  - {id: pf, kind: powerFactor, of: [e], steps: [{below: 0.9, percentPerHundredth: 1}]}\n"
    private static let calendar = """
        format: 1
        calendar: tod
        version: 1
        validFrom: 2026-01-01
        rows: [{bands: {peak: 18:00-22:00, rest: [00:00-18:00, 22:00-24:00]}}]

        """

    private static func priced(
        _ tariff: String, load: String = load { _ in "1" }, _ change: (inout PriceFileOptions, String) throws -> Void
    ) async throws -> (status: CommandStatus, said: String) {
        try await withFolder { folder in
            try Bench.write(load, to: folder + "/load.csv")
            try Bench.write(tariff, to: folder + "/t.yaml")
            var options = PriceFileOptions(tariffs: [folder + "/t.yaml"], load: folder + "/load.csv")
            try change(&options, folder)
            let wanted = options
            let done = await run { try await priceFile(wanted, $0) }
            return (done.status, done.spoken.all)
        }
    }

    @Test func calendarsComeFromFiles() async throws {
        let lost = try await Self.priced(Self.banded) { _, _ in }
        #expect(lost.status != .done && lost.said.contains("t.yaml:7: there is no calendar tod"), "\(lost.said)")
        let found = try await Self.priced(Self.banded) { options, folder in
            try Bench.write(Self.calendar, to: folder + "/c.yaml")
            options.calendars = [folder + "/c.yaml"]
        }
        // 4 kWh at 8 and 20 at 5.
        #expect(found.status == .done && found.said.contains("132.00"), "\(found.said)")
    }

    @Test func powerFactorsComeFromApparentEnergy() async throws {
        let found = try await Self.priced(Self.factored) { options, folder in
            try Bench.write(Self.load { _ in "1.25" }, to: folder + "/kvah.csv")
            options.apparent = folder + "/kvah.csv"
            options.powerFactor = ["0.5"]
        }
        #expect(found.said.contains("power factor 0.80 (24.000 kWh of 30.000 kVAh)"), "\(found.said)")
        #expect(found.said.contains("132.00") && found.said.contains("--power-factor is not used"), "\(found.said)")
        let unused = try await Self.priced(Self.head + "  - {id: e, kind: energy, perKWh: 5}\n") { options, _ in
            options.powerFactor = ["0.925"]
            options.outageMinutes = ["2026-04=5"]
        }
        #expect(unused.status == .done && unused.said.contains("--power-factor is not used"))
        #expect(unused.said.contains("--outage-minutes is not used"), "\(unused.said)")
    }

    @Test func aBadCellIsNamedWithItsLine() async throws {
        let found = try await Self.priced(
            Self.head + "  - {id: e, kind: energy, perKWh: 5}\n", load: Self.load { $0 == 5 ? "abc" : "1" }
        ) { _, _ in }
        #expect(found.said.contains("2026-04-01 at 05:00") && found.said.contains("load.csv:7"), "\(found.said)")
        #expect(found.said.contains("abc"), "\(found.said)")
    }
}
