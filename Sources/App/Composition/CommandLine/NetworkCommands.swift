// `busbar network` and `busbar report`: the network of delivery, sums of sets and reports, from the server's own
// command line.
import Access
import Accounts
import Aggregation
import CivilTime
import Clocks
import Corridor
import Cryptography
import Foundation
import Grid
import Meters
import Packs
import Quantities
import SQL

/// A node as it is typed.
public struct NodeArguments: Sendable {
    public var kind: String
    public var name: String
    public var from: String?
    public var geography: String?
    /// `stu:NAME`, or a number.
    public var injecting: String?
    public var drawing: String?
    public var isCTUCapable: Bool
    /// `res:NAME`, or a number.
    public var supplier: String?
    public var capacityKW: Int64?
    public init(
        kind: String, name: String, from: String?, geography: String?, injecting: String?, drawing: String?,
        isCTUCapable: Bool, supplier: String?, capacityKW: Int64?
    ) {
        (self.kind, self.name, self.from, self.geography) = (kind, name, from, geography)
        (self.injecting, self.drawing, self.isCTUCapable) = (injecting, drawing, isCTUCapable)
        (self.supplier, self.capacityKW) = (supplier, capacityKW)
    }
}

/// What a command of the network is about; texts as typed.
public enum NetworkChange: Sendable {
    case declare(file: String)
    case file(String)
    case assign(place: Int64, nma: String, takesFromSTU: Bool)
    case pack(packID: String, plant: String)
    case head(serial: String, place: Int64)
    case virtual(name: String, formula: String)
    case move(account: String, place: Int64)
}

private let fileBytesMax = 500_000

private func networkBytes(_ file: String) throws -> Data {
    guard let bytes = FileManager.default.contents(atPath: file) else {
        throw Complaint("\(file): cannot be read", hint: "Check the path.", .usage)
    }
    guard bytes.count <= fileBytesMax else {
        throw Complaint("\(file): more than \(fileBytesMax) bytes", hint: "Cut it into parts.", .usage)
    }
    return bytes
}

public func addNetworkNode(
    _ site: SiteOptions, orgID: Int64?, _ node: NodeArguments, _ console: Console
) async throws -> CommandStatus {
    guard let kind = NodeKind(rawValue: node.kind) else {
        let kinds = NodeKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint("\(node.kind): no kind of node", hint: "Give one of \(kinds).", .usage)
    }
    guard node.capacityKW.map({ (1...1_000_000_000).contains($0) }) != false else {
        throw Complaint("--capacity-kw: out of range", hint: "Give 1 to 1000000000.", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let from =
            try node.from.map { try typedDay($0, "--from") }
            ?? org.zone.day(atS: open.site.clocks.businessNowMs() / 1000)
        let facts = try await open.site.money.read { transaction in
            func number(_ text: String?, _ option: String) throws -> Int64? {
                try text.map { try GridNode.find(named: $0, at: option, scope, in: transaction).nodeID }
            }
            return NodeFacts(
                nodeID: 0, fromDay: from, geography: node.geography,
                injectingSTU: try number(node.injecting, "--injecting"),
                drawingSTU: try number(node.drawing, "--drawing"), isCTUCapable: node.isCTUCapable,
                resID: try number(node.supplier, "--supplier"), capacityW: node.capacityKW.map { $0 * 1000 })
        }
        let made = try await open.site.perform(
            SetGridNode(kind: kind, name: node.name, fromDay: from, facts: facts), as: .system(orgID: org.orgID),
            source: "cli")
        console.say("\(made.nodeID)")
        console.note("\(kind.rawValue):\(made.name), from \(from).")
        return .done
    }
}

private struct NodeRow: Encodable {
    var nodeID: String
    var kind: String
    var name: String
    var geography: String?
    var lossPPM: Int64?
}

public func listNetwork(_ site: SiteOptions, orgID: Int64?, json: Bool, _ console: Console) async throws
    -> CommandStatus
{
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let day = org.zone.day(atS: open.site.clocks.businessNowMs() / 1000)
        let rows = try await open.site.money.read { transaction in
            let paths = try DeliveryPaths(Scope(orgID: org.orgID), in: transaction)
            return paths.nodes.values.sorted { $0.nodeID < $1.nodeID }.map { node in
                NodeRow(
                    nodeID: String(node.nodeID), kind: node.kind.rawValue, name: node.name,
                    geography: paths.facts(of: node.nodeID, on: day)?.geography,
                    lossPPM: paths.term(.loss, of: node.nodeID, on: day))
            }
        }
        if json {
            for row in rows { try console.say(json: row) }
            return .done
        }
        let cells = rows.map {
            // Losses are declared with four decimals of a percent.
            [$0.nodeID, $0.kind, $0.name, $0.geography ?? "", $0.lossPPM.map { fixedPoint($0, places: 4) + "%" } ?? ""]
        }
        for line in table([["number", "kind", "name", "state", "loss"]] + cells) { console.say(line) }
        if rows.isEmpty { console.note("No node yet: `busbar network add nma \"…\" --state …`.") }
        return .done
    }
}

