// Meters: the list and one meter's page.
import API
import Access
import Accounts
import Aggregation
import CivilTime
import HeadEnd
import IS15959
import IntervalData
import MeterData
import Meters
import Tariffs

extension Desk {
    static let listLimit = 50

    var meterPages: [API.Page] {
        [
            API.Page("GET", Paths.meters, access: .permission([.readMeters])) { try await meterList($0) },
            API.Page("GET", "\(Paths.meters)/{id}", access: .permission([.readMeters])) { call in
                let notice: PageFrame.Notice? =
                    switch call.query["asked"] {
                    case "read": .readAsked
                    case "disconnect": .disconnectAsked
                    case "reconnect": .reconnectAsked
                    case "keys": .keysAsked
                    case "counter": .counterAsked
                    default: nil
                    }
                return try await meter(call, notice: notice)
            },
        ]
    }

    /// What is typed into a search, bounded.
    static func search(_ call: PageCall) -> String { String((call.query["q"] ?? "").prefix(64)) }

    private func meterList(_ call: PageCall) async throws -> Answer {
        let filter = call.query["state"].flatMap { MetersView.Filter(rawValue: $0) }
        let after = String((call.query["after"] ?? "").prefix(64))
        let scope = try call.actor.scope
        let set = call.query["set"].flatMap { $0.isEmpty ? nil : String($0.prefix(420)) }
        let list = try await MeterList.of(
            services.site, query: Self.search(call), standing: filter.flatMap { MeterStanding(rawValue: $0.rawValue) },
            set: try set.map { try SetKey.read($0) }, after: after, limit: Self.listLimit, scope)
        let sets = try await sets(scope).filter { $0.key != SetKey.all.description && !$0.key.hasPrefix("virtual:") }
        let counts = MetersView.Filter.allCases.map {
            ($0, list.counts[MeterStanding(rawValue: $0.rawValue) ?? .neverRead] ?? 0)
        }
        let page = MetersView(
            state: ListState(
                query: Self.search(call), filter: filter?.rawValue, set: set, nextAfter: list.part.next,
                isFirstPage: after.isEmpty),
            total: list.total, counts: Dictionary(uniqueKeysWithValues: counts),
            items: list.part.items.map { item in
                MetersView.Item(
                    id: item.listing.meter.meterID, serial: item.listing.meter.serial,
                    account: item.account.map { ($0.accountID, $0.name) }, status: .init(item.listing),
                    relay: RelayState(actual: item.listing.relay?.actual), lastReadMs: item.listing.relay?.actualAtMs)
            }, sets: sets)
        return show(page, call, .meters)
    }

    /// The meter's page for the day asked, or for yesterday.
    func meter(_ call: PageCall, notice: PageFrame.Notice? = nil, status: Int = 200) async throws -> Answer {
        let day = try call.query["day"].map { text in
            guard let day = CivilDay(text), (2000...2199).contains(day.parts.year) else {
                throw Refusal(.invalid, "This is no day.", hint: "Write it as YYYY-MM-DD.", at: "day")
            }
            return day
        }
        let report = try await MeterReport.of(
            services.site, meterID: try id(call), last: day, count: call.query["days"] == "3" ? 3 : 1,
            try call.actor.scope)
        let weekdays = pages.messages(language(call.call, call.session)).list("weekdays.long")
        var page = MeterView(
            report, weekdays: weekdays, mayOperate: try call.actor.has(.commandMeters), key: Self.newKey())
        page.outages = try await OutageReport.ofMeter(
            services.site, report.listing.meter.meterID, limit: 60, try call.actor.scope
        ).filter { $0.supersededAtMs == nil && !$0.isWithdrawn }
        page.keys = try await keysPanel(report.listing.meter.meterID, call)
        return show(page, call, .meters, notice: notice, status: status)
    }
}

extension MeterView.Status {
    init(_ listing: MeterListing) {
        self =
            switch listing.standing {
            case .answering: .answering
            case .silent: .silent(sinceMs: listing.relay?.actualAtMs ?? 0)
            case .disconnected: .disconnected
            case .neverRead: .neverRead
            }
    }
}

