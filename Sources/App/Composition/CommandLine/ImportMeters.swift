// New meters and accounts for the names of a file, on request, and the map of names to serial numbers.
import Access
import Accounts
import CivilTime
import Clocks
import Grid
import LoadFiles
import MeterData
import Meters
import Packs
import SQL
import Tariffs

/// Adds meter, account, installation and packs for each, from its first day in the file; all or nothing.
func createMeters(
    _ missing: [UnknownMeter], _ file: String, _ packs: PackSet, _ org: Org, isNew: Bool, _ site: Site
) async throws -> [ImportTarget] {
    if isNew {
        _ = try await site.perform(AddOrg(org), as: .system(orgID: org.orgID), source: "cli", why: "import")
    }
    let firstDay = missing.map(\.firstDay).min() ?? CivilDay(number: 0)
    return try await site.perform(
        CreateMeters(missing: missing, packs: packs, firstDay: firstDay),
        as: .system(orgID: org.orgID), source: "cli", why: "import \(file)"
    ).map { ImportTarget(column: $0.column, meterID: $0.meterID, sanctionedW: packs.sanctionedW) }
}

/// The meters and accounts of a file that nobody has entered yet.
struct CreateMeters: Command {
    static let name = "import.create-meters"
    static let permissions: [Permission] = [.runJobs]

    struct Made: Sendable, Codable {
        var column: Int
        var meterID: Int64
    }

    var missing: [UnknownMeter]
    var packs: PackSet
    var firstDay: CivilDay

    /// A serial number exists once, so a second run finds the meters and adds nothing.
    var key: String? { nil }
    var subjectID: Int64 { 0 }
    var content: String { "meters=\(missing.count) base=\(packs.base.id)@\(packs.base.version)" }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> [Made] {
        let scope = context.actor.scope
        let placeID: Int64
        if let known = try Place.all(scope, in: transaction).first {
            placeID = known.placeID
        } else {
            placeID = context.ids.next()
            try Place(placeID: placeID, parentID: nil, kind: .plant, name: "Imported").create(scope, in: transaction)
        }
        try Packs.store(packs.base, from: firstDay, scope, in: transaction)
        for addOn in packs.addOns { try Packs.store(addOn, from: firstDay, scope, in: transaction) }
        return try missing.map { item in
            let (meterID, accountID) = (context.ids.next(), context.ids.next())
            try SupplyAccount(
                accountID: accountID, accountNumber: "IMP-\(item.serial)", name: item.serial, category: "domestic",
                placeID: placeID, sanctionedW: packs.sanctionedW, language: "en", openedDay: item.firstDay
            ).create(scope, in: transaction)
            // No address: such a meter is never called, its data comes by file.
            try Meter(
                meterID: meterID, serial: item.serial, host: "", port: 0, clientAddress: 16, authentication: "none",
                sealedKeys: nil, capturePeriodS: Int64(item.periodS)
            ).create(scope, atMs: context.businessNowMs, in: transaction)
            try Installation(meterID: meterID, accountID: accountID, fromDay: item.firstDay).create(
                scope, in: transaction)
            for (packID, kind) in [(packs.base.id, PackKind.base)] + packs.addOns.map({ ($0.id, PackKind.addOn) }) {
                try Subscription(
                    subscriptionID: context.ids.next(), accountID: accountID, packID: packID, kind: kind,
                    fromDay: item.firstDay
                ).create(scope, in: transaction)
            }
            context.changed(.meter(meterID), "serial", from: nil, to: item.serial)
            context.changed(.meter(meterID), "account", from: nil, to: "IMP-\(item.serial) from \(item.firstDay)")
            context.changed(.account(accountID), "number", from: nil, to: "IMP-\(item.serial)")
            context.changed(.account(accountID), "meter", from: nil, to: "\(item.serial) from \(item.firstDay)")
            return Made(column: item.column, meterID: meterID)
        }
    }
}

/// The map of meters: serial numbers by name, and multipliers where a line has one.
struct MeterMap {
    var serials: [String: String] = [:]
    var multipliers: [String: String] = [:]
}

/// Reads a CSV of a name in the file, a serial number and, if wanted, a multiplier such as the ratio of current
/// transformers, a line each; a header line may come first.
func readMeterMap(_ path: String) throws -> MeterMap {
    let text = String(decoding: try readFile(path, limit: 20_000_000), as: UTF8.self)
    var map = MeterMap()
    var names: [String: String] = [:]
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
        func bad(_ what: String, _ hint: String) -> Complaint {
            Complaint("\(path):\(index + 1): \(what)", hint: hint, .problems)
        }
        let cells = line.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.filter { $0 != "\"" && $0 != "\u{FEFF}" }.drop { $0.isWhitespace }
        }.map { cell in String(cell.reversed().drop { $0.isWhitespace }.reversed()) }
        if cells.allSatisfy(\.isEmpty) { continue }
        if index == 0, (2...3).contains(cells.count), cells[1].lowercased() == "serial" { continue }
        guard (2...3).contains(cells.count), cells.allSatisfy({ (1...100).contains($0.utf8.count) }) else {
            throw bad(
                "not a name and a serial number",
                "Give two columns, name in the file and serial of the meter, and a third for a multiplier.")
        }
        guard map.serials.updateValue(cells[1], forKey: cells[0]) == nil else {
            throw bad("\(cells[0]) stands twice", "Give each name one line.")
        }
        if let other = names.updateValue(cells[0], forKey: cells[1]) {
            throw bad("meter \(cells[1]) is mapped from \(other) and \(cells[0])", "Give each meter one name.")
        }
        if cells.count == 3 {
            var options = ReadingOptions()
            guard options.setMultiplier(cells[2]) else {
                throw bad("multiplier \(cells[2].prefix(20))", "Write a positive decimal number such as 200 or 0.5.")
            }
            map.multipliers[cells[0]] = cells[2]
        }
    }
    guard !map.serials.isEmpty else {
        throw Complaint("\(path): the map of meters is empty", hint: "Give lines of name,serial.", .problems)
    }
    return map
}

extension OpenSite {
    func accountID(number: String, _ scope: Scope) async throws -> Int64 {
        guard let account = try await site.money.read({ try SupplyAccount.find(number: number, scope, in: $0) }) else {
            throw Refusal(.notFound, "There is no account \(number).", hint: "Account numbers look like BB-000123.")
        }
        return account.accountID
    }
}