/// Does one change and says what came of it.
public func changeNetwork(
    _ site: SiteOptions, orgID: Int64?, _ change: NetworkChange, from: String?, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let actor: Access.Actor = .system(orgID: org.orgID)
        let day =
            try from.map { try typedDay($0, "--from") } ?? org.zone.day(atS: open.site.clocks.businessNowMs() / 1000)
        func node(_ text: String, _ option: String) async throws -> Int64 {
            try await open.site.money.read {
                try GridNode.find(named: text, at: option, Scope(orgID: org.orgID), in: $0).nodeID
            }
        }
        func perform<C: Command>(_ command: C) async throws -> C.Output {
            try await open.site.perform(command, as: actor, source: "cli")
        }
        switch change {
        case .declare(let file):
            let bytes = try networkBytes(file)
            let added = try await perform(DeclareTerms(TermLine.read(String(decoding: bytes, as: UTF8.self))))
            console.say("\(added)")
            console.note("\(added) declarations were new.")
        case .file(let file):
            let bytes = try networkBytes(file)
            let command = ImportNetwork(
                file: try NetworkFile(String(decoding: bytes, as: UTF8.self)),
                sha256: Secret.hex(Hash.sha256(Array(bytes))))
            do {
                let taken = try await perform(command)
                console.say("\(taken)")
                console.note("\(taken) lines hold.")
            } catch let wrong as WrongLines {
                for line in wrong.lines { console.note(Complaint(line).description) }
                let rest = wrong.count - wrong.lines.count
                if rest > 0 { console.note("… and \(rest) more wrong lines") }
                throw Complaint(
                    "\(file): \(wrong.count) wrong \(wrong.count == 1 ? "line" : "lines"); nothing was taken",
                    hint: "Mend what is told above; a line may be wrong only because one before it is.", .problems)
            }
        case .assign(let place, let nma, let takesFromSTU):
            let nmaID = try await node(nma, "NMA")
            _ = try await perform(
                AssignNetwork(placeID: place, nmaID: nmaID, fromDay: day, takesFromSTU: takesFromSTU))
            console.note("\(nma) serves place \(place) from \(day).")
        case .pack(let packID, let plant):
            let plantID = try await node(plant, "PLANT")
            _ = try await perform(SetPackPlant(packID: packID, plantID: plantID, fromDay: day))
            console.note("\(plant) stands behind \(packID) from \(day).")
        case .head(let serial, let place):
            _ = try await perform(SetGridMeter(serial: serial, placeID: place, fromDay: day))
            console.note("\(serial) measures what goes into place \(place) from \(day).")
        case .virtual(let name, let formula):
            let made = try await perform(DefineVirtualMeter(name: name, formula: formula, fromDay: day))
            console.say("\(made)")
            console.note("virtual:\(made) is \(formula) from \(day).")
        case .move(let number, let place):
            let account = try await open.site.money.read {
                try SupplyAccount.find(number: number, Scope(orgID: org.orgID), in: $0)
            }
            guard let account else { throw Refusal(.notFound, "There is no account \(number).") }
            _ = try await perform(MoveAccount(accountID: account.accountID, placeID: place, fromDay: day))
            console.note("\(number) hangs at place \(place) from \(day).")
        }
        return .done
    }
}

