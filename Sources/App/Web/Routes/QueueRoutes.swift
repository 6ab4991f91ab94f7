// The queue of exceptions of readings: GET shows it with one day beside it, POST takes or settles what is marked, one,
// or all that fits the filter. Every act is the command the API sends.
import API
import Access
import CivilTime
import Clocks
import Grid
import IntervalData
import MeterData
import Meters
import SQL
import VEE

extension Desk {
    var queuePages: [API.Page] {
        [
            API.Page("GET", Paths.queue, access: .permission([.readMeters])) { try await queue($0) },
            API.Page("POST", Paths.queue, access: .permission([.editReadings])) { try await workQueue($0) },
        ]
    }

    private static let queuePage = 25

    private func queueFilter(
        _ fields: [String: String], _ actor: Actor, _ words: inout FilterWords
    ) -> (QueueView.Filter, ExceptionFilter) {
        var shown = QueueView.Filter()
        shown.rule = words.read(fields["rule"]) { VEEException.ruleNames.contains($0) ? $0 : nil }
        shown.severity = words.read(fields["severity"]) { Severity(rawValue: $0)?.rawValue }
        shown.state = words.read(fields["state"]) { ExceptionState(rawValue: $0)?.rawValue }
        shown.placeID = words.read(fields["place"]) { Int64($0) }
        shown.meterID = words.read(fields["meter"]) { Int64($0) }
        shown.isMine = fields["mine"] == "1"
        shown.from = words.read(fields["from"]) { Self.day($0) }
        shown.to = words.read(fields["to"]) { [from = shown.from] text in
            Self.day(text).flatMap { day in from.map { $0 <= day } == false ? nil : day }
        }
        var asked = ExceptionFilter()
        (asked.rule, asked.placeID, asked.meterID) = (shown.rule, shown.placeID, shown.meterID)
        asked.severity = shown.severity.flatMap { Severity(rawValue: $0) }
        asked.state = shown.state.flatMap { ExceptionState(rawValue: $0) }
        (asked.from, asked.to) = (shown.from, shown.to)
        asked.ownerID = shown.isMine ? actor.loginID : nil
        return (shown, asked)
    }

    /// - Parameter fields: the query of a GET, the form of a POST that is shown again.
    private func queue(
        _ call: PageCall, fields: [String: String]? = nil, refusal: Refusal? = nil
    ) async throws -> Answer {
        let actor = try call.actor
        let fields = fields ?? call.query
        var words = FilterWords()
        let (shown, asked) = queueFilter(fields, actor, &words)
        let desk = try await ExceptionDesk.of(services.site, actor)
        let after = words.read(fields["after"]) { ExceptionPlace($0) }
        let counted = try await desk.list.counts(asked)
        let part = try await desk.list.page(asked, after: after, limit: Self.queuePage)
        let itemID = words.read(fields["item"]) { ExceptionID($0) } ?? part.items.first?.id
        let detail = try await itemID.asyncMap { try await desk.list.detail($0) }
        let all = part.items + (detail.map { [$0.exception] + $0.others } ?? [])
        let people = Set(all.compactMap(\.ownerID) + (detail?.steps.map(\.loginID) ?? []))
        let (serials, names, places) = try await services.site.money.read { transaction in
            (
                try MeterListing.serials(Array(Set(all.map(\.meterID))), actor.scope, in: transaction),
                Dictionary(
                    uniqueKeysWithValues: people.map { loginID in
                        (loginID, (try? Logins.find(loginID, actor.scope, in: transaction))?.username ?? "busbar")
                    }),
                try Place.all(actor.scope, in: transaction).filter { $0.kind != .pole }.prefix(200)
            )
        }
        var stakes: [ExceptionID: ExceptionStake] = [:]
        // Values of a soft finding count as they are: nothing hangs on it, unless somebody looks at it.
        let priced = part.items.filter { $0.severity == Severity.hard.rawValue } + (detail.map { [$0.exception] } ?? [])
        for item in priced where item.isOpen && stakes[item.id] == nil {
            stakes[item.id] = try await desk.stake(of: item)
        }
        let row = { [stakes] (item: VEEException) in
            QueueView.Row(
                id: item.id.description, meter: (item.meterID, serials[item.meterID] ?? ""), rule: item.rule,
                isHard: item.severity == Severity.hard.rawValue, day: item.day, sinceMs: item.raisedAtMs,
                owner: item.ownerID.map { names[$0] ?? "" }, resolution: item.isOpen ? nil : item.resolution ?? "",
                atStakePaise: stakes[item.id]?.atStakePaise)
        }
        var sums: [String: Int] = [:]
        for count in counted.counts { sums[count.rule, default: 0] += count.count }
        var item = detail.map { queueItem($0, row, names, zone(call)) }
        item?.stake = detail.flatMap { stakes[$0.exception.id] }.map { QueueView.Stake($0) }
        let page = QueueView(
            filter: shown, counts: sums.map { ($0.key, $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) },
            oldestMs: counted.oldestMs, rows: part.items.map(row), nextAfter: part.next?.description,
            isFirstPage: after == nil, item: item,
            places: places.map { ($0.placeID, $0.name) }, mayAct: actor.has(.editReadings),
            refusal: refusal,
            seesRules: actor.has(.manageSettings))
        return show(
            page, call, .queue,
            notice: words.notice ?? PageFrame.QueueNotice(word: call.query["did"]).map { .queue($0) },
            status: refusal != nil ? 422 : words.status)
    }