extension MeterView {
    init(_ report: MeterReport, weekdays: [String], mayOperate: Bool, key: String) {
        let meter = report.listing.meter
        let today = report.zone.day(atS: report.nowMs / 1000)
        let commands = report.commands.map { Command($0) }
        self.init(
            id: meter.meterID, serial: meter.serial, description: meter.profileName,
            account: report.account.map { ($0.accountID, $0.accountNumber, $0.name) }, status: .init(report.listing),
            lastReadMs: report.listing.relay?.actualAtMs,
            needsLook: report.exceptions.count { $0.resolvedAtMs == nil && $0.severity == "hard" },
            figures: Figures(
                sanctionedW: report.account?.sanctionedW, registerWh: report.register?.wh,
                registerAtMs: report.register?.atMs, slotsKnown: report.slotsHave, slotsExpected: report.slotsExpected,
                balancePaise: report.balancePaise, balanceAsOfMs: report.balancePaise.map { _ in report.nowMs },
                clockDriftS: report.clockDriftS.map { Int($0) }),
            days: report.days.map { MeterDay($0, report, today: today) }, periodS: Int(meter.capturePeriodS),
            relay: Relay(report, commands, weekdays), mayOperate: mayOperate, idempotencyKey: key)
        bands = PriceBand.all(report.bands)
        held = Self.held(report)
        relayActual = Self.spans(report, "actual", before: .unknown)
        // A meter is installed with its relay wanted closed; that first wish is no change.
        relayDesired = Self.spans(report, "wanted", before: .connected)
        events = report.events.map { Event(atMs: $0.atMs, code: $0.code) }
        self.commands = commands
        versions = report.versions.map { version in
            Version(
                version, by: report.editors[.init(day: version.day, version: version.version)],
                isCurrent: report.blocks.contains { $0.day == version.day && $0.version == version.version })
        }
        notActual = report.blocks.flatMap { Self.runs($0, report) }
        intervals = report.blocks.flatMap { Self.intervals($0, report) }
        hasNextDay = report.days.last.map { $0 < today } ?? false
    }

    /// The highest value of every run that a hard check held back.
    private static func held(_ report: MeterReport) -> [HeldRaw] {
        report.exceptions.compactMap { found in
            let values = found.rawValues.split(separator: " ").compactMap { Int64($0) }
            guard found.resolvedAtMs == nil, let top = values.max(), top > 0, !found.slots.isEmpty else { return nil }
            return HeldRaw(
                day: found.day, slots: found.slots, powerW: top * 3600 / max(1, report.listing.meter.capturePeriodS))
        }
    }

    private static func spans(_ report: MeterReport, _ side: String, before: RelayState) -> [Span] {
        guard let first = report.days.first, let last = report.days.last else { return [] }
        let startMs = report.zone.startS(of: first) * 1000
        let endMs = min(report.nowMs, report.zone.startS(of: last.advanced(by: 1)) * 1000)
        var spans: [Span] = []
        var (fromMs, state) = (startMs, before)
        for change in report.relayChanges where change.side == side && change.atMs < endMs {
            if change.atMs > fromMs { spans.append(Span(fromMs: fromMs, toMs: change.atMs, state: state)) }
            (fromMs, state) = (max(startMs, change.atMs), RelayState(actual: change.state))
        }
        if fromMs < endMs { spans.append(Span(fromMs: fromMs, toMs: endMs, state: state)) }
        return spans
    }

    /// Values that came from the meter; what an import brought has no raw answer.
    private static func intervals(_ stored: StoredBlock, _ report: MeterReport) -> [Interval] {
        let startMs = report.zone.startS(of: stored.day) * 1000
        let periodMs = report.listing.meter.capturePeriodS * 1000
        return stored.block.batches.enumerated().compactMap { slot, batch in
            guard batch > 0, stored.block.qualities[slot] == .actual, report.rawBatches.contains(batch) else {
                return nil
            }
            return Interval(
                day: stored.day, fromMs: startMs + Int64(slot) * periodMs, toMs: startMs + Int64(slot + 1) * periodMs,
                energyWh: Int64(stored.block.values[slot]), batchID: batch)
        }
    }

    /// Runs of slots that were not read from the meter.
    private static func runs(_ stored: StoredBlock, _ report: MeterReport) -> [NotActual] {
        let startMs = report.zone.startS(of: stored.day) * 1000
        let periodMs = report.listing.meter.capturePeriodS * 1000
        var runs: [NotActual] = []
        var slot = 0
        while slot < stored.block.slotCount {
            let quality = stored.block.qualities[slot]
            var end = slot + 1
            while end < stored.block.slotCount, stored.block.qualities[end] == quality { end += 1 }
            let (fromMs, toMs) = (startMs + Int64(slot) * periodMs, startMs + Int64(end) * periodMs)
            if quality != .actual, fromMs < report.nowMs {
                let sum = stored.block.values[slot..<end].reduce(0) { $0 + Int64($1) }
                let why = report.exceptions.first { $0.day == stored.day && $0.slots.overlaps(slot..<end) }
                runs.append(
                    NotActual(
                        fromMs: fromMs, toMs: toMs, quality: quality, energyWh: quality == .missing ? nil : sum,
                        version: Int(stored.version), note: why?.message ?? stored.madeBy))
            }
            slot = end
        }
        return runs
    }
}

