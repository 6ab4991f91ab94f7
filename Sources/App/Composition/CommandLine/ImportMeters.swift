// Whose the columns of a load file are: known meters, the map of names to serial numbers, and new meters on request.
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

/// A name of the file without a meter.
struct MissingMeter: Sendable {
    var column: Int
    var serial: String
    var firstDay: CivilDay
}

struct ImportPlan: Sendable {
    var targets: [ImportTarget] = []
    /// To be added; empty unless asked for.
    var missing: [MissingMeter] = []
    var refusals: [ImportRefusal] = []
}

/// Finds the meter of every name in the file; a name without one is refused, or noted as missing when `creates`.
func planImport(
    _ file: LoadFile, serials: [String: String]?, _ org: Org, isNew: Bool, creates: Bool, _ open: OpenSite
) async throws -> ImportPlan {
    try await open.site.money.read { transaction in
        var plan = ImportPlan()
        let scope = Scope(orgID: org.orgID)
        for (column, name) in file.meters.enumerated() {
            let days = file.days(column)
            guard let firstDay = days.first?.day else { continue }
            func refuse(_ what: String, _ hint: String) {
                let row = file.layout == .wide ? 1 : 0
                plan.refusals.append(
                    ImportRefusal(row: row, what: "\(what); its \(days.count) days were not taken", hint: hint))
            }
            guard let serial = serials.map({ $0[name] }) ?? name else {
                refuse("\(name) is not in the map of meters", "add a line with the name and the serial number")
                continue
            }
            guard let meter = try isNew ? nil : Meter.find(serial: serial, scope, in: transaction) else {
                if creates {
                    plan.missing.append(MissingMeter(column: column, serial: serial, firstDay: firstDay))
                } else {
                    refuse(
                        "there is no meter \(serial)",
                        "add the meter, or map the name with --meters, or --create-meters")
                }
                continue
            }
            guard meter.capturePeriodS == Int64(file.periodS) else {
                refuse(
                    "meter \(serial) captures every \(meter.capturePeriodS / 60) minutes, "
                        + "the file \(file.periodS / 60)",
                    "give a file of the meter's period")
                continue
            }
            let installation = try Installation.of(meterID: meter.meterID, on: firstDay, scope, in: transaction)
            let account = try installation.map { try SupplyAccount.find($0.accountID, scope, in: transaction) }
            plan.targets.append(
                ImportTarget(column: column, meterID: meter.meterID, sanctionedW: account?.sanctionedW ?? 0))
        }
        return plan
    }
}

/// Adds meter, account, installation and packs for each, from its first day in the file; all or nothing.
func createMeters(
    _ missing: [MissingMeter], _ file: LoadFile, _ packs: PackSet, _ org: Org, isNew: Bool, _ site: Site
) async throws -> [ImportTarget] {
    if isNew {
        _ = try await site.perform(AddOrg(org), as: .system(orgID: org.orgID), source: "cli", why: "import")
    }
    let firstDay = missing.map(\.firstDay).min() ?? CivilDay(number: 0)
    return try await site.perform(
        CreateMeters(missing: missing, periodS: Int64(file.periodS), packs: packs, firstDay: firstDay),
        as: .system(orgID: org.orgID), source: "cli", why: "import \(file.file)"
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

    var missing: [MissingMeter]
    var periodS: Int64
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
                sealedKeys: nil, capturePeriodS: periodS
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

/// Reads a CSV of a name in the load file and a serial number, a line each; a header line may come first.
func readMeterMap(_ path: String) throws -> [String: String] {
    let text = String(decoding: try readFile(path, limit: 20_000_000), as: UTF8.self)
    var serials: [String: String] = [:]
    var names: [String: String] = [:]
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
        func bad(_ what: String, _ hint: String) -> Complaint {
            Complaint("\(path):\(index + 1): \(what)", hint: hint, .problems)
        }
        let cells = line.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.filter { $0 != "\"" && $0 != "\u{FEFF}" }.drop { $0.isWhitespace }
        }.map { cell in String(cell.reversed().drop { $0.isWhitespace }.reversed()) }
        if cells.allSatisfy(\.isEmpty) { continue }
        if index == 0, cells.count == 2, cells[1].lowercased() == "serial" { continue }
        guard cells.count == 2, cells.allSatisfy({ (1...100).contains($0.utf8.count) }) else {
            throw bad("not a name and a serial number", "Give two columns: name in the load file, serial of the meter.")
        }
        guard serials.updateValue(cells[1], forKey: cells[0]) == nil else {
            throw bad("\(cells[0]) stands twice", "Give each name one line.")
        }
        if let other = names.updateValue(cells[0], forKey: cells[1]) {
            throw bad("meter \(cells[1]) is mapped from \(other) and \(cells[0])", "Give each meter one name.")
        }
    }
    guard !serials.isEmpty else {
        throw Complaint("\(path): the map of meters is empty", hint: "Give lines of name,serial.", .problems)
    }
    return serials
}

extension OpenSite {
    func accountID(number: String, _ scope: Scope) async throws -> Int64 {
        guard let account = try await site.money.read({ try SupplyAccount.find(number: number, scope, in: $0) }) else {
            throw Refusal(.notFound, "There is no account \(number).", hint: "Account numbers look like BB-000123.")
        }
        return account.accountID
    }
}
