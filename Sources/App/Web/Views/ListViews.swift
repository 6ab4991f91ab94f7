// ListViews: meters, accounts and what needs a person as lists: search, state filter, keyset paging, an empty state.
import CivilTime

/// What all lists share. `after` places are opaque words made by the route.
public struct ListState: Sendable {
    public var query: String
    public var filter: String?
    /// The set whose members are shown; nil shows all.
    public var set: String?
    /// Where the next page begins; nil at the end.
    public var nextAfter: String?
    public var isFirstPage: Bool
    public init(
        query: String = "", filter: String? = nil, set: String? = nil, nextAfter: String? = nil,
        isFirstPage: Bool = true
    ) {
        self.set = set
        self.query = query
        self.filter = filter
        self.nextAfter = nextAfter
        self.isFirstPage = isFirstPage
    }
}

public struct MetersView: Page {
    public enum Filter: String, Sendable, CaseIterable { case answering, silent, disconnected }
    public struct Item: Sendable {
        public var id: Int64
        public var serial: String
        public var account: (id: Int64, name: String)?
        public var status: MeterView.Status
        public var relay: RelayState
        public var lastReadMs: Int64?
        public init(
            id: Int64, serial: String, account: (id: Int64, name: String)?, status: MeterView.Status,
            relay: RelayState, lastReadMs: Int64?
        ) {
            self.id = id
            self.serial = serial
            self.account = account
            self.status = status
            self.relay = relay
            self.lastReadMs = lastReadMs
        }
    }
    public static let template = "list"
    public var state: ListState
    /// All meters, and how many are in each state.
    public var total: Int
    public var counts: [Filter: Int]
    public var items: [Item]
    /// Sets one may choose.
    public var sets: [(key: String, name: String)]
    public init(
        state: ListState, total: Int, counts: [Filter: Int], items: [Item], sets: [(key: String, name: String)] = []
    ) {
        self.sets = sets
        self.state = state
        self.total = total
        self.counts = counts
        self.items = items
    }
}

public struct AccountsView: Page {
    public enum Filter: String, Sendable, CaseIterable { case on, low, off }
    public struct Item: Sendable {
        public var id: Int64
        public var code: String
        public var name: String
        public var meter: (id: Int64, serial: String)?
        public var supply: SupplyState
        public var balancePaise: Int64
        public var lastsUntilMs: Int64?
        public init(
            id: Int64, code: String, name: String, meter: (id: Int64, serial: String)?, supply: SupplyState,
            balancePaise: Int64, lastsUntilMs: Int64?
        ) {
            self.id = id
            self.code = code
            self.name = name
            self.meter = meter
            self.supply = supply
            self.balancePaise = balancePaise
            self.lastsUntilMs = lastsUntilMs
        }
    }
    public static let template = "list"
    public var state: ListState
    public var total: Int
    public var counts: [Filter: Int]
    public var items: [Item]
    public init(state: ListState, total: Int, counts: [Filter: Int], items: [Item]) {
        self.state = state
        self.total = total
        self.counts = counts
        self.items = items
    }
}

public struct ExceptionsView: Page {
    public struct Item: Sendable {
        public var kind: ExceptionKind
        public var meter: (id: Int64, serial: String)
        public var day: CivilDay?
        public var sinceMs: Int64
        /// What was found, in the words of the check.
        public var detail: String
        public var stakePaise: Int64?
        /// Set when it can be tried again or set aside.
        public var mendID: Int64?
        /// Set when it is worked in the queue of readings.
        public var exceptionID: String?
        public init(
            kind: ExceptionKind, meter: (id: Int64, serial: String), day: CivilDay?, sinceMs: Int64, detail: String,
            stakePaise: Int64?, mendID: Int64? = nil, exceptionID: String? = nil
        ) {
            self.mendID = mendID
            self.exceptionID = exceptionID
            self.kind = kind
            self.meter = meter
            self.day = day
            self.sinceMs = sinceMs
            self.detail = detail
            self.stakePaise = stakePaise
        }
    }
    public static let template = "list"
    public var state: ListState
    public var counts: [(kind: ExceptionKind, count: Int)]
    public var total: Int
    public var items: [Item]
    public var checkedAtMs: Int64
    public var intervalsChecked: Int
    public init(
        state: ListState, counts: [(kind: ExceptionKind, count: Int)], total: Int, items: [Item], checkedAtMs: Int64,
        intervalsChecked: Int
    ) {
        self.state = state
        self.counts = counts
        self.total = total
        self.items = items
        self.checkedAtMs = checkedAtMs
        self.intervalsChecked = intervalsChecked
    }
}

