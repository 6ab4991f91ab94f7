// What nodes declare: losses in percent, charges and costs per kWh, each from a day on. Rows are never changed: a new
// declaration for the same day is a further revision. Reckons nothing.
import Access
import CivilTime
import Corridor
import SQL

/// What is declared. Stored by name.
public enum TermKind: String, Sendable, CaseIterable, Codable {
    /// Millionths of what the node takes in.
    case loss = "loss-percent"
    /// Milli-paise per kWh delivered by the node.
    case deliveryCharge = "delivery-charge"
    /// Milli-paise per kWh, of a supplier.
    case serviceMargin = "service-margin"
    /// Milli-paise per kWh, of a plant.
    case generationCost = "generation-cost"

    /// Of which nodes it can be declared.
    var nodeKinds: [NodeKind] {
        switch self {
        case .loss, .deliveryCharge: [.nma, .stu, .ctu]
        case .serviceMargin: [.res]
        case .generationCost: [.plant]
        }
    }
}

/// One declaration.
public struct NodeTerm: Sendable, Equatable, Codable {
    public var nodeID: Int64
    public var term: TermKind
    public var fromDay: Int32
    public var revision: Int64
    /// Millionths for a loss, milli-paise per kWh for the others.
    public var value: Int64

    public init(nodeID: Int64, term: TermKind, fromDay: Int32, revision: Int64, value: Int64) {
        (self.nodeID, self.term, self.fromDay) = (nodeID, term, fromDay)
        (self.revision, self.value) = (revision, value)
    }

    /// The current revision of every declaration of the company, in order of node, term and day.
    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [NodeTerm] {
        let rows = try transaction.query(
            """
            SELECT node_id, term, from_day, revision, value FROM grid_node_term WHERE org_id = $1
            ORDER BY node_id, term, from_day, revision
            """, [.int(scope.orgID)]
        ) { row in
            guard let term = TermKind(rawValue: try row.text(1)) else {
                throw SQLError(.decode, "a node declares \(try row.text(1)), which this release does not know")
            }
            return NodeTerm(
                nodeID: try row.int(0), term: term, fromDay: try row.day(2).number, revision: try row.int(3),
                value: try row.int(4))
        }
        return rows.reduce(into: []) { kept, row in
            if let last = kept.last, last.nodeID == row.nodeID, last.term == row.term, last.fromDay == row.fromDay {
                kept.removeLast()
            }
            kept.append(row)
        }
    }
}

/// A declaration as people write it: `stu:GETCO,loss-percent,2026-04-01,3.5`; charges in rupees per kWh.
public struct TermLine: Sendable, Equatable {
    public var line: Int
    /// `KIND:NAME`, or a number.
    public var node: String
    public var term: TermKind
    public var fromDay: CivilDay
    public var value: Int64

    public static let header = "node,term,from,value"
    public static let linesMax = 5_000