extension MeterDay {
    /// The day as stored; of today only as far as it is known.
    init(_ day: CivilDay, _ report: MeterReport, today: CivilDay) {
        let slots = report.zone.slotCount(of: day, periodS: report.listing.meter.capturePeriodS)
        guard let block = report.blocks.first(where: { $0.day == day })?.block else {
            self.init(day: day, slotCount: slots, valuesWh: [], qualities: [])
            return
        }
        let known = day < today ? block.slotCount : (block.qualities.lastIndex { $0 != .missing } ?? -1) + 1
        self.init(
            day: day, slotCount: block.slotCount, valuesWh: Array(block.values.prefix(known)),
            qualities: Array(block.qualities.prefix(known)))
    }
}

extension PriceBand {
    /// The bands of a tariff; none when all cost the same.
    static func all(_ slots: [SlotPrice]) -> [PriceBand] {
        let levels = SlotPrice.levels(slots)
        guard levels.count > 1 else { return [] }
        return slots.map {
            PriceBand(minutes: $0.fromSlot * 15..<$0.toSlot * 15, level: levels[$0.rank] ?? 2, name: $0.band)
        }
    }
}

extension MeterView.Relay {
    init(_ report: MeterReport, _ commands: [MeterView.Command], _ weekdays: [String]) {
        let relay = report.listing.relay
        self.init(
            desired: relay.map { RelayState($0.wanted) } ?? .unknown,
            desiredReason: SupplyReason(code: relay?.wantedReason ?? "", detail: "", weekdays: weekdays),
            desiredSinceMs: relay?.wantedAtMs,
            commanded: commands.first { $0.kind == .disconnect || $0.kind == .reconnect },
            actual: RelayState(actual: relay?.actual), actualReadMs: relay?.actualAtMs)
    }
}

extension MeterView.Command {
    init(_ command: MeterCommand) {
        let kind: Kind =
            switch command.kind {
            case "disconnect": .disconnect
            case "reconnect": .reconnect
            case "read": .readLoad
            default: .other(command.kind)
            }
        let state: State =
            switch command.state {
            case .waiting: command.attempt == 0 ? .waiting : .sent
            case .confirmed: command.isDoneDespiteReport ? .failedButDone : kind == .readLoad ? .answered : .confirmed
            case .failed: .failed(reason: command.answer ?? "")
            case .superseded: .superseded
            }
        self.init(
            sentMs: command.sentAtMs ?? command.createdAtMs, kind: kind, state: state,
            answerMs: command.endedAtMs.map { $0 - command.createdAtMs },
            by: kind == .readLoad && !command.why.isEmpty ? .person(command.why) : .supplyRules)
    }
}

extension MeterView.Version {
    init(_ stored: StoredBlock, by editor: (name: String, reason: String)?, isCurrent: Bool) {
        let who = editor.map { $0.name.isEmpty ? $0.reason : "\($0.name): \($0.reason)" }
        let why: Why =
            switch stored.madeBy {
            case EditApplier.editMadeBy: .edited(by: who ?? "")
            case EditApplier.undoMadeBy: .other(who ?? stored.madeBy)
            case "read": stored.version == 1 ? .read : .lateRead
            case "estimate": .estimated
            case "import": .imported
            default: .other(stored.madeBy)
            }
        self.init(
            day: stored.day, version: Int(stored.version), actual: stored.block.count(of: .actual),
            estimated: stored.block.count(of: .estimated), edited: stored.block.count(of: .edited),
            missing: stored.block.count(of: .missing), madeMs: stored.madeAtMs, why: why, isCurrent: isCurrent)
    }
}

extension MeterView.Event {
    /// The tone says whether somebody should look.
    init(atMs: Int64, code: Int) {
        let tone: Tone =
            switch EventIDs.log(code) {
            case _ where EventIDs.occurrence(of: code) != nil: .good
            case .voltage, .current, .power: .warn
            case .nonRollover: .bad
            case .others: code < 211 ? .bad : .neutral
            default: .neutral
            }
        self.init(atMs: atMs, code: code, tone: tone)
    }
}