/// A column of a list: its head, and whether it holds numbers or hides on narrow screens.
private struct Column {
    var name: Markup
    var cls = ""
}

extension ListState {
    /// The parts of the list template; `tabs` are filter word, shown name and count.
    fileprivate func values(
        _ w: Wording, base: String, filterName: String, tabs: [(word: String?, name: Markup)], columns: [Column],
        rows: [[Markup]], search: Markup?, empty: Markup
    ) -> Fields {
        let href = { (filter: String?, after: String?) in
            filterName == "kind"
                ? Paths.list(base, query: query, state: nil, after: after)
                    + (filter.map {
                        (query.isEmpty && after == nil ? "?" : "&") + "kind=\(Paths.encoded($0))"
                    } ?? "")
                : Paths.list(base, query: query, state: filter, set: set, after: after)
        }
        var row = Fields()
        row.set(
            "tabs",
            tabs.map { tab in
                var item = Fields(["href": "\(href(tab.word, nil))", "name": tab.name])
                item.set("current", tab.word == filter)
                return item
            })
        row.set("hasTabs", tabs.count > 1)
        row.set("search", search)
        row.set("searchAction", base)
        row.set("query", query)
        row.set("filterName", filterName)
        row.set("filter", filter)
        row.set("columns", columns.map { Fields(["name": $0.name, "cls": "\($0.cls)"]) })
        row.set(
            "rows",
            rows.map { cells in
                var item = Fields()
                item.set("head", cells.first ?? "")
                item.set("cells", zip(cells, columns).dropFirst().map { Fields(["cell": $0, "cls": "\($1.cls)"]) })
                return item
            })
        row.set("hasRows", !rows.isEmpty)
        row.set("empty", empty)
        row.set("firstHref", isFirstPage ? nil : href(filter, nil))
        row.set("nextHref", nextAfter.map { href(filter, $0) })
        row.set("hasPaging", !isFirstPage || nextAfter != nil)
        row.set("shown", w.count("list.shown", rows.count))
        return row
    }
}

extension MetersView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("meters.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let names: [Filter: Markup] = [
            .answering: w.say("meters.answering"), .silent: w.say("meters.silent"),
            .disconnected: w.say("meters.disconnected"),
        ]
        let tabs: [(String?, Markup)] =
            [(nil, tabName(w.say("list.all"), total, w))]
            + Filter.allCases.map { ($0.rawValue, tabName(names[$0] ?? "", counts[$0] ?? 0, w)) }
        var row = state.values(
            w, base: Paths.meters, filterName: "state", tabs: tabs.map { (word: $0.0, name: $0.1) },
            columns: [
                Column(name: w.say("meters.meter")), Column(name: w.say("meters.account")),
                Column(name: w.say("meters.state")), Column(name: w.say("meters.relay"), cls: "w2"),
                Column(name: w.say("meters.lastRead"), cls: "n w2"),
            ],
            rows: items.map { cells($0, w) }, search: w.say("meters.search"),
            empty: total == 0 ? w.say("meters.none") : w.say("list.nothingFits"))
        row.set("hasSets", !sets.isEmpty)
        // One that is typed into the address and is none of these stays chosen.
        let isListed = state.set == nil || sets.contains { $0.key == state.set }
        let other = isListed ? [] : [(key: state.set ?? "", name: state.set ?? "")]
        row.set(
            "sets",
            ([(key: "", name: "")] + sets + other).map { key, name in
                var option = Fields(["value": "\(key)", "name": key.isEmpty ? w.say("list.all") : "\(name)"])
                option.set("chosen", key == state.set ?? "")
                return option
            })
        row.set("title", title(w))
        row.set("lede", w.count("meters.lede", total))
        return row
    }

    private func cells(_ item: Item, _ w: Wording) -> [Markup] {
        let state =
            switch item.status {
            case .answering: w.chip(.ok, w.say("meters.answering"))
            case .silent(let sinceMs): w.chip(.warn, w.say("meters.silentFor", ["t": w.duration(w.nowMs - sinceMs)]))
            case .disconnected: w.chip(.bad, w.say("meters.disconnected"))
            case .neverRead: w.chip(.idle, w.say("meters.neverRead"))
            }
        return [
            w.link(Paths.meter(item.id), "\(item.serial)", cls: "id"),
            item.account.map { w.link(Paths.account($0.id), "\($0.name)") } ?? w.say("meters.noAccount"), state,
            item.relay.words(w), item.lastReadMs.map { w.timeTag($0, w.moment($0)) } ?? w.say("meters.never"),
        ]
    }
}

