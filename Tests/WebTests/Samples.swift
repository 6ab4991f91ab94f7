// Samples: one view of every page in the states normal, empty and worst, for the tests of rendering.
// Numbers are made by rule, no real person; `hostile` puts markup wherever a person may have typed.
import CivilTime
import IntervalData
import MeterPort
import Web

import struct Access.Refusal

struct Sample: Sendable {
    var name: String
    var look: PageFrame.Look
    var place: PageFrame.Place
    var page: any Page
}

enum Samples {
    static let zone = Zone.india
    static let day = CivilDay(number: 20_778)  // Sat 21 November 2026
    static let nowMs = at(day, 14, 5)

    static func at(_ day: CivilDay, _ hour: Int, _ minute: Int) -> Int64 {
        (zone.startS(of: day) + Int64(hour * 3600 + minute * 60)) * 1000
    }

    static func frame(
        _ language: Language, look: PageFrame.Look, place: PageFrame.Place, person: PageFrame.Person?,
        notice: PageFrame.Notice? = nil, company: String = "Saryu Power"
    ) -> PageFrame {
        PageFrame(
            language: language, look: look, company: company, zone: zone, businessTimeMs: nowMs, version: "0.1.0",
            path: "/line?a=b&c=d", csrfToken: "tok-1", person: person, place: place, notice: notice, demoSpeed: 1440)
    }

    /// Watt-hours of a home by 15 minutes: a base, a morning and an evening hump.
    static func home(_ seed: Int, slots: Int = 96) -> [Int32] {
        (0..<slots).map { slot in
            let hour = slot / 4
            let hump = hour == 6 || hour == 7 ? 110 : (17...21).contains(hour) ? 100 - abs(hour - 19) * 25 : 0
            return Int32(18 + hump + (slot * 7 + seed * 13) % 11)
        }
    }

    static let bands = [
        PriceBand(minutes: 0..<540, level: 2, name: "Normal"), PriceBand(minutes: 540..<1020, level: 1, name: "Solar"),
        PriceBand(minutes: 1020..<1080, level: 2, name: "Normal"),
        PriceBand(minutes: 1080..<1320, level: 3, name: "Peak"),
        PriceBand(minutes: 1320..<1440, level: 2, name: "Normal"),
    ]

    static func meterDay(_ day: CivilDay, known: Int = 96) -> MeterDay {
        var qualities = Array(repeating: Quality.actual, count: known)
        for slot in 4..<12 where slot < known && day == Samples.day.advanced(by: -2) { qualities[slot] = .missing }
        for slot in 40..<46 where slot < known && day != Samples.day { qualities[slot] = .estimated }
        for slot in 69..<71 where slot < known && day == Samples.day.advanced(by: -2) { qualities[slot] = .edited }
        let values = home(Int(day.number)).prefix(known).enumerated().map { qualities[$0] == .missing ? 0 : $1 }
        return MeterDay(day: day, slotCount: 96, valuesWh: values, qualities: qualities)
    }

    static func all(_ word: String = "Sunita Devi") -> [Sample] {
        portal(word) + wallet(word) + packs(word) + console(word) + keys(word) + people(word) + approvals(word)
            + problems(word)
            + events(word) + orders(word) + simulator(word) + reports(word) + guards(word) + runs(word)
            + ((try? meterData(word)) ?? [])
    }

