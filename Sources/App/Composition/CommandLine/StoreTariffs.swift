// `busbar packs store` and `busbar prices import`: tariff files and prices of exchanges into the database, whole or not
// at all.
import Access
import Clocks
import Packs
import SQL
import Tariffs

/// Stores versions of base packs from tariff files. The same file again changes nothing.
public func storeTariffs(
    _ site: SiteOptions, orgID: Int64?, files: [String], _ console: Console
) async throws -> CommandStatus {
    let commands = try files.map { path in
        StoreTariff(
            text: String(decoding: try readFile(path, limit: 500_000), as: UTF8.self), file: shownName(path))
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let calendars = try await open.site.money.read { try Calendars.all(Scope(orgID: org.orgID), in: $0) }
        try prove(commands, calendars)
        for command in commands {
            console.say(try await open.site.perform(command, as: .system(orgID: org.orgID), source: "cli"))
        }
        return .done
    }
}

/// Before anything is stored: all files can be read. A function by itself, as the optimiser of Swift 6.3 dies of this
/// loop in the midst of what waits.
@inline(never)
private func prove(_ commands: [StoreTariff], _ calendars: SharedCalendars) throws {
    for command in commands {
        _ = try TariffReader.read(Array(command.text.utf8), file: command.file, calendars: calendars)
    }
}

/// Stores what a file of prices has that is not known yet.
public func importPrices(
    _ site: SiteOptions, orgID: Int64?, file: String, revises: Bool, _ console: Console
) async throws -> CommandStatus {
    let name = shownName(file)
    let quarters = try MarketPrices.quarters(csv: try readFile(file, limit: 50_000_000), file: name)
    let parts = stride(from: 0, to: quarters.count, by: MarketPriceStore.limit).map { start in
        StoreMarketPrices(
            Array(quarters[start..<min(start + MarketPriceStore.limit, quarters.count)]), file: name, revises: revises)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        // A row that is refused stops the file before its first is stored.
        try await open.site.money.read { transaction in
            for part in parts { _ = try part.plan(Scope(orgID: org.orgID), in: transaction) }
        }
        var stored = StoreMarketPrices.Stored()
        for part in parts {
            let found = try await open.site.perform(part, as: .system(orgID: org.orgID), source: "cli")
            stored.new += found.new
            stored.revised += found.revised
            stored.known += found.known
        }
        console.say("\(stored.new) new, \(stored.revised) revised, \(stored.known) known")
        return .done
    }
}