    /// Reads a file with the header line ``header``. Nothing is taken when a line is bad.
    /// - Throws: ``Refusal`` that names the line.
    public static func read(_ text: String) throws -> [TermLine] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.hasSuffix("\r") ? $0.dropLast() : $0
        }
        guard let first = lines.first, first.drop(while: { $0 == "\u{FEFF}" }) == header else {
            throw Refusal(.invalid, "The first line must be \(header).", at: "line 1")
        }
        guard lines.count <= linesMax else {
            throw Refusal(.tooLarge, "More than \(linesMax) lines.", hint: "Cut the file into parts.")
        }
        return try lines.enumerated().dropFirst().filter { !$0.element.isEmpty }.map { index, text in
            try TermLine(text, line: index + 1)
        }
    }

    private init(_ text: Substring, line: Int) throws {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 4 else {
            throw Refusal(.invalid, "\(fields.count) fields; there must be 4: \(Self.header).", at: "line \(line)")
        }
        try self.init(node: fields[0], term: fields[1], from: fields[2], value: fields[3], line: line)
    }

    /// - Parameter line: where it stands, for what is said of an error.
    public init(node: String, term: String, from: String, value: String, line: Int) throws {
        let at = "line \(line)"
        guard let kind = TermKind(rawValue: term) else {
            let known = TermKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(.invalid, "\(term.prefix(40)) is nothing a node declares.", hint: "Use \(known).", at: at)
        }
        guard let day = CivilDay(from) else {
            throw Refusal(.invalid, "\(from.prefix(40)) is no day.", hint: "Write 2026-04-01.", at: at)
        }
        let number = kind == .loss ? Losses.partsPerMillion(percent: value) : Self.milliPaise(rupees: value)
        guard let number else {
            throw Refusal(
                .invalid, "\(value.prefix(40)) is no value for \(term).",
                hint: kind == .loss
                    ? "Give percent from 0 to 99.9999." : "Give rupees per kWh with up to 5 decimals, at most 10000.",
                at: at)
        }
        (self.line, self.node, self.term, fromDay, self.value) = (line, node, kind, day, number)
    }

    /// `0.35` rupees are 35,000 milli-paise.
    private static func milliPaise(rupees: String) -> Int64? {
        let parts = rupees.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), (1...5).contains(parts[0].count),
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } })
        else { return nil }
        let decimals = parts.count == 2 ? parts[1] : ""
        guard decimals.count <= 5 else { return nil }
        let digits = parts[0] + decimals + String(repeating: "0", count: 5 - decimals.count)
        return Int64(digits).flatMap { $0 <= 1_000_000_000 ? $0 : nil }
    }
}

/// Takes declarations of many nodes, all or none. The same again changes nothing.
public struct DeclareTerms: Command {
    public static let name = "grid.declare-terms"
    public static let permissions: [Permission] = [.manageSettings]
    public let lines: [TermLine]

    public init(_ lines: [TermLine]) throws {
        guard !lines.isEmpty else { throw Refusal(.invalid, "There is no line to take.") }
        guard lines.count <= TermLine.linesMax else {
            throw Refusal(.tooLarge, "More than \(TermLine.linesMax) lines.", hint: "Cut the file into parts.")
        }
        self.lines = lines
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "declarations=\(lines.count)" }

    /// How many were new.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        guard scope.isWholeCompany else {
            throw Refusal(.forbidden, "The network of delivery belongs to the whole company.")
        }
        var current: [String: NodeTerm] = [:]
        for term in try NodeTerm.all(scope, in: transaction) { current[Self.place(term)] = term }
        var added = 0
        for line in lines {
            let node = try GridNode.find(named: line.node, at: "line \(line.line)", scope, in: transaction)
            guard line.term.nodeKinds.contains(node.kind) else {
                throw Refusal(
                    .invalid, "A \(node.kind.rawValue) declares no \(line.term.rawValue).",
                    hint: "It is declared by: \(line.term.nodeKinds.map(\.rawValue).joined(separator: ", ")).",
                    at: "line \(line.line)")
            }
            var term = NodeTerm(
                nodeID: node.nodeID, term: line.term, fromDay: line.fromDay.number, revision: 1, value: line.value)
            let known = current[Self.place(term)]
            guard known?.value != term.value else { continue }
            term.revision += known?.revision ?? 0
            try transaction.run(
                """
                INSERT INTO grid_node_term (org_id, node_id, term, from_day, revision, value, made_at_ms)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                [
                    .int(scope.orgID), .int(term.nodeID), .text(term.term.rawValue), .int(term.fromDay),
                    .int(term.revision), .int(term.value), .int(context.businessNowMs),
                ])
            context.changed(
                .company, "\(node.kind.rawValue):\(node.name) \(line.term.rawValue) from \(line.fromDay)",
                from: known.map { String($0.value) }, to: String(term.value))
            current[Self.place(term)] = term
            added += 1
        }
        return added
    }

    private static func place(_ term: NodeTerm) -> String { "\(term.nodeID) \(term.term.rawValue) \(term.fromDay)" }
}