    static func simulator(_ word: String) -> [Sample] {
        let kinds = [
            "outage", "silence", "drop", "garble", "repeat", "delay", "slow", "reboot", "shuffle", "wrong-key", "clock",
            "missing", "rollover", "event", "ghost", "liar",
        ]
        let nowS: Int64 = 1_795_248_000
        let steps = kinds.enumerated().map { index, kind in
            SimulatorStatus.Step(
                kind: kind, feeder: index % 2 == 0 ? word : nil, sharePercent: 40, meters: 12, fromS: nowS,
                untilS: index % 3 == 0 ? nil : nowS + 900, isActive: index % 2 == 0)
        }
        let busy = SimulatorStatus(
            nowS: nowS, meters: 10_000, feeders: [word, "RK-2"], openConnections: 7, withoutSupply: 1_250,
            figures: ["answers": 123_456, "dropped": 12],
            runs: [
                .init(id: 1, name: word, about: word, startS: nowS, endS: nil, steps: steps),
                .init(id: 2, name: word, about: word, startS: nowS, endS: nowS + 900, steps: []),
            ], log: [.init(atS: nowS, text: word)])
        let calm = SimulatorStatus(
            nowS: nowS, meters: 24, feeders: [], openConnections: 0, withoutSupply: 0, figures: [:], runs: [], log: [])
        let scenarios = [ShippedScenario(name: "evening-outage", title: word, about: word)]
        return [
            Sample(
                name: "simulator", look: .console, place: .simulator,
                page: SimulatorView(
                    status: busy, scenarios: scenarios, faults: kinds, minutes: [1, 60],
                    refusal: Refusal(.invalid, word, at: "feeder"))),
            Sample(
                name: "simulator-calm", look: .console, place: .simulator,
                page: SimulatorView(status: calm, scenarios: scenarios, faults: kinds, minutes: [15])),
        ]
    }

    static func problems(_ word: String) -> [Sample] {
        let kinds: [(String, ProblemView.Kind)] = [
            ("404", .notFound), ("403", .forbidden), ("409", .conflict), ("500", .failed), ("400", .badRequest),
            ("429", .tooManyRequests(retryAfterMs: 30_000)),
        ]
        return kinds.map { name, kind in
            Sample(
                name: "problem-\(name)", look: .portal, place: .none,
                page: ProblemView(kind: kind, refusal: Refusal(.invalid, word, at: word), reference: "R-7G2K-19"))
        } + [
            Sample(name: "signin", look: .portal, place: .none, page: SignInView()),
            Sample(name: "second", look: .portal, place: .none, page: SecondStepView(proof: word, back: "/line")),
            Sample(
                name: "second-wrong", look: .portal, place: .none,
                page: SecondStepView(proof: word, back: nil, problem: .wrong)),
            Sample(
                name: "second-limited", look: .portal, place: .none,
                page: SecondStepView(proof: word, back: nil, problem: .tooMany(retryAfterMs: 90_000))),
            Sample(name: "signin-out", look: .portal, place: .none, page: SignInView(isSignedOut: true)),
            Sample(
                name: "signin-wrong", look: .portal, place: .none,
                page: SignInView(userName: word, problems: [.wrong], back: "/line")),
            Sample(
                name: "signin-missing", look: .portal, place: .none,
                page: SignInView(userName: "", problems: [.nameMissing, .passwordMissing])),
            Sample(
                name: "signin-limited", look: .portal, place: .none,
                page: SignInView(userName: word, problems: [.tooMany(retryAfterMs: 90_000)])),
        ]
    }

    // MARK: the line

