// JobResults: what a run of a job says of itself, in the language of the page. The jobs write it as clauses with a
// number in front (`3 read, 1 not`); a clause that is not known here is shown as it came.

extension Wording {
    /// The message of a clause by its words without the number or day in front.
    private static let results: [String: String] = [
        "read": "result.read",
        "not": "result.notRead",
        "charges": "result.charges",
        "days cannot be priced": "result.notPriced",
        "alive": "result.alive",
        "silent": "result.silent",
        "outages looked at": "result.outages",
        "told": "result.told",
        "cases judged": "result.cases",
        "raw answers deleted": "result.rawDeleted",
        "months compacted": "result.compacted",
        "sums of days changed": "result.sums",
        "days counted anew": "result.counted",
        "nothing due": "result.nothingDue",
        "issued": "result.issued",
        "forecasts": "result.forecasts",
        "days judged": "result.daysJudged",
        "changed": "result.changed",
        "open": "result.open",
        "versions": "result.versions",
        "wishes about exceptions finished": "result.wishes",
        "days judged anew after outages": "result.anew",
        "meters could not be judged anew": "result.notAnew",
        "filled": "result.filled",
        "not estimable": "result.notEstimable",
        "of earlier days": "result.earlier",
        "edits": "result.edits",
        "nothing to fill": "result.nothingToFill",
        "instalments taken": "result.taken",
        "days without one": "result.without",
        "accounts wait for a person": "result.accountsWait",
        "nothing open": "result.nothingOpen",
        "looked at": "result.looked",
        "paid": "result.paid",
        "mended": "result.mended",
        "without answer": "result.noAnswer",
        "refused": "result.refused",
        "nothing asked": "result.nothingAsked",
        "consumers priced": "result.priced",
        "near a limit": "result.near",
        "confirmed": "result.confirmed",
        "had drifted": "result.drifted",
        "nothing asked for": "result.noRun",
        "runs ended": "result.runsEnded",
        "versions published": "result.published",
        "no month to close": "result.noMonth",
        "balances projected": "result.projected",
        "to be cut": "result.toCut",
        "wait for the next run": "result.nextRun",
        "too many at once: a person is asked": "result.person",
        "carried out": "result.carriedOut",
        "kept aside": "result.aside",
        "failed": "result.failed",
    ]

    func jobResult(_ text: String) -> Markup {
        text.split(separator: ", ").map(clause).joined(", ")
    }

    private func clause(_ text: Substring) -> Markup {
        let rest = text.drop { $0.isNumber || $0 == "-" }
        let front = text[..<rest.startIndex]
        guard let key = Self.results[String(rest.drop { $0 == " " })] else { return said(String(text)) }
        return say(key, ["n": "\(Int(front).map { number($0) } ?? String(front))", "day": "\(String(front))"])
    }
}