extension AccountsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("accounts.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let names: [Filter: Markup] = [
            .on: w.say("supply.on"), .low: w.say("accounts.low"), .off: w.say("supply.off"),
        ]
        let tabs: [(String?, Markup)] =
            [(nil, tabName(w.say("list.all"), total, w))]
            + Filter.allCases.map { ($0.rawValue, tabName(names[$0] ?? "", counts[$0] ?? 0, w)) }
        var row = state.values(
            w, base: Paths.accounts, filterName: "state", tabs: tabs.map { (word: $0.0, name: $0.1) },
            columns: [
                Column(name: w.say("accounts.account")), Column(name: w.say("accounts.name")),
                Column(name: w.say("accounts.supply")), Column(name: w.say("meters.meter"), cls: "w2"),
                Column(name: w.say("account.balance"), cls: "n"), Column(name: w.say("account.lasts"), cls: "n w2"),
            ],
            rows: items.map { cells($0, w) }, search: w.say("accounts.search"),
            empty: total == 0 ? w.say("accounts.none") : w.say("list.nothingFits"))
        row.set("title", title(w))
        row.set("lede", w.count("accounts.lede", total))
        return row
    }

    private func cells(_ item: Item, _ w: Wording) -> [Markup] {
        let supply =
            switch item.supply {
            case .on: w.chip(.ok, w.say("supply.on"))
            case .off: w.chip(.bad, w.say("supply.off"))
            case .unknown: w.chip(.idle, w.say("supply.unknown"))
            }
        return [
            w.link(Paths.account(item.id), "\(item.code)", cls: "id"), "\(item.name)", supply,
            item.meter.map { w.link(Paths.meter($0.id), "\($0.serial)", cls: "id") } ?? "",
            "\(w.money(item.balancePaise))", item.lastsUntilMs.map { w.timeTag($0, w.moment($0)) } ?? "",
        ]
    }
}

extension ExceptionsView: PageContent {
    func title(_ w: Wording) -> Markup { w.say("exceptions.title") }

    func values(_ w: Wording, _ frame: PageFrame) -> Fields {
        let all: [(word: String?, name: Markup)] = [(nil, tabName(w.say("list.all"), total, w))]
        var row = state.values(
            w, base: Paths.exceptions, filterName: "kind",
            tabs: all + counts.map { (word: $0.kind.slug, name: tabName($0.kind.words(w), $0.count, w)) },
            columns: [
                Column(name: w.say("meters.meter")), Column(name: w.say("exceptions.what")),
                Column(name: w.say("exceptions.detail"), cls: "w2"), Column(name: w.say("exceptions.day"), cls: "n w2"),
                Column(name: w.say("exceptions.since"), cls: "n w2"), Column(name: w.say("exceptions.stake"), cls: "n"),
            ],
            rows: items.map { item in
                [
                    item.meter.serial.isEmpty
                        ? "–" : w.link(Paths.meter(item.meter.id), "\(item.meter.serial)", cls: "id"),
                    chip(item, w), "\(item.detail)", item.day.map(w.shortDay) ?? "",
                    w.timeTag(item.sinceMs, w.moment(item.sinceMs)),
                    item.stakePaise.map { "\(w.money($0))" } ?? w.say("line.promise"),
                ]
            }, search: nil,
            empty: w.say(
                "line.noNeeds",
                [
                    "time": "\(w.time(checkedAtMs))", "n": "\(w.number(intervalsChecked))",
                ]))
        row.set("title", title(w))
        row.set("lede", total == 0 ? w.say("exceptions.ledeNone") : w.count("exceptions.lede", total))
        return row
    }
}

extension ExceptionsView {
    /// Leads on to the queue, or to trying again and setting aside, where that can be done.
    private func chip(_ item: Item, _ w: Wording) -> Markup {
        let chip = w.chip(item.kind.tone, item.kind.words(w))
        if let id = item.exceptionID { return w.link(Paths.queue(.init(), item: id), chip, cls: "chl") }
        return item.mendID.map { w.link(Paths.mend(item.kind.slug, $0), chip, cls: "chl") } ?? chip
    }
}

private func tabName(_ name: Markup, _ count: Int, _ w: Wording) -> Markup { "\(name) \(w.number(count))" }