    static func line(_ counts: LineCounts, _ word: String, isEmpty: Bool = false) -> LineView {
        LineView(
            day: day, countedAtMs: nowMs, counts: counts,
            drops: isEmpty
                ? []
                : [
                    .init(kind: .silent, count: counts.silent), .init(kind: .readFailing, count: 3),
                    .init(kind: .heldFinding, count: counts.held), .init(kind: .estimated, count: counts.estimated),
                    .init(kind: .notEstimable, count: 1), .init(kind: .waitingForPrice, count: counts.waitingForPrice),
                    .init(kind: .waitingForCharge, count: counts.waitingForCharge), .init(kind: .corrected, count: 2),
                    .init(kind: .reportedFailedButDone, count: 1), .init(kind: .warned, count: 4),
                    .init(kind: .cutHeld, count: 2),
                ],
            restoreMedianMs: isEmpty ? nil : 140_000,
            heat: isEmpty
                ? []
                : [
                    .init(name: word, sharesPpm: (0..<14).map { $0 == 13 ? 700_000 : $0 == 5 ? 960_000 : 1_000_000 }),
                    .init(
                        name: "Feeder RK-2",
                        sharesPpm: (0..<14).map { $0 == 9 ? nil : $0 == 10 ? 300_000 : 995_000 }),
                ],
            heatSlots: 24,
            needsPerson: isEmpty
                ? []
                : [
                    .init(kind: .spike, count: 2, stakePaise: 12_660),
                    .init(kind: .silentMeter, count: 5, stakePaise: nil),
                    .init(kind: .notEstimable, count: 1, stakePaise: 1_171),
                    .init(kind: .other(word), count: 1, stakePaise: 9),
                ],
            intervalsChecked: 4_608,
            jobs: isEmpty
                ? []
                : [
                    .init(name: .collect, state: .late(byMs: 1_140_000), done: 43, total: 48, nextMs: nowMs + 600_000),
                    .init(name: .rate, state: .running, done: 31, total: 48, nextMs: nil),
                    .init(
                        name: .decideSupply, state: .done(atMs: nowMs - 60_000), done: 48, total: 48,
                        nextMs: nowMs + 1),
                    .init(name: .correct, state: .failed(reason: word), done: 0, total: 2, nextMs: nil),
                    .init(name: .validate, state: .waiting, done: 0, total: 48, nextMs: nowMs + 900_000),
                    .init(name: .other(word), state: .waiting, done: 0, total: 0, nextMs: nil),
                ])
    }

    static let counts = LineCounts(
        expected: 48, silent: 5, held: 2, estimated: 6, priced: 46, charged: 45, cut: 1, restored: 1)

    static func keys(_ word: String) -> [Sample] {
        let items: [KeysView.Item] = [
            .init(
                id: 501, name: word, state: .active, permissions: ["accounts.read", "meters.read"], placeID: nil,
                until: day.advanced(by: 300), lastUsed: day),
            .init(
                id: 502, name: word, state: .revoked, permissions: ["accounts.read"], placeID: 31,
                until: day.advanced(by: 30), lastUsed: nil),
            .init(
                id: 503, name: word, state: .expired, permissions: ["meters.read"], placeID: nil,
                until: day.advanced(by: -3), lastUsed: nil),
        ]
        let offered = ["accounts.read", "meters.read"]
        return [
            Sample(name: "keys", look: .console, place: .keys, page: KeysView(items: items, offered: offered)),
            Sample(name: "keys-none", look: .console, place: .keys, page: KeysView(items: [], offered: offered)),
            Sample(
                name: "keys-made", look: .console, place: .keys,
                page: KeysView(items: items, nextHref: "/keys?after=503", offered: offered, token: "bbk_501_\(word)")),
            Sample(
                name: "keys-wrong", look: .console, place: .keys,
                page: KeysView(
                    items: items, offered: offered, typedName: word, typedUntil: word, typedPlace: word,
                    chosen: ["meters.read"],
                    problems: [.nameTaken, .permissions, .until, .place, .other(Refusal(.invalid, word))])),
        ]
    }

