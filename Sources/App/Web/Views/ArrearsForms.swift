// ArrearsForms: the forms beside an old debt and the look at what one of them would book, field by field with what was
// typed. Only words and rows: what may be done is decided by the commands.
import CivilTime

import struct Access.Refusal

extension ArrearsPage {
    /// What somebody wants done; the raw value stands in the form.
    public enum Act: String, Sendable, CaseIterable {
        case put, agree, pause, resume, settle
        case writeOff = "write-off"
        /// From postpaid to prepaid: begun, and posted.
        case begin, convert

        /// Whether it books money, and so is looked at before it is done.
        public var books: Bool { [.put, .settle, .writeOff, .convert].contains(self) }
    }

    /// What an act that books would change.
    public struct Look: Sendable {
        public var act: Act
        public var arrearsPaise: (before: Int64, after: Int64)
        public var balancePaise: (before: Int64, after: Int64)
        public init(
            act: Act, arrearsPaise: (before: Int64, after: Int64), balancePaise: (before: Int64, after: Int64)
        ) {
            (self.act, self.arrearsPaise, self.balancePaise) = (act, arrearsPaise, balancePaise)
        }
    }

    struct Field {
        enum Kind { case money, count, day, text }
        var name: String
        var label: String
        var kind: Kind
        init(_ name: String, _ label: String, _ kind: Kind) { (self.name, self.label, self.kind) = (name, label, kind) }
    }

    /// Buttons of which one is chosen: the first, until another is.
    struct Choice {
        var name: String
        var label: String
        var values: [(value: String, label: String)]
    }
}

extension ArrearsPage.Act {
    var title: String {
        switch self {
        case .put: "arrears.form.put"
        case .agree: "arrears.form.agree"
        case .pause: "arrears.form.pause"
        case .resume: "arrears.form.resume"
        case .settle: "arrears.form.settle"
        case .writeOff: "arrears.form.writeOff"
        case .begin: "arrears.form.begin"
        case .convert: "arrears.form.convert"
        }
    }

    private var note: String? {
        switch self {
        case .begin: "arrears.form.beginNote"
        case .convert: "arrears.form.convertNote"
        case .put, .agree, .pause, .resume, .settle, .writeOff: nil
        }
    }

    var fields: [ArrearsPage.Field] {
        func until(_ act: String) -> [ArrearsPage.Field] {
            [
                .init("\(act)-since", "arrears.since", .day), .init("\(act)-claim", "arrears.claimUntil", .day),
                .init("\(act)-cut", "arrears.cutUntil", .day),
            ]
        }
        return switch self {
        case .put:
            [.init("put-amount", "arrears.form.amount", .money)] + until("put")
                + [.init("put-reason", "arrears.form.putReason", .text)]
        case .agree:
            [
                .init("agree-amount", "arrears.form.daily", .money), .init("agree-days", "arrears.form.days", .count),
                .init("agree-reason", "confirm.reason", .text),
            ]
        case .pause, .resume: [.init("pause-reason", "confirm.reason", .text)]
        case .settle: [.init("settle-amount", "arrears.form.amountOrAll", .money)]
        case .writeOff:
            [.init("off-amount", "arrears.form.amount", .money), .init("off-reason", "confirm.reason", .text)]
        case .begin: [.init("begin-reason", "confirm.reason", .text)]
        case .convert:
            [
                .init("convert-deposit", "arrears.form.deposit", .money),
                .init("convert-amount", "arrears.form.postpaid", .money),
            ] + until("convert")
        }
    }

    var choice: ArrearsPage.Choice? {
        switch self {
        case .settle:
            .init(
                name: "source", label: "arrears.form.source",
                values: [("counter", "arrears.form.counter"), ("wallet", "arrears.form.wallet")])
        case .convert:
            .init(
                name: "side", label: "arrears.form.side",
                values: [("owed", "arrears.form.owed"), ("credit", "arrears.form.credit")])
        case .put, .agree, .pause, .resume, .writeOff, .begin: nil
        }
    }

    /// The box that may be ticked.
    var box: (name: String, label: String)? { self == .convert ? ("set-off", "arrears.form.setOff") : nil }

    private var button: String {
        switch self {
        case .writeOff: "btn stop"
        case .pause, .resume, .begin: "btn two"
        case .put, .agree, .settle, .convert: "btn"
        }
    }