    private func queueItem(
        _ detail: ExceptionDetail, _ row: @escaping (VEEException) -> QueueView.Row, _ names: [Int64: String],
        _ zone: Zone
    ) -> QueueView.Item {
        let item = detail.exception
        let block = detail.block?.block ?? .empty(slots: 0)
        let periodS = Int(zone.lengthS(of: item.day)) / max(1, block.slotCount)
        let before = detail.earlier.last {
            $0.day == item.day.advanced(by: -1) && $0.block.slotCount == block.slotCount
        }
        return QueueView.Item(
            row: row(item), message: item.message, periodS: periodS,
            load: MeterDay(
                day: item.day, slotCount: block.slotCount, valuesWh: block.values, qualities: block.qualities),
            slots: item.slots, held: item.held, band: detail.band, before: before?.block.values ?? [],
            registerWh: (detail.context.registerStartWh, detail.context.registerEndWh),
            clockDriftS: detail.context.clockDriftS, others: detail.others.map(row),
            steps: detail.steps.map {
                QueueView.Step(act: $0.what, by: names[$0.loginID] ?? "busbar", reason: $0.reason, atMs: $0.atMs)
            }, isOpen: item.isOpen)
    }

    private func workQueue(_ call: PageCall) async throws -> Answer {
        let actor = try call.actor
        guard let act = call.form["act"].flatMap({ ExceptionAct(rawValue: $0) }) else {
            throw Refusal(.invalid, "This is nothing that can be done with an exception.", at: "act")
        }
        var words = FilterWords()
        let (shown, asked) = queueFilter(call.form, actor, &words)
        // What is done with all that fit is not done with more than was asked for.
        guard words.unknown.isEmpty else { return try await queue(call, fields: call.form) }
        let desk = try await ExceptionDesk.of(services.site, actor)
        let ids: [ExceptionID]
        if let one = call.form["one"] {
            ids = [ExceptionID(one)].compactMap { $0 }
        } else if call.form["all"] == "1" {
            ids = try await desk.named(by: asked).ids
        } else {
            ids = call.form.keys.filter { $0.hasPrefix("x.") }.sorted().compactMap { ExceptionID($0.dropFirst(2)) }
        }
        guard !ids.isEmpty else {
            let refusal = Refusal(
                .invalid, "Nothing is marked.", hint: "Mark at least one exception, or choose all that fit.", at: "act")
            return try await queue(call, fields: call.form, refusal: refusal)
        }
        do {
            let task = try await desk.work(
                act, ids, reason: String((call.form["reason"] ?? "").prefix(200)), reference: nil,
                source: actor.source(address: call.call.remoteAddress))
            let back = Paths.queue(shown, item: act.resolution == nil ? call.form["one"] : nil)
            return .seeOther(back + (back.contains("?") ? "&" : "?") + "did=\(task.doneCount)-\(task.itemCount)")
        } catch let refusal as Refusal where refusal.at == "reason" {
            return try await queue(call, fields: call.form, refusal: refusal)
        }
    }
}

extension QueueView.Stake {
    init(_ stake: ExceptionStake) {
        self.init()
        proposed = stake.proposal.after?.values ?? []
        (estimateWh, rawWh) = (stake.estimateWh, stake.rawWh)
        (estimatePaise, rawPaise, atStakePaise) = (stake.estimatePaise, stake.rawPaise, stake.atStakePaise)
    }
}

extension Optional {
    fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async throws -> Value? {
        guard let self else { return nil }
        return try await body(self)
    }
}
