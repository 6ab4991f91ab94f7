// A year of a company on a clock moved by hand, with a failing statement, commit or answer again and again, after which
// the program starts anew: balanced at the end of every month, nothing double, and to the byte the book of a year in
// which nothing failed. A small year always; a thousand consumers with BUSBAR_LONG=1.
import CivilTime
import Foundation
import SQL
import TestSupport
import Testing

@Suite(.serialized)
struct YearTests {
    struct Size: Sendable {
        var consumers: Int
        var days: Int
        var faults: Int
        var seed: UInt64 = 1
        /// Houses whose year is also run with each reading once, in time and right.
        var plainHouses: Int
    }

    private static let environment = ProcessInfo.processInfo.environment

    private static func wanted(_ name: String, _ usual: Int) -> Int {
        environment["BUSBAR_YEAR_\(name)"].flatMap { Int($0) } ?? usual
    }

    /// What differs between the engines is held by the tests of the adapters; the long year is run on both.
    @Test func aSmallYear() async throws {
        try await year(.sqlite, Size(consumers: 12, days: 40, faults: 60, plainHouses: 12))
    }

    @Test(arguments: TestEngine.available)
    func aYearOfAThousandConsumers(_ engine: TestEngine) async throws {
        guard Self.environment["BUSBAR_LONG"] == "1" else {
            print("a year of 1,000 consumers on \(engine.rawValue) is SKIPPED: only with BUSBAR_LONG=1")
            return
        }
        let consumers = Self.wanted("CONSUMERS", 1_000)
        // PostgreSQL differs in its adapter; a tenth shows that.
        try await year(
            engine,
            Size(
                consumers: engine == .sqlite ? consumers : max(10, consumers / 10), days: Self.wanted("DAYS", 365),
                faults: Self.wanted("FAULTS", 1_000), seed: UInt64(Self.wanted("SEED", 1)), plainHouses: 50))
    }

    private func year(_ engine: TestEngine, _ size: Size) async throws {
        let start = ContinuousClock.now
        let plan = YearPlan(consumers: size.consumers, days: size.days, seed: size.seed)
        try await EveryStatementTests.withFastFolder { folder in
            let (broken, smooth, plain) = ("\(folder)/broken", "\(folder)/smooth", "\(folder)/plain")
            async let faults = Self.run(engine, plan, "with faults", size.faults, to: broken)
            async let none = Self.run(engine, plan, "without", 0, to: smooth)
            let (found, undisturbed) = (try await faults, try await none)
            #expect(undisturbed.isEmpty)
            #expect(found.values.reduce(0, +) >= size.faults / 3, "too few faults to show anything: \(found)")
            #expect(found.count == 6, "\(found)")
            let difference = try YearRun.difference(broken, smooth)
            #expect(difference == nil)
            try await Self.comparePlain(engine, plan, size, folder, smooth, plain)
            print(
                "year on \(engine.rawValue): \(size.consumers) consumers, \(size.days) days, "
                    + "\(found.values.reduce(0, +)) faults ("
                    + found.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + "), "
                    + "\(ContinuousClock.now - start), \(Self.memory())")
        }
    }

    /// Charges are what the readings alone would have brought, had each come once, in time and right.
    private static func comparePlain(
        _ engine: TestEngine, _ plan: YearPlan, _ size: Size, _ folder: String, _ smooth: String, _ plain: String
    ) async throws {
        var simple = YearPlan(
            consumers: min(size.plainHouses, plan.consumers), days: plan.days, seed: plan.seed)
        simple.isPlain = true
        _ = try await run(engine, simple, "plain", 0, to: plain)
        let houses = Set((0..<simple.consumers).map { "\(YearPlan.account($0))" })
        let (all, truth) = (try lastCharges(smooth, of: houses), try lastCharges(plain, of: houses))
        #expect(truth.count == simple.consumers * plan.days)
        let other = all.filter { truth[$0.key] != $0.value }.map { "\($0.key): \($0.value)" }.sorted()
        #expect(all.count == truth.count && other.isEmpty, "\(other.count): \(other.prefix(5))")
    }

    /// Amounts of the last revision of each account and day of a file.
    private static func lastCharges(_ path: String, of houses: Set<String>) throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard words.count > 13, words[1] == "charge", houses.contains(words[0]) else { continue }
            // Packs and energy to total; without revision, version and time.
            found["\(words[0]) \(words[2])"] = Array(words[5...12])
        }
        return found
    }

    /// Runs a year, looks at it every month and at the end, asks for all of it again, and writes its book.
    private static func run(
        _ engine: TestEngine, _ plan: YearPlan, _ name: String, _ faults: Int, to path: String
    ) async throws -> [String: Int] {
        guard engine == .sqlite else {
            return try await SurvivalTests.place(engine) { try await run($0, plan, name, faults, to: path) }
        }
        let place = StorePlace(folder: path + "-stores", url: nil)
        try FileManager.default.createDirectory(atPath: place.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place.folder) }
        try await place.migrate()
        return try await run(place, plan, name, faults, to: path)
    }

    private static func run(
        _ place: StorePlace, _ plan: YearPlan, _ name: String, _ faults: Int, to path: String
    ) async throws -> [String: Int] {
        let start = ContinuousClock.now
        let run = try await YearRun(plan, place, name: name, faults: faults)
        try await run.drive { run, month in
            try await run.checkBook(of: month)
            let charges = try await run.number("SELECT COUNT(*) FROM charge")
            print(
                "year \(name): \(month) is over, \(charges) charges, \(run.faults.values.reduce(0, +)) faults, "
                    + "\(run.meters.moveCount) relays moved, \(ContinuousClock.now - start)")
        }
        for back in (0...plan.first.month.index.distance(to: plan.day(plan.days).month.index)).reversed() {
            try await run.checkBook(of: CivilMonth(index: plan.day(plan.days).month.index - back))
        }
        try await run.checkEnd()
        if !plan.isPlain { #expect(run.meters.moveCount > 0, "nobody was cut") }
        try await run.dump(to: path)
        // Once more, and nothing moves.
        let made = try await run.again()
        #expect(made == 0)
        try await run.dump(to: path + "-again")
        let difference = try YearRun.difference(path, path + "-again")
        #expect(difference == nil)
        await run.close()
        return run.faults
    }

    private static func memory() -> String {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        return status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }.map(String.init) ?? "memory unknown"
    }
}
