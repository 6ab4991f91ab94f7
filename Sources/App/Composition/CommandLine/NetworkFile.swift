// `busbar network import FILE`: nodes of the network of delivery, or which serve which places, as CSV. All lines
// or none; the same file again changes nothing. The commands behind are those of one node and one place.
import Access
import CivilTime
import Corridor
import Foundation
import Grid
import SQL

/// Lines of a file as they are written, checked for form; names are looked up when they are taken.
struct NetworkFile: Sendable {
    enum Line: Sendable {
        case node(kind: NodeKind, name: String, fields: [String: String])
        case assign(fields: [String: String])
    }
    static let nodeHeader = "node,from,state,injecting,drawing,ctu_capable,supplier,capacity_kw"
    static let assignHeader = "place,nma,from,at_stu"
    static let linesMax = 5_000

    var lines: [(number: Int, line: Line)] = []
    /// Lines that are wrong by themselves.
    var wrong = WrongLines()

    /// - Throws: ``Refusal`` for a file that is none of the network's.
    init(_ text: String) throws {
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.hasSuffix("\r") ? $0.dropLast() : $0
        }
        let header = rows.first.map { String($0.drop { $0 == "\u{FEFF}" }) } ?? ""
        guard [Self.nodeHeader, Self.assignHeader].contains(header) else {
            throw Refusal(
                .invalid, "The first line must be \(Self.nodeHeader) or \(Self.assignHeader).", at: "line 1")
        }
        guard rows.count <= Self.linesMax else {
            throw Refusal(.tooLarge, "More than \(Self.linesMax) lines.", hint: "Cut the file into parts.")
        }
        for (index, row) in rows.enumerated().dropFirst() where !row.isEmpty {
            do {
                lines.append((index + 1, try Self.line(row, header)))
            } catch let refusal as Refusal { wrong.add(refusal, line: index + 1) }
        }
    }

    private static func line(_ row: Substring, _ header: String) throws -> Line {
        let names = header.split(separator: ",").map(String.init)
        let cells = row.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        guard cells.count == names.count else {
            throw Refusal(.invalid, "\(cells.count) fields; there must be \(names.count): \(header).")
        }
        let fields = Dictionary(uniqueKeysWithValues: zip(names, cells)).filter { !$0.value.isEmpty }
        guard let from = fields["from"], CivilDay(from) != nil else {
            throw Refusal(.invalid, "The day is missing or is none.", hint: "Write 2026-04-01.")
        }
        for name in ["ctu_capable", "at_stu"] {
            guard fields[name].map({ ["yes", "no"].contains($0) }) != false else {
                throw Refusal(.invalid, "\(name) is yes or no.")
            }
        }
        guard header == nodeHeader else { return .assign(fields: fields) }
        let parts = (fields["node"] ?? "").split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, let kind = NodeKind(rawValue: parts[0]) else {
            let kinds = NodeKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(
                .invalid, "\(cells[0].prefix(60)) is no node.", hint: "Write KIND:NAME with one of \(kinds).")
        }
        guard fields["capacity_kw"].map({ (1...1_000_000_000).contains(Int64($0) ?? 0) }) != false else {
            throw Refusal(.invalid, "capacity_kw is a whole number from 1 to 1000000000.")
        }
        return .node(kind: kind, name: parts[1], fields: fields)
    }
}

/// What is wrong with the lines of a file, in their order: the first hundred, and how many there are.
struct WrongLines: Error {
    static let linesMax = 100
    private var found: [(line: Int, refusal: Refusal)] = []
    private(set) var count = 0

    var lines: [Refusal] { found.map(\.refusal) }

    mutating func add(_ refusal: Refusal, line: Int) {
        count += 1
        var refusal = refusal
        refusal.at = "line \(line)\(refusal.at.map { ", \($0)" } ?? "")"
        let place = found.firstIndex { $0.line > line } ?? found.endIndex
        found.insert((line, refusal), at: place)
        if found.count > Self.linesMax { found.removeLast() }
    }
}

/// Takes a file of the network: all lines or none.
struct ImportNetwork: Command {
    static let name = "grid.import-network"
    static let permissions: [Permission] = [.manageSettings]

    let file: NetworkFile
    let sha256: String

    var key: String? { nil }
    var subjectID: Int64 { 0 }
    var content: String { "sha256=\(sha256) lines=\(file.lines.count)" }

    /// - Throws: ``WrongLines``; nothing of the file is taken then.
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        let places = try Place.all(scope, in: transaction)
        var wrong = file.wrong
        for (number, line) in file.lines {
            do {
                switch line {
                case .node(let kind, let name, let fields):
                    try take(kind, name, fields, in: transaction, context)
                case .assign(let fields):
                    try assign(fields, places, in: transaction, context)
                }
            } catch let refusal as Refusal { wrong.add(refusal, line: number) }
        }
        guard wrong.count == 0 else { throw wrong }
        return file.lines.count
    }

    private func take(
        _ kind: NodeKind, _ name: String, _ fields: [String: String], in transaction: any SQLTransaction,
        _ context: CommandContext
    ) throws {
        guard let from = fields["from"].flatMap({ CivilDay($0) }) else { return }
        func node(_ field: String) throws -> Int64? {
            try fields[field].map {
                try GridNode.find(named: $0, at: field, context.actor.scope, in: transaction).nodeID
            }
        }
        let facts = NodeFacts(
            nodeID: 0, fromDay: from, geography: fields["state"], injectingSTU: try node("injecting"),
            drawingSTU: try node("drawing"), isCTUCapable: fields["ctu_capable"] == "yes",
            resID: try node("supplier"), capacityW: fields["capacity_kw"].flatMap { Int64($0) }.map { $0 * 1000 })
        _ = try SetGridNode(kind: kind, name: name, fromDay: from, facts: facts).run(in: transaction, context)
    }

    /// A place by its number, or by its name where one place alone has it.
    private func assign(
        _ fields: [String: String], _ places: [Place], in transaction: any SQLTransaction, _ context: CommandContext
    ) throws {
        guard let from = fields["from"].flatMap({ CivilDay($0) }) else { return }
        let word = fields["place"] ?? ""
        let found = places.filter { String($0.placeID) == word || $0.name == word }
        guard let place = found.first, found.count == 1 else {
            throw Refusal(
                .notFound, found.isEmpty ? "There is no place \(word.prefix(60))." : "Several places are named so.",
                hint: "`busbar place list` shows their numbers.", at: "place")
        }
        let nma = try GridNode.find(named: fields["nma"] ?? "", at: "nma", context.actor.scope, in: transaction)
        _ = try AssignNetwork(
            placeID: place.placeID, nmaID: nma.nodeID, fromDay: from, takesFromSTU: fields["at_stu"] == "yes"
        ).run(in: transaction, context)
    }
}