    static func console(_ word: String) -> [Sample] {
        let worst = LineCounts(
            expected: 48, silent: 5, held: 2, estimated: 6, priced: 50, charged: 45, cut: 1, restored: 1)
        let none = LineCounts(expected: 0, silent: 0, held: 0, estimated: 0, priced: 0, charged: 0, cut: 0, restored: 0)
        let first = ListState()
        return [
            Sample(name: "line", look: .console, place: .line, page: line(counts, word)),
            Sample(name: "line-empty", look: .console, place: .line, page: line(none, word, isEmpty: true)),
            Sample(name: "line-worst", look: .console, place: .line, page: line(worst, word)),
            Sample(name: "meter", look: .console, place: .meters, page: meter(word)),
            Sample(name: "meter-day", look: .console, place: .meters, page: meter(word, days: 1)),
            Sample(name: "meter-empty", look: .console, place: .meters, page: emptyMeter()),
            Sample(name: "meter-silent", look: .console, place: .meters, page: silentMeter(word)),
            Sample(name: "account", look: .console, place: .accounts, page: account(word)),
            Sample(name: "account-empty", look: .console, place: .accounts, page: emptyAccount(word)),
            Sample(name: "account-off", look: .console, place: .accounts, page: offAccount(word)),
            Sample(name: "day-console", look: .console, place: .accounts, page: chargedDay(word)),
            Sample(name: "statement-console", look: .console, place: .accounts, page: statement(word)),
            Sample(
                name: "meters", look: .console, place: .meters,
                page: MetersView(
                    state: ListState(query: word, filter: "silent", nextAfter: "42", isFirstPage: false), total: 1_234,
                    counts: [.answering: 1_200, .silent: 30, .disconnected: 4], items: meterItems(word))),
            Sample(
                name: "meters-empty", look: .console, place: .meters,
                page: MetersView(state: first, total: 0, counts: [:], items: [])),
            Sample(
                name: "accounts", look: .console, place: .accounts,
                page: AccountsView(
                    state: ListState(nextAfter: "SRY-9"), total: 48, counts: [.on: 44, .low: 3, .off: 1],
                    items: accountItems(word))),
            Sample(
                name: "accounts-empty", look: .console, place: .accounts,
                page: AccountsView(state: ListState(query: word), total: 48, counts: [:], items: [])),
            Sample(name: "exceptions", look: .console, place: .line, page: exceptions(word)),
            Sample(name: "queue", look: .console, place: .queue, page: queue(word)),
            Sample(
                name: "queue-empty", look: .console, place: .queue,
                page: QueueView(
                    filter: .init(), counts: [], oldestMs: nil, rows: [], nextAfter: nil, isFirstPage: true, item: nil,
                    places: [], mayAct: false)),
            Sample(name: "queue-settled", look: .console, place: .queue, page: settled),
            Sample(
                name: "exceptions-empty", look: .console, place: .line,
                page: ExceptionsView(
                    state: first, counts: [], total: 0, items: [], checkedAtMs: nowMs, intervalsChecked: 41_230)),
        ] + confirms(word) + jobs(word)
    }

    static func jobs(_ word: String) -> [Sample] {
        let states: [JobCard.RunState] = [.running, .done, .failed, .stopped, .lost]
        let runs = states.enumerated().map { index, state in
            JobCard.Run(
                day: index == 1 ? day : nil, state: state, startedAtMs: nowMs - Int64(index) * 3_600_000,
                endedAtMs: state == .running ? nil : nowMs - Int64(index) * 3_500_000,
                durationMs: index == 1 ? 340 : index == 2 ? 95_000 : nil, done: Int64(index), result: word,
                askedBy: index == 1 ? word : nil)
        }
        func card(_ name: LineView.Job.Name, _ state: JobCard.State, bare: Bool = false) -> JobCard {
            JobCard(
                slug: "rate", name: name, state: state, isDaily: name == .estimate, runsByDay: true,
                minutes: name == .rate ? 1_440 : 360, settingName: "jobs.rate.every-minutes",
                nextMs: state == .running ? nil : nowMs, done: state == .running ? 17 : nil,
                waitingDays: bare ? 0 : 3, failedDays: bare ? 0 : 1, pausedFor: state == .paused ? word : nil,
                lastError: state == .failing ? word : nil, runs: bare ? [] : runs)
        }
        let all = [
            card(.collect, .waiting), card(.estimate, .running), card(.rate, .late), card(.decideSupply, .failing),
            card(.sendCommands, .paused), card(.validate, .waiting, bare: true),
        ]
        return [
            Sample(
                name: "jobs", look: .console, place: .line, page: JobsView(jobs: all, nowMs: nowMs, mayAct: true)),
            Sample(
                name: "jobs-new", look: .console, place: .line,
                page: JobsView(jobs: [card(.rate, .waiting, bare: true)], nowMs: nowMs, mayAct: false)),
            Sample(
                name: "job", look: .console, place: .line,
                page: JobView(
                    job: card(.rate, .failing), nowMs: nowMs, mayAct: true,
                    typed: ["reason": word, "from": word, "to": word])),
            Sample(
                name: "job-paused", look: .console, place: .line,
                page: JobView(job: card(.estimate, .paused, bare: true), nowMs: nowMs, mayAct: true)),
            Sample(
                name: "mend", look: .console, place: .line,
                page: MendView(
                    kind: .commandFailed, id: 9, detail: word, sinceMs: nowMs, meter: (3, word), mayAct: true,
                    typedReason: word, refusal: Refusal(.invalid, word, at: "reason"))),
            Sample(
                name: "mend-only-seen", look: .console, place: .line,
                page: MendView(
                    kind: .eventFailed, id: 9, detail: word, sinceMs: nowMs, meter: nil, mayAct: false)),
        ]
    }

