// Virtual meters: sums and differences of meters and sets, dated. A formula that leads back to itself is refused.
import Access
import CivilTime
import Clocks
import Meters
import SQL

/// One term of a formula.
public struct FormulaTerm: Sendable, Equatable {
    /// 1 or −1.
    public var sign: Int
    public var key: SetKey
}

/// `+meter:12 -place:31 +virtual:7`: what it says, as terms.
public struct Formula: Sendable, Equatable, CustomStringConvertible {
    public var terms: [FormulaTerm]
    public static let termsMax = 100

    /// - Throws: ``Refusal`` that names the term.
    public init(_ text: String) throws {
        let words = text.split(separator: " ")
        guard (1...Self.termsMax).contains(words.count) else {
            throw Refusal(
                .invalid, "A formula has 1 to \(Self.termsMax) terms.", hint: "Write +meter:12 -place:31.",
                at: "formula")
        }
        terms = try words.map { word in
            guard let mark = word.first, mark == "+" || mark == "-" else {
                throw Refusal(
                    .invalid, "\(word.prefix(60)) has no sign.", hint: "Begin each term with + or -.", at: "formula")
            }
            return FormulaTerm(
                sign: mark == "+" ? 1 : -1, key: try SetKey.read(String(word.dropFirst()), at: "formula"))
        }
    }

    public var description: String {
        terms.map { "\($0.sign > 0 ? "+" : "-")\($0.key)" }.joined(separator: " ")
    }
}

/// The virtual meters of a company, to ask by day.
public struct VirtualMeters: Sendable {
    private let formulas: [Int64: [(fromDay: CivilDay, formula: Formula)]]
    /// How deep formulas may stand in formulas.
    static let depthMax = 10

    public init(_ rows: [VirtualFormula]) throws {
        formulas = try Dictionary(grouping: rows, by: \.virtualID).mapValues {
            try $0.map { ($0.fromDay, try Formula($0.formula)) }
        }
    }

    public func formula(of virtualID: Int64, on day: CivilDay) -> Formula? {
        formulas[virtualID]?.last { $0.fromDay <= day }?.formula
    }

    /// All that a virtual meter rests on, on any day, without the virtual ones.
    public func everything(under virtualID: Int64) throws -> Set<SetKey> {
        var found: Set<SetKey> = []
        try walk(virtualID, [], &found)
        return found
    }

    private func walk(_ virtualID: Int64, _ above: [Int64], _ found: inout Set<SetKey>) throws {
        guard !above.contains(virtualID), above.count < Self.depthMax else {
            throw Refusal(
                .conflict, "The formula leads back to itself, or is more than \(Self.depthMax) deep.",
                hint: "Leave out virtual:\(virtualID).", at: "formula")
        }
        for key in formulas[virtualID, default: []].flatMap(\.formula.terms).map(\.key) {
            if case .virtual(let below) = key {
                try walk(below, above + [virtualID], &found)
            } else {
                found.insert(key)
            }
        }
    }
}

/// Adds a virtual meter, or gives it another formula from a day on. The same again changes nothing.
public struct DefineVirtualMeter: Command {
    public static let name = "aggregation.define-virtual-meter"
    public static let permissions: [Permission] = [.manageSettings]
    public let meterName: String
    public let formula: Formula
    public let fromDay: CivilDay

    public init(name: String, formula: String, fromDay: CivilDay) throws {
        guard (1...80).contains(name.count),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { throw Refusal(.invalid, "The name must have 1 to 80 characters on one line.", at: "name") }
        (meterName, self.formula, self.fromDay) = (name, try Formula(formula), fromDay)
    }

    public var key: String? { nil }
    public var subjectID: Int64 { 0 }
    public var content: String { "\(meterName) from=\(fromDay) \(formula)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        let known = try VirtualFormula.all(Scope(orgID: scope.orgID), in: transaction)
        let mine = known.filter { $0.name == meterName }
        let virtualID = mine.first?.virtualID ?? context.ids.next()
        for term in formula.terms where term.key != .virtual(virtualID) { try term.key.prove(scope, in: transaction) }
        let same = mine.first { $0.fromDay == fromDay }
        if same?.formula == formula.description { return virtualID }
        let row = VirtualFormula(
            virtualID: virtualID, name: meterName, fromDay: fromDay, revision: (same?.revision ?? 0) + 1,
            formula: formula.description)
        // Together with every formula there is, of any day: what is no circle then is none on any day.
        _ = try VirtualMeters(known + [row]).everything(under: virtualID)
        try VirtualFormula.store(
            name: meterName, virtualID: virtualID, fromDay: fromDay, formula: row.formula, revision: row.revision,
            atMs: context.businessNowMs, scope, in: transaction)
        context.changed(
            .company, "virtual meter \(meterName) from \(fromDay)", from: mine.last { $0.fromDay <= fromDay }?.formula,
            to: row.formula)
        return virtualID
    }
}
