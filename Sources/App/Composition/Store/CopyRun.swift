// Moves all tables from one house to another, page by page, and compares what arrived. Killed anywhere, it goes on.
import Clocks
import Cryptography
import Quantities
import SQL

/// A table of a part as both sides have it.
public struct CopiedTable: Sendable, Equatable, Encodable {
    public var part: String
    public var table: String
    public var sourceRows: Int64
    public var destinationRows: Int64
    public var sourceSHA256: String
    public var destinationSHA256: String
    public var isEqual: Bool { sourceRows == destinationRows && sourceSHA256 == destinationSHA256 }
}

/// One run of a copy.
struct CopyRun: Sendable {
    /// Rows a transaction of the destination.
    var pageRows = 4_000
    let tables: [StoredTable]
    let clocks: Clocks
    /// Told of every page that is safely stored: rows so far and rows in all. Throwing stops the copy there.
    var onPage: @Sendable (_ done: Int64, _ all: Int64, _ what: String) async throws -> Void = { _, _, _ in }

    private struct Item {
        var part: CopyPart
        var table: StoredTable
        var rows: Int64
    }

    /// Copies what is missing and compares all; empty when an earlier run had compared it. The destination is opened to others only when all is equal.
    func run(from source: CopyHouse, to site: SiteOptions) async throws -> [CopiedTable] {
        let items = try await count(source)
        let total = items.reduce(0) { $0 + $1.rows }
        let destination = try await CopyHouse.destination(site, tables: tables, source: Self.fingerprint(items))
        do {
            if try await CopyProgress.isVerified(in: destination.money) {
                try await open(destination, source.parts)
                await destination.close()
                return []
            }
            var done: Int64 = 0
            for part in source.parts {
                let own = items.filter { $0.part == part }
                try await copy(own, part, source, destination, &done, total)
            }
            let compared = try await compare(items, destination, total)
            try await source.refuseLiveProcesses(clocks.systemNowMs())
            guard Self.fingerprint(try await count(source)) == Self.fingerprint(items) else {
                throw Complaint(
                    "the source was written to while it was copied", hint: "Stop everything that uses it; copy anew.",
                    .problems)
            }
            if compared.allSatisfy(\.isEqual) { try await open(destination, source.parts) }
            await destination.close()
            return compared
        } catch {
            await destination.close()
            throw error
        }
    }

    private func count(_ house: CopyHouse) async throws -> [Item] {
        var items: [Item] = []
        for part in house.parts {
            let own = tables.filter(part.holds)
            items += try await house.with(part) { database in
                try await database.read { transaction in
                    try own.map {
                        Item(part: part, table: $0, rows: try $0.count(month: part.month, in: transaction))
                    }
                }
            }
        }
        return items
    }

    /// What a copy was begun from: the count of every table. A source that was used since has other counts.
    private static func fingerprint(_ items: [Item]) -> [UInt8] {
        Hash.sha256(Array(items.map { "\($0.part.name) \($0.table.name) \($0.rows)\n" }.joined().utf8))
    }

    private func copy(
        _ items: [Item], _ part: CopyPart, _ source: CopyHouse, _ destination: CopyHouse, _ done: inout Int64,
        _ total: Int64
    ) async throws {
        let start = done
        try await source.with(part) { from in
            try await destination.with(part, makes: true) { to in
                if part.month != nil { try await CopyProgress.begin(source: nil, in: to) }
                var rows = start
                for item in items {
                    try await copy(item, from, to) { added in
                        try await onPage(rows + added, total, item.table.name)
                    }
                    rows += item.rows
                }
            }
        }
        done += items.reduce(0) { $0 + $1.rows }
    }

    /// Reads the next page while the one before is stored.
    private func copy(
        _ item: Item, _ from: any Database, _ to: any Database, onRows: (Int64) async throws -> Void
    ) async throws {
        let (part, table) = (item.part, item.table)
        var progress = try await to.read { try CopyProgress.of(part, table, in: $0) }
        guard !progress.isDone else { return }
        var page = try await read(table, part, after: progress.lastKey, from)
        while true {
            let next = progress.after(page, table, isLast: page.count < pageRows)
            async let following = following(next, table, part, from)
            let (rows, earlier) = (page, progress)
            try await to.write { transaction in
                try next.store(after: earlier, part, table, in: transaction)
                try table.store(rows, in: transaction)
            }
            page = try await following
            progress = next
            try await onRows(progress.digest.rows)
            if progress.isDone { return }
        }
    }

    private func following(
        _ progress: CopyProgress, _ table: StoredTable, _ part: CopyPart, _ database: any Database
    ) async throws -> [[SQLValue]] {
        progress.isDone ? [] : try await read(table, part, after: progress.lastKey, database)
    }

    private func read(
        _ table: StoredTable, _ part: CopyPart, after key: [SQLValue]?, _ database: any Database
    ) async throws -> [[SQLValue]] {
        let sql = try table.page(month: part.month, isAfter: key != nil, limit: pageRows)
        return try await database.read { try $0.query(sql, key ?? [], table.decode) }
    }

    private func compare(_ items: [Item], _ destination: CopyHouse, _ total: Int64) async throws -> [CopiedTable] {
        var compared: [CopiedTable] = []
        var done: Int64 = 0
        for item in items {
            let (part, table) = (item.part, item.table)
            let (wanted, found) = try await destination.with(part) { database in
                let wanted = try await database.read { try CopyProgress.of(part, table, in: $0).digest }
                var found = RowDigest()
                var key: [SQLValue]?
                while true {
                    let page = try await read(table, part, after: key, database)
                    found.add(page: page)
                    try await onPage(done + found.rows, total, "comparing \(table.name)")
                    guard page.count == pageRows, let last = page.last else { break }
                    key = table.key.map { last[$0] }
                }
                return (wanted, found)
            }
            done += found.rows
            compared.append(
                CopiedTable(
                    part: part.name, table: table.name, sourceRows: item.rows, destinationRows: found.rows,
                    sourceSHA256: wanted.sha256.map(hex).joined(), destinationSHA256: found.sha256.map(hex).joined()))
        }
        return compared
    }

    /// The money store last: as long as it is marked, the same command goes on here.
    private func open(_ destination: CopyHouse, _ parts: [CopyPart]) async throws {
        if destination.engine == .postgres {
            // Without figures the planner would guess until the server gathers them by itself.
            try await destination.money.write { transaction in
                for table in tables { try transaction.run("ANALYZE \(table.name)") }
            }
        }
        try await CopyProgress.markVerified(in: destination.money)
        for part in parts.reversed() where destination.engine == .sqlite || part.month == nil {
            try await destination.with(part) { try await CopyProgress.end(in: $0) }
        }
    }
}

extension CopyProgress {
    func after(_ page: [[SQLValue]], _ table: StoredTable, isLast: Bool) -> CopyProgress {
        var next = self
        next.digest.add(page: page)
        if let last = page.last { next.lastKey = table.key.map { last[$0] } }
        next.isDone = isLast
        return next
    }
}