    static func confirms(_ word: String) -> [Sample] {
        let held: [SupplyReason] = [
            .noCutHours(from: 1050, to: 660), .holiday(name: word), .grace(untilMs: nowMs), .notWarnedYet,
            .estimatedBalance, .hold(reason: word), .other(word),
        ]
        let who = (id: Int64(7), code: "SRY-2041-0093", name: word)
        return [
            Sample(
                name: "confirm-cut", look: .console, place: .meters,
                page: ConfirmView(
                    action: .disconnect, meter: 3, serial: "SP44719302", account: who, balancePaise: -120,
                    isBalanceEstimated: false, heldBy: held, idempotencyKey: "k-1", typedReason: word,
                    typedSerial: word, problems: [.reasonMissing, .serialDiffers])),
            Sample(
                name: "confirm-estimate", look: .console, place: .meters,
                page: ConfirmView(
                    action: .disconnect, meter: 3, serial: "SP44719302", account: who, balancePaise: -120,
                    isBalanceEstimated: true, heldBy: [], idempotencyKey: "k-1")),
            Sample(
                name: "confirm-restore", look: .console, place: .meters,
                page: ConfirmView(
                    action: .reconnect, meter: 3, serial: "SP44719302", account: nil, balancePaise: nil,
                    isBalanceEstimated: false, heldBy: [], idempotencyKey: "k-1")),
        ]
    }

    static func meterItems(_ word: String) -> [MetersView.Item] {
        let states: [MeterView.Status] = [.answering, .silent(sinceMs: nowMs - 90_000_000), .disconnected, .neverRead]
        return states.enumerated().map { index, status in
            .init(
                id: Int64(index), serial: "SP4471930\(index)", account: index == 3 ? nil : (7, word), status: status,
                relay: [.connected, .unknown, .disconnected, .unknown][index], lastReadMs: index == 3 ? nil : nowMs)
        }
    }

    static func accountItems(_ word: String) -> [AccountsView.Item] {
        let states: [SupplyState] = [.on, .off(sinceMs: nowMs - 1_000_000), .unknown]
        return states.enumerated().map { index, supply in
            .init(
                id: Int64(index), code: "SRY-2041-009\(index)", name: word, meter: index == 2 ? nil : (3, "SP44719302"),
                supply: supply, balancePaise: Int64(11_860 - 12_000 * index), lastsUntilMs: index == 0 ? nowMs : nil)
        }
    }

    /// What is settled is counted as settled; an exception without an estimate or a pack shows no money.
    static var settled: QueueView {
        var view = queue("x")
        view.filter = .init()
        view.filter.state = "resolved"
        view.refusal = nil
        view.item?.stake = QueueView.Stake()
        return view
    }

