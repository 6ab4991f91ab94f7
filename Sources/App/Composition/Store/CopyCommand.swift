// `busbar db copy`: moves a house from one database to another, with a bar, a table of what was compared, and what is
// left to do. The work is in CopyRun.
import Clocks
import Foundation
import Quantities
import SQL
import Synchronization

public struct CopyOptions: Sendable {
    public var destination: SiteOptions
    /// Also bring the key file.
    public var withKey: Bool
    public var json: Bool
    public init(destination: SiteOptions, withKey: Bool = false, json: Bool = false) {
        self.destination = destination
        self.withKey = withKey
        self.json = json
    }
}

private struct CopyReport: Encodable {
    var tables: [CopiedTable]
    var rows: Int64
    var different: Int
    var seconds: String
}

/// Copies every table, compares counts and digests, and opens the destination only when all are equal.
public func copyDatabase(
    _ site: SiteOptions, _ options: CopyOptions, clocks: Clocks = .live, _ console: Console
) async throws -> CommandStatus {
    try await copyDatabase(site, options, clocks: clocks, pageRows: 4_000, onPage: { _ in }, console)
}

/// - Parameters:
///   - pageRows: rows a transaction.
///   - onPage: told the rows stored so far; throwing stops the copy there, as a kill would.
func copyDatabase(
    _ site: SiteOptions, _ options: CopyOptions, clocks: Clocks, pageRows: Int,
    onPage: @escaping @Sendable (Int64) throws -> Void, _ console: Console
) async throws -> CommandStatus {
    try refuseSame(site, options.destination)
    if options.withKey { _ = try MasterKey.file(toCopy: site) }
    let progress = ProgressLine(console)
    let source = try await CopyHouse.source(site, systemNowMs: clocks.systemNowMs())
    let compared: [CopiedTable]
    do {
        let meter = CopyMeter(nowMs: clocks.systemNowMs)
        var run = CopyRun(tables: try await StoredTable.all(), clocks: clocks)
        run.pageRows = pageRows
        run.onPage = { done, all, what in
            progress.at(meter.line(done, all, what))
            try onPage(done)
        }
        compared = try await run.run(from: source, to: options.destination)
        await source.close()
    } catch {
        await source.close()
        throw error
    }
    let took = progress.end()
    let different = compared.filter { !$0.isEqual }
    let rows = compared.reduce(0) { $0 + $1.destinationRows }
    if options.json {
        try console.say(
            json: CopyReport(tables: compared, rows: rows, different: different.count, seconds: took))
    } else {
        say(compared, console)
    }
    guard different.isEmpty else {
        console.note("\(different.count) of \(compared.count) tables differ; the destination stays closed.")
        console.note("Empty the destination and copy again. If it differs again, check its disk and its server.")
        return .problems
    }
    console.note(
        compared.isEmpty
            ? "The copy was complete already; it is open now." : "\(rows) rows copied and compared, all equal, \(took)")
    try bringKey(site, options, console)
    return .done
}

private func refuseSame(_ one: SiteOptions, _ other: SiteOptions) throws {
    func path(_ folder: String) -> String { URL(fileURLWithPath: folder).standardizedFileURL.path }
    let isSame =
        one.databaseURL != nil || other.databaseURL != nil
        ? one.databaseURL == other.databaseURL : path(one.folder) == path(other.folder)
    guard !isSame else {
        throw Complaint(
            "source and destination are the same", hint: "Say where to with --to-data or --to-database.", .usage)
    }
}

private func say(_ compared: [CopiedTable], _ console: Console) {
    let rows = compared.filter { $0.sourceRows > 0 || !$0.isEqual }.map { item in
        [
            item.isEqual ? "equal" : "DIFFERS", item.part, item.table, "\(item.sourceRows)", "\(item.destinationRows)",
            String(item.sourceSHA256.prefix(12)), String(item.destinationSHA256.prefix(12)),
        ]
    }
    let head = ["", "part", "table", "rows", "arrived", "sha-256", "arrived"]
    for line in table([head] + rows) { console.say(line) }
    let empty = compared.count - rows.count
    if empty > 0 { console.say("and \(empty) tables without a row") }
}

/// The key that opens the meters' keys: brought when asked for; else what is to be done is said.
private func bringKey(_ site: SiteOptions, _ options: CopyOptions, _ console: Console) throws {
    let files = FileManager.default
    let to = options.destination.folder + "/master.key"
    guard let from = MasterKey.files(site)?.current else {
        return console.note("The meters' keys open only with the master key of \(MasterKey.place(site)): keep it set.")
    }
    // Without a file nothing was ever sealed; one that is there is not written over.
    guard files.fileExists(atPath: from), !files.fileExists(atPath: to) else { return }
    if options.withKey {
        try copyKey(from: from, to: to)
        console.note("The key of the meters' keys was copied to \(to).")
    } else if site.masterKey == .folder {
        console.note(
            "The meters' keys open only with \(from): before serving, `cp -p \(from) \(to)` (or use --with-key).")
    } else {
        console.note("The meters' keys open only with \(from): serve the copy with the same master_key_file.")
    }
}

/// Copies a key file, readable by this user alone from the first byte on.
func copyKey(from: String, to: String) throws {
    guard let key = FileManager.default.contents(atPath: from) else {
        throw Complaint("\(from) cannot be read", hint: "Run this as the user who owns it.", .problems)
    }
    try FileManager.default.createDirectory(
        atPath: (to as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    guard
        FileManager.default.createFile(atPath: to, contents: key, attributes: [.posixPermissions: 0o600])
    else { throw Complaint("\(to) cannot be written", hint: "Check the folder's owner.", .problems) }
}

/// Rows as a bar with rate and, once there is something to judge by, the remaining time.
final class CopyMeter: Sendable {
    private let nowMs: @Sendable () -> Int64
    /// Rows there were when the first were told, and when that was: what an earlier run had copied took no time of
    /// this one, and neither did counting.
    private let first = Mutex<(rows: Int64, atMs: Int64)?>(nil)

    init(nowMs: @escaping @Sendable () -> Int64) { self.nowMs = nowMs }

    func line(_ done: Int64, _ all: Int64, _ what: String) -> String {
        let isComparing = what.hasPrefix("comparing")
        // Comparing reads as many rows again; reading is quicker than storing, so this is rather too long.
        let (have, whole) = (isComparing ? all + done : done, max(1, all * 2))
        let atMs = nowMs()
        let first = first.withLock { first in
            let known = first ?? (have, atMs)
            first = known
            return known
        }
        let filled = Int(have * 20 / whole)
        let bar = String(repeating: "#", count: min(20, filled)) + String(repeating: ".", count: max(0, 20 - filled))
        let line = "[\(bar)] \(have * 100 / whole) %  \(what)  \(done) of \(all) rows"
        let (moved, tookMs) = (have - first.rows, atMs - first.atMs)
        guard moved > 0, tookMs >= 3_000 else { return line }
        let leftS = (whole - have) * tookMs / moved / 1000
        return line + ", \(moved * 1000 / tookMs) a second, "
            + "about \(leftS / 60):\(leftS % 60 < 10 ? "0" : "")\(leftS % 60) left"
    }
}