    /// The field of the form that a refusal is about.
    func field(_ at: String) -> String {
        if fields.contains(where: { $0.name == at }) { return at }
        return switch (self, at) {
        case (.put, "since"): "put-since"
        case (.put, "claimUntil"): "put-claim"
        case (.put, "reason"): "put-reason"
        case (.put, _): "put-amount"
        case (.agree, "days"): "agree-days"
        case (.agree, "reason"): "agree-reason"
        case (.agree, _): "agree-amount"
        case (.pause, _), (.resume, _): "pause-reason"
        case (.settle, _): "settle-amount"
        case (.writeOff, "reason"): "off-reason"
        case (.writeOff, _): "off-amount"
        case (.begin, _): "begin-reason"
        case (.convert, "since"): "convert-since"
        case (.convert, "claimUntil"): "convert-claim"
        case (.convert, _): "convert-deposit"
        }
    }

    func values(_ page: ArrearsPage, _ w: Wording) -> Fields {
        let refused = page.refused?.act == self ? page.refused?.refusal : nil
        let wrong = refused.map { field($0.at ?? "") }
        var row = Fields([
            "act": "\(rawValue)", "formTitle": w.say(title), "buttonClass": "\(button)",
            "buttonLabel": books ? w.say("arrears.form.look") : w.say(title),
        ])
        row.set("formNote", note.map { w.say($0) })
        row.set("fields", fields.map { $0.values(page.typed, wrong == $0.name ? refused : nil, w) })
        row.set("legend", choice.map { w.say($0.label) })
        row.set("hasChoices", choice != nil)
        let chosen = choice.map { choice in page.typed[choice.name] ?? choice.values[0].value }
        row.set(
            "choices",
            (choice?.values ?? []).map { one in
                var line = Fields([
                    "group": "\(choice?.name ?? "")", "choice": "\(one.value)", "choiceLabel": w.say(one.label),
                ])
                line.set("chosen", one.value == chosen)
                return line
            })
        row.set("boxName", box.map { "\($0.name)" as Markup })
        row.set("boxLabel", box.map { w.say($0.label) })
        row.set("ticked", box.map { page.typed[$0.name] == "1" } ?? false)
        return row
    }
}

extension ArrearsPage.Field {
    func values(_ typed: [String: String], _ refusal: Refusal?, _ w: Wording) -> Fields {
        var row = Fields([
            "field": "\(name)", "label": w.say(label), "typed": "\(typed[name] ?? "")",
            "type": kind == .day ? "date" : "text",
            "mode": kind == .money ? "decimal" : kind == .count ? "numeric" : "text",
        ])
        row.set("wrong", refusal.map { w.refusal($0) })
        return row
    }
}

extension ArrearsPage {
    /// The acts that are open, in the order of their forms.
    var acts: [Act] {
        let owes = outstandingPaise > 0
        var acts: [Act] = []
        if manages, owes { acts += [.agree, .settle] }
        if manages, owes, plan?.state == .active { acts.append(.pause) }
        if manages, owes, plan?.state == .paused { acts.append(.resume) }
        if writesOff, owes { acts.append(.writeOff) }
        if manages { acts.append(.put) }
        if manages, isConverting { acts.append(.convert) }
        if manages, !isConverting, !isConverted { acts.append(.begin) }
        return acts
    }

    /// What was typed, what it would change, and the buttons to do it or to go back to the form.
    func lookRow(_ look: Look, _ w: Wording) -> Fields {
        func line(_ what: String, _ paise: (before: Int64, after: Int64)) -> Fields {
            Fields([
                "what": w.say(what), "before": "\(w.money(paise.before))", "after": "\(w.money(paise.after))",
                "moved": "\(w.money(paise.after - paise.before, signed: true))",
            ])
        }
        let act = look.act
        var row = Fields(["lookTitle": w.say(act.title), "act": "\(act.rawValue)"])
        row.set(
            "lines", [line("account.arrears", look.arrearsPaise), line("account.balance", look.balancePaise)])
        row.set("lookSecond", act == .writeOff ? w.say("arrears.look.second") : nil)
        row.set("applyClass", act == .writeOff ? "btn stop" : "btn")
        let entered = act.fields.compactMap { field -> Fields? in
            guard let text = typed[field.name], !text.isEmpty else { return nil }
            return Fields(["label": w.say(field.label), "text": "\(text)"])
        }
        let chosen = act.choice.flatMap { choice in
            choice.values.first { $0.value == typed[choice.name] ?? choice.values[0].value }.map { one in
                Fields(["label": w.say(choice.label), "text": w.say(one.label)])
            }
        }
        let ticked = act.box.flatMap { box in
            typed[box.name] == "1" ? Fields(["label": w.say(box.label), "text": w.say("arrears.look.yes")]) : nil
        }
        row.set("entered", entered + [chosen, ticked].compactMap { $0 })
        let names = act.fields.map(\.name) + [act.choice?.name, act.box?.name].compactMap { $0 }
        row.set(
            "kept",
            names.compactMap { name in typed[name].map { Fields(["field": "\(name)", "typed": "\($0)"]) } })
        return row
    }
}