    static func queue(_ word: String) -> QueueView {
        func row(_ rule: String, hard: Bool = true, owner: String? = nil, resolution: String? = nil) -> QueueView.Row {
            QueueView.Row(
                id: "2026-11-20.3.\(rule).20", meter: (3, "SP44719302"), rule: rule, isHard: hard, day: day,
                sinceMs: nowMs - 7_000_000, owner: owner, resolution: resolution)
        }
        let rules = [
            "zeroConsumption", "negative", "spike", "consecutiveZeroes", "timeTolerance", "highLow", "sumCheck",
            "reverseEnergy", "missing", "duplicate", "clockDrift", "voltage", "current", "loadFactor",
            "demandAboveSanctioned", "unchangedMeter", "consumptionInOutage", "tamper", "conflict", "stamps",
            "notEstimable", "editReplaced", "unheardOf",
        ]
        var filter = QueueView.Filter()
        (filter.rule, filter.severity, filter.placeID, filter.isMine) = ("spike", "hard", 11, true)
        var qualities = [Quality](repeating: .actual, count: 48)
        (qualities[20], qualities[21], qualities[40]) = (.missing, .estimated, .edited)
        var stake = QueueView.Stake()
        stake.proposed = (0..<48).map { 100 + Int32($0) }
        (stake.estimateWh, stake.rawWh, stake.rawPaise) = (240, 90_000, 48_420)
        (stake.estimatePaise, stake.atStakePaise) = (17_402, 31_018)
        let item = QueueView.Item(
            row: row("spike", owner: word), message: word, periodS: 1800,
            load: MeterDay(
                day: day, slotCount: 48, valuesWh: (0..<48).map { 100 + Int32($0) }, qualities: qualities),
            slots: 20..<22, held: [(20, 45_000), (21, 45_000)],
            band: (0..<48).map { $0 == 5 ? nil : 50...Int32(200 + $0) }, before: .init(repeating: 130, count: 48),
            registerWh: (1_000_000, 1_006_000), clockDriftS: -130, others: [row("sumCheck", hard: false)],
            steps: [
                .init(act: "take", by: word, reason: "", atMs: nowMs), .init(act: "x", by: "b", reason: word, atMs: 0),
            ],
            isOpen: true, stake: stake)
        return QueueView(
            filter: filter, counts: rules.map { ($0, 3) }, oldestMs: nowMs - 70_000_000,
            rows: rules.map { row($0, owner: word) } + [
                row("spike", resolution: "accepted"), row("a", resolution: word),
            ],
            nextAfter: "2026-11-20.3.spike.20", isFirstPage: false, item: item, places: [(11, word)], mayAct: true,
            refusal: Refusal(.invalid, word, at: "reason"), seesRules: true)
    }

    static func exceptions(_ word: String) -> ExceptionsView {
        let kinds: [ExceptionKind] = [
            .negative, .spike, .zeroRun, .sumMismatch, .clock, .duplicate, .notEstimable, .silentMeter, .commandFailed,
            .withoutTariff, .jobFailed, .eventFailed, .other(word),
        ]
        return ExceptionsView(
            state: ListState(filter: "spike"), counts: [(.spike, 1), (.clock, 4)], total: 11,
            items: kinds.map {
                .init(
                    kind: $0, meter: (3, "SP44719302"), day: day, sinceMs: nowMs - 7_000_000, detail: word,
                    stakePaise: $0 == .silentMeter ? nil : 4_842_00)
            }, checkedAtMs: nowMs, intervalsChecked: 41_230)
    }

    // MARK: the meter

    static func commands(_ word: String) -> [MeterView.Command] {
        let yesterday = at(day.advanced(by: -1), 1, 15)
        return [
            .init(sentMs: nowMs - 300_000, kind: .readLoad, state: .answered, answerMs: 1_200, by: .schedule),
            .init(sentMs: yesterday, kind: .readEvents, state: .noAnswer, answerMs: nil, by: .schedule),
            .init(sentMs: yesterday, kind: .reconnect, state: .confirmed, answerMs: 17_000, by: .supplyRules),
            .init(sentMs: yesterday, kind: .disconnect, state: .failedButDone, answerMs: 3_000, by: .person(word)),
            .init(sentMs: yesterday, kind: .readRelay, state: .failed(reason: word), answerMs: nil, by: .supplyRules),
            .init(sentMs: yesterday, kind: .setClock, state: .superseded, answerMs: nil, by: .schedule),
            .init(sentMs: nowMs, kind: .other(word), state: .waiting, answerMs: nil, by: .person(word)),
            .init(sentMs: nowMs, kind: .readLoad, state: .sent, answerMs: nil, by: .person(word)),
        ]
    }

