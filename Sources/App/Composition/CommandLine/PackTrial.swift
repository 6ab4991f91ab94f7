// `busbar packs try`: a case of packs, a history and requests, played through without a database, so that anybody can
// see what the rules make of it. It decides nothing: Subscriptions does.
import CivilTime
import Quantities
import Subscriptions

/// Says what each request leads to, the subscriptions in the end, and who bills each day that is to be shown.
public func tryPacks(file path: String, json: Bool, _ console: Console) async throws -> CommandStatus {
    let trial = try PackCaseReader.read(try readFile(path, limit: 500_000), file: shownName(path))
    var document = PackTrialDocument(consumer: trial.history.consumer, nma: trial.history.nma)
    var history = trial.history
    for step in trial.steps {
        var shown = PackTrialDocument.Step(on: step.day.description, asked: step.request.words)
        do {
            let outcome = try history.after(step.request, on: step.day, by: trial.book)
            history = outcome.history
            shown.isRepeat = outcome.isRepeat
            shown.facts = outcome.facts.map(PackTrialDocument.Fact.init)
        } catch {
            shown.refused = PackTrialDocument.Refused(
                code: error.code.rawValue, sentence: error.sentence, hint: error.hint,
                place: "\(shownName(path)):\(step.line)")
        }
        document.requests.append(shown)
    }
    document.rows = history.rows.map { PackTrialDocument.Row(history.name($0), $0) }
    document.days = trial.shownDays.map { PackTrialDocument.Day($0, history, trial) }
    if json {
        try console.say(json: document)
    } else {
        document.lines.forEach(console.say)
    }
    return document.requests.allSatisfy { $0.refused == nil } ? .done : .partly
}

/// What `--json` prints. Money is paise, prices are milli-paise per kWh.
private struct PackTrialDocument: Encodable {
    struct Fact: Encodable {
        var kind: String
        var key: String
        var day: String
        var pack: String?
        var loadW: Int64?
        var amountPaise: Int64?
        var wallet: String?
    }
    struct Refused: Encodable {
        var code: String
        var sentence: String
        var hint: String
        var place: String
    }
    struct Step: Encodable {
        var on: String
        var asked: String
        var isRepeat = false
        var facts: [Fact] = []
        var refused: Refused?
    }
    struct Row: Encodable {
        var subscription: String
        var pack: String
        var kind: String
        var applied: String
        var approved: String?
        var from: String?
        var to: String?
        var state: String
    }
    struct Slot: Encodable {
        var band: String
        var pack: String?
        var version: Int?
        var milliPaisePerKWh: Int64?
        var isDefault: Bool
        var overLoad: [String]
    }
    struct Day: Encodable {
        var day: String
        var slots: [Slot]
        /// Absent without energyWh, or where a band has energy and no price.
        var energyPaise: Int64?
    }

    var format = 1
    var consumer: String
    var nma: String
    var requests: [Step] = []
    var rows: [Row] = []
    var days: [Day] = []

    init(consumer: String, nma: String) {
        self.consumer = consumer
        self.nma = nma
    }

    var lines: [String] {
        var lines: [String] = []
        for step in requests {
            lines.append("\(step.on)  \(step.asked)\(step.isRepeat ? ": handled before, nothing changed" : "")")
            for fact in step.facts { lines.append("    \(fact.text)") }
            if let refused = step.refused {
                lines.append("    refused, \(refused.code) (\(refused.place)): \(refused.sentence) \(refused.hint)")
            }
        }
        lines.append("")
        let head = ["subscription", "pack", "kind", "applied", "approved", "from", "to", "state"]
        lines += table(
            [head]
                + rows.map {
                    [
                        $0.subscription, $0.pack, $0.kind, $0.applied, $0.approved ?? "-", $0.from ?? "-",
                        $0.to ?? "-", $0.state,
                    ]
                })
        guard let first = days.first else { return lines }
        let hasEnergy = days.contains { $0.energyPaise != nil }
        lines.append("")
        lines += table(
            [["day"] + first.slots.map(\.band) + (hasEnergy ? ["energy"] : [])]
                + days.map { day in
                    [day.day] + day.slots.map(\.text)
                        + (hasEnergy ? [day.energyPaise.map { rupees(paise: $0) } ?? "-"] : [])
                })
        return lines
    }
}

extension PackTrialDocument.Fact {
    init(_ fact: PackFact) {
        self.init(
            kind: fact.kind.rawValue, key: fact.key, day: fact.day.description, pack: fact.pack, loadW: fact.loadW,
            amountPaise: fact.amountPaise, wallet: fact.wallet)
    }

    var text: String {
        var words = [kind, day]
        if let pack { words.append(pack) }
        if let loadW { words.append("\(loadW) W") }
        if let amountPaise { words.append(rupees(paise: amountPaise)) }
        if let wallet { words.append("to \(wallet)") }
        return words.joined(separator: "  ") + "  [\(key)]"
    }
}

extension PackTrialDocument.Row {
    init(_ name: String, _ row: HeldPack) {
        self.init(
            subscription: name, pack: row.pack, kind: row.kind.rawValue, applied: row.appliedOn.description,
            approved: row.approvedOn?.description, from: row.from?.description, to: row.to?.description,
            state: row.state.rawValue)
    }
}

extension PackTrialDocument.Day {
    init(_ day: CivilDay, _ history: PackHistory, _ trial: PackCase) {
        let slots = history.slots(on: day, loadW: trial.loadW, by: trial.book)
        let energy =
            trial.energyWh.isEmpty
            ? nil
            : history.energyMicroPaise(on: day, energyWh: trial.energyWh, loadW: trial.loadW, by: trial.book)
        self.init(
            day: day.description,
            slots: slots.map {
                PackTrialDocument.Slot(
                    band: $0.band, pack: $0.pack, version: $0.version, milliPaisePerKWh: $0.milliPaisePerKWh,
                    isDefault: $0.isDefault, overLoad: $0.overLoad)
            }, energyPaise: energy.map { roundedHalfAway($0, dividedBy: 1_000_000) })
    }
}

extension PackTrialDocument.Slot {
    var text: String {
        guard let pack else { return "-" }
        let over = overLoad.isEmpty ? "" : " (load above \(overLoad.joined(separator: ", ")))"
        return (isDefault ? "\(pack) by default" : pack) + over
    }
}

extension PackRequest {
    fileprivate var words: String {
        switch self {
        case .apply(let pack, let from): "apply \(pack)" + (from.map { " from \($0)" } ?? "")
        case .approve(let pack): "approve \(pack)"
        case .reject(let pack): "reject \(pack)"
        case .unsubscribe(let pack): "unsubscribe \(pack)"
        case .renew(let pack): "renew \(pack)"
        case .portOut(let lastDay): "port out, last day \(lastDay)"
        case .sweep: "sweep"
        case .closeMonth(let close): "close \(close.month) of meter \(close.meter)"
        }
    }
}