private struct ReportLine: Encodable {
    var columns: [String]
    var units: [String]
    var rows: [[String]]
    var from: String
    var to: String
    var unsummedDays: [String]
}

/// Prints a report as a table, CSV or JSON.
public func printReport(
    _ site: SiteOptions, orgID: Int64?, name: String, from: String, to: String, set: String?, by: String?,
    format: String, _ console: Console
) async throws -> CommandStatus {
    guard let report = ReportName(rawValue: name) else {
        let known = ReportName.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint("\(name): no such report", hint: "Give one of \(known).", .usage)
    }
    guard ["csv", "json", "table"].contains(format) else {
        throw Complaint("--format \(format): not known", hint: "Give table, csv or json.", .usage)
    }
    let (first, last) = (try typedDay(from, "--from"), try typedDay(to, "--to"))
    let kind = by.map { BreakUpKind(rawValue: $0) } ?? .meter
    guard let kind else {
        let known = BreakUpKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint("--by: not known", hint: "Give one of \(known).", .usage)
    }
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        let made = try await naming(["from": "--from", "to": "--to", "set": "--set"]) {
            let query = ReportQuery(report, from: first, to: last, set: try set.map { try SetKey.read($0) }, by: kind)
            return try await SetReader(site: open.site, org: org).report(query, Scope(orgID: org.orgID))
        }
        switch format {
        case "csv":
            for line in made.csv().split(separator: "\r\n") { console.say(String(line)) }
        case "json":
            try console.say(
                json: ReportLine(
                    columns: made.columns.map(\.name), units: made.columns.map(\.unit.rawValue),
                    rows: made.rows.map { $0.cells.map(\.plain) }, from: from, to: to,
                    unsummedDays: made.unsummed.map(\.description)))
        default:
            for line in table(shownRows(made)) { console.say(line) }
        }
        if made.rows.isEmpty { console.note("Nothing of this period. Sums are brought up by the job `aggregate`.") }
        if let begin = made.unsummed.first, let end = made.unsummed.last {
            console.note("\(made.unsummed.count) days from \(begin) to \(end) are not summed up yet and in no number.")
        }
        return .done
    }
}

/// A report as people read it: shares in percent.
private func shownRows(_ report: Report) -> [[String]] {
    let head = report.columns.map { $0.unit == .ppm ? $0.name.replacing(/_ppm$/, with: "") : $0.name }
    let rows = report.rows.map { row in
        zip(report.columns, row.cells).map { column, cell in
            if case .number(let ppm) = cell, column.unit == .ppm { return share(ppm) }
            return cell.plain
        }
    }
    return [head] + rows
}

/// Names of all reports, for the help.
public let reportNames = ReportName.allCases.map(\.rawValue)
/// What consumption is broken up by, for the help.
public let reportBreakUps = BreakUpKind.allCases.map(\.rawValue)

/// Brings the sums of a company up to what is stored now.
public func bringUpSums(_ site: SiteOptions, orgID: Int64?, _ console: Console) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let aggregator = Aggregator(site: open.site, org: org)
        let made = try await aggregator.run()
        let anew = try await aggregator.regroup(days: 62)
        console.say("\(made + anew)")
        console.note("\(made) sums of days changed, \(anew) counted anew.")
        return .done
    }
}