    static func meter(_ word: String, days: Int = 3) -> MeterView {
        let list = (1 - days...0).map { meterDay(day.advanced(by: $0), known: $0 == 0 ? 56 : 96) }
        var view = MeterView(
            id: 3, serial: "SP 4471 9302", description: "Single phase, IS 15959-2 D1, firmware 3.1.8",
            account: (7, "SRY-2041-0093", word), status: .answering, lastReadMs: at(day, 14, 0), needsLook: 2,
            figures: .init(
                sanctionedW: 2_000, registerWh: 4_218_306, registerAtMs: at(day, 14, 0), slotsKnown: 2_840,
                slotsExpected: 2_880, balancePaise: 11_860, balanceAsOfMs: at(day, 14, 0), clockDriftS: 4),
            days: list, periodS: 900,
            relay: .init(
                desired: .connected, desiredReason: .recharged, desiredSinceMs: at(day.advanced(by: -5), 12, 6),
                commanded: commands(word)[2], actual: .connected, actualReadMs: at(day, 14, 0)),
            mayOperate: true, idempotencyKey: "k-2")
        let start = at(day.advanced(by: -2), 0, 0)
        view.bands = bands
        view.held = [.init(day: day.advanced(by: -2), slots: 69..<71, powerW: 9_980)]
        view.relayActual = [
            .init(fromMs: start, toMs: start + 3_600_000, state: .connected),
            .init(fromMs: start + 3_600_000, toMs: start + 10_800_000, state: .unknown),
            .init(fromMs: start + 10_800_000, toMs: nowMs - 20_000_000, state: .connected),
            .init(fromMs: nowMs - 20_000_000, toMs: nowMs - 16_000_000, state: .disconnected),
            .init(fromMs: nowMs - 16_000_000, toMs: nowMs, state: .connected),
        ]
        view.relayDesired = [.init(fromMs: start, toMs: nowMs, state: .connected)]
        view.events = [
            .init(atMs: at(day, 2, 15), code: 9, tone: .neutral),
            .init(atMs: at(day.advanced(by: -1), 17, 14), code: 251, tone: .bad),
            .init(atMs: start + 10_800_000, code: 102, tone: .good),
            .init(atMs: start + 3_600_000, code: 101, tone: .warn),
        ]
        view.commands = commands(word)
        view.versions = [
            version(1, .read), version(2, .estimated), version(3, .edited(by: word)), version(4, .lateRead),
            version(5, .imported), version(6, .other(word)),
        ]
        view.notActual = [Quality.missing, .estimated, .edited].map { quality in
            .init(
                fromMs: start + 3_600_000, toMs: start + 10_800_000, quality: quality,
                energyWh: quality == .missing ? nil : 140, version: 2, note: word)
        }
        view.hasNextDay = true
        return view
    }

    static func version(_ number: Int, _ why: MeterView.Version.Why) -> MeterView.Version {
        .init(
            day: day.advanced(by: -1), version: number, actual: 88, estimated: 6, edited: 2, missing: 0,
            madeMs: at(day, 0, 31), why: why, isCurrent: number == 6)
    }

    static func emptyMeter() -> MeterView {
        MeterView(
            id: 4, serial: "SP 1", description: "New", account: nil, status: .neverRead, lastReadMs: nil, needsLook: 0,
            figures: .init(), days: [MeterDay(day: day, slotCount: 96, valuesWh: [], qualities: [])], periodS: 1800,
            relay: .init(
                desired: .unknown, desiredReason: .none, desiredSinceMs: nil, commanded: nil, actual: .unknown,
                actualReadMs: nil), mayOperate: false, idempotencyKey: "k-3")
    }

    static func silentMeter(_ word: String) -> MeterView {
        var view = meter(word, days: 1)
        view.status = .silent(sinceMs: nowMs - 200_000_000)
        view.lastReadMs = nowMs - 200_000_000
        view.days = [
            MeterDay(
                day: day, slotCount: 96, valuesWh: Array(repeating: 0, count: 56),
                qualities: Array(repeating: .missing, count: 56))
        ]
        view.relay.actual = .disconnected
        view.relay.desiredReason = .byHand(person: word, reason: word)
        return view
    }
}
