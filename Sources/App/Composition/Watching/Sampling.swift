// Takes the samples that the figures and the page /status rest on, at a pace that their cost sets; and tells readiness
// what only the composition root knows: the schema and the stop.
import API
import Access
import CivilTime
import Clocks
import Foundation
import Logging
import PostgresAdapter
import SQL
import ServiceLifecycle
import Watch
import Web

/// Samples every company in turn. A company that fails is logged and tried again in the next round.
struct Sampler: Service {
    /// Between two rounds, at least; a round that takes long is followed by a pause twenty times as long, at most…
    static let pauseMs: Int64 = 30_000
    /// … this long.
    static let pauseMaxMs: Int64 = 60_000

    let board: StatusBoard
    let companies: Companies
    let log: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let startNs = Stopwatch.nowNs()
                await board.sampleSite()
                for org in companies.all where !Task.isCancelled {
                    do {
                        try await board.sample(org.orgID)
                    } catch is CancellationError {
                        return
                    } catch {
                        log.warning(
                            "figures were not taken", metadata: ["org": "\(org.orgID)", "error": "\(error)"])
                    }
                }
                let costMs = (Stopwatch.nowNs() - startNs) / 1_000_000
                let pauseMs = min(Self.pauseMaxMs, max(Self.pauseMs, costMs * 20))
                try? await Task.sleep(for: .milliseconds(pauseMs))
            }
        }
    }
}

/// Says "not ready" from the moment a stop is asked for. Put it last: services are stopped from the end.
struct StopWatch: Service {
    let readiness: Readiness

    func run() async throws {
        try? await gracefulShutdown()
        readiness.stop()
    }
}

extension OpenSite {
    /// The same site with its transactions counted and timed, and what the watch may ask of it.
    func measured() -> (open: OpenSite, facts: SiteFacts) {
        let money = StoreMeter(store: "money")
        let readings = StoreMeter(store: "readings")
        var copy = self
        let postgres = (site.money as? LeasedDatabase)?.inner as? PostgresDatabase
        copy.site.money = MeasuredDatabase(site.money, money)
        copy.site.readings = MeasuredReadings(site.readings, readings)
        var facts = SiteFacts()
        facts.waiting = { [("money", money.waitingCount), ("readings", readings.waitingCount)] }
        facts.sizes = { [folder] in
            if let postgres { return [("postgres", (try? await postgres.sizeBytes()) ?? 0)] }
            return Self.fileSizes(folder)
        }
        facts.freeBytes = { [folder] in
            (try? FileManager.default.attributesOfFileSystem(forPath: folder))?[.systemFreeSize] as? Int64
        }
        facts.lastBackupAtMs = { [folder] in
            LastBackup.read(folder: folder).flatMap { $0.isVerified ? $0.atMs : nil }
        }
        return (copy, facts)
    }

    /// Files of the money store and of all months, their logs included.
    private static func fileSizes(_ folder: String) -> [(store: String, bytes: Int64)] {
        var money: Int64 = 0
        var readings: Int64 = 0
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            guard let size = attributes?[.size] as? Int64 else { continue }
            if name.hasPrefix("money.db") { money += size }
            if name.hasPrefix("readings-") { readings += size }
        }
        return [("money", money), ("readings", readings)]
    }

    /// How many migrations the database lacks, for readiness.
    static func pendingMigrations(in money: any Database) async throws -> Int {
        let stores: [SchemaStore] = money.engine == .postgres ? SchemaStore.allCases : [.money]
        var pending = 0
        for store in stores {
            pending += try await Migrator.pending(BusbarSchema.migrations, store: store, in: money).count
        }
        return pending
    }
}
