// A what-if: a draft or a pack priced over the past load of some consumers, beside what the packs they held charge for
// the same days today. Both sides are priced anew from the same readings; what was posted then is not asked.
import Access
import Accounts
import CivilTime
import Clocks
import Packs
import SQL
import Tariffs

/// What was asked for.
public struct WhatIfAsked: Sendable, Equatable, Codable {
    /// `present`: what each consumer held on each day; else a published pack.
    public static let present = "present"
    public static let monthsMax = 12
    public static let accountsMax = 5_000

    /// `draft 7001`, or `DOM@3`.
    public var subject: String
    public var against: String
    /// `YYYY-MM`.
    public var from: String
    public var to: String
    /// One consumer, by number.
    public var account: String?
    public var placeID: Int64?
    public var category: String?
    /// Consumers who held this base pack in some of the months.
    public var heldPack: String?
    /// How many at most; of more, every so-manieth.
    public var sample: Int

    public init(
        subject: String = "", against: String = present, from: String, to: String, account: String? = nil,
        placeID: Int64? = nil, category: String? = nil, heldPack: String? = nil, sample: Int = 200
    ) {
        (self.subject, self.against, self.from, self.to) = (subject, against, from, to)
        (self.account, self.placeID, self.category) = (account, placeID, category)
        (self.heldPack, self.sample) = (heldPack, sample)
    }

    /// - Throws: ``Refusal`` for months that are none, are not over, or are too many.
    func months(today: CivilDay) throws -> ClosedRange<CivilMonth> {
        guard let first = CivilMonth(from), let last = CivilMonth(to) else {
            throw Refusal(.invalid, "This is no month.", hint: "Write it as 2026-04.", at: "from")
        }
        guard first <= last, last <= today.month else {
            throw Refusal(
                .invalid, "Months end before they begin, or are still to come.",
                hint: "Take past months; of \(today.month) the days up to yesterday count.", at: "to")
        }
        guard last.index - first.index < Self.monthsMax else {
            throw Refusal(.invalid, "At most \(Self.monthsMax) months.", hint: "Take fewer.", at: "from")
        }
        return first...last
    }
}

/// What came of one consumer. Money in the minor unit.
public struct WhatIfOutcome: Sendable, Equatable, Codable {
    public struct Part: Sendable, Equatable, Codable {
        public var before: Int64
        public var after: Int64
    }
    public var energyWh: Int64 = 0
    public var days = 0
    /// Days with intervals that have no value and count as nothing.
    public var missingDays = 0
    /// Months left out: more than a tenth of their intervals is missing.
    public var leftMonths = 0
    public var before: Int64 = 0
    public var after: Int64 = 0
    /// By component, as the bill calls it.
    public var parts: [String: Part] = [:]
    /// Why nothing could be compared; nil when it was.
    public var reason: String?

    public init(
        energyWh: Int64 = 0, days: Int = 0, missingDays: Int = 0, leftMonths: Int = 0, before: Int64 = 0,
        after: Int64 = 0, reason: String? = nil
    ) {
        (self.energyWh, self.days, self.missingDays) = (energyWh, days, missingDays)
        (self.leftMonths, self.before, self.after, self.reason) = (leftMonths, before, after, reason)
    }

    public var change: Int64 { after - before }
    /// Wh a month of 30 days.
    public var monthlyWh: Int64 { days > 0 ? energyWh * 30 / Int64(days) : 0 }

    static func aside(_ reason: String, _ span: TrialSpan) -> WhatIfOutcome {
        WhatIfOutcome(missingDays: span.missingDays, leftMonths: span.leftMonths, reason: reason)
    }
}

/// A what-if with all it needs to price an account.
struct WhatIfPricing: Sendable {
    let tariff: Tariff
    let against: String
    let months: ClosedRange<CivilMonth>
    let today: CivilDay

    static let noReadings = "no month with enough readings"

    /// Whether anything on either side looks at what is fed in.
    func needsApparent(_ books: TrialBooks) -> Bool {
        tariff.looksAtApparent || books.byPack.values.flatMap(\.tariffs).contains(where: \.looksAtApparent)
    }

    func needsExport(_ books: TrialBooks) -> Bool {
        tariff.metering != .importOnly || books.byPack.values.contains { $0.needsExport }
    }

    func outcome(_ loads: AccountLoads, held: HeldBases, _ books: TrialBooks) -> WhatIfOutcome {
        let span = TrialSpan(loads, from: months.lowerBound, to: months.upperBound, today: today)
        guard !span.runs.isEmpty else { return .aside(Self.noReadings, span) }
        let facts = AccountFacts(loads.account)
        var (before, after) = (TrialBill(), TrialBill())
        var energyWh: Int64 = 0
        do throws(TariffError) {
            for run in span.loads(loads) {
                energyWh += run.reduce(0) { $0 + $1.importTotalWh }
                after.add(try TariffBook([tariff.redated(from: run[0].day)]).trial(run, facts, books.prices))
                for part in try parts(run, held, loads.account) {
                    guard let book = books.byPack[part.packID] else {
                        throw TariffError(part.packID, "this pack is not stored", remedy: "store it")
                    }
                    before.add(try presentBook(book, part.days).trial(part.days, facts, books.prices))
                }
            }
        } catch {
            return .aside(error.description, span)
        }
        var outcome = WhatIfOutcome(
            energyWh: energyWh, days: span.days, missingDays: span.missingDays, leftMonths: span.leftMonths,
            before: before.totalMinor, after: after.totalMinor)
        for name in Set(before.parts.keys).union(after.parts.keys) {
            outcome.parts[name] = .init(before: before.parts[name] ?? 0, after: after.parts[name] ?? 0)
        }
        return outcome
    }

    /// A published pack against which all are priced holds over all the days, as it stands today.
    private func presentBook(_ book: TariffBook, _ days: [TariffLoadDay]) throws(TariffError) -> TariffBook {
        guard against != WhatIfAsked.present else { return book }
        let tariff = book.tariff(on: today) ?? book.tariffs[book.tariffs.count - 1]
        return try TariffBook([tariff.redated(from: days[0].day)])
    }

    private func parts(
        _ run: [TariffLoadDay], _ held: HeldBases, _ account: SupplyAccount
    ) throws(TariffError) -> [(packID: String, days: [TariffLoadDay])] {
        guard against == WhatIfAsked.present else { return [(against, run)] }
        guard let parts = held.cut(run) else {
            throw TariffError(
                "packs", "no base pack was held on some of the days", remedy: "take months in which one was")
        }
        return parts
    }
}

/// Works at what was asked for, some accounts at a time; stopped anywhere, it goes on where it was.
public struct WhatIfRunner: Sendable {
    static let chunk = 25
    let site: Site
    let org: Org
    public init(site: Site, org: Org) {
        self.site = site
        self.org = org
    }

    /// Prices accounts of the oldest what-ifs that are not done.
    /// - Parameter accountsMax: so many at most, that others have their turn.
    /// - Returns: how many were priced.
    @discardableResult
    public func run(
        whatIfID: Int64? = nil, accountsMax: Int = 500, progress: @Sendable (Int) async -> Void = { _ in }
    ) async throws -> Int {
        var done = 0
        while done < accountsMax {
            try Task.checkCancellation()
            let scope = Scope(orgID: org.orgID)
            let next = try await site.money.read { try WhatIf.next(whatIfID, scope, in: $0) }
            guard let next else { break }
            let made = try await work(next, limit: min(Self.chunk, accountsMax - done))
            guard made > 0 else {
                throw SQLError(.decode, "what-if \(next.whatIfID) names accounts that are not there")
            }
            done += made
            await progress(done)
        }
        return done
    }

    private func work(_ asked: WhatIf, limit: Int) async throws -> Int {
        let scope = Scope(orgID: org.orgID)
        let nowMs = site.clocks.businessNowMs()
        let today = org.zone.day(atS: nowMs / 1000)
        let tariff = try await site.money.read { try PackCheck.read(asked.text, scope, in: $0) }
        let months = try asked.asked.months(today: max(today, asked.madeOn(org.zone)))
        let pricing = WhatIfPricing(tariff: tariff, against: asked.asked.against, months: months, today: today)
        let (accounts, held, books) = try await site.money.read { transaction in
            let ids = try WhatIf.waiting(asked.whatIfID, limit: limit, scope, in: transaction)
            let accounts = try SupplyAccount.of(ids, scope, in: transaction)
            let held = try accounts.map { account in
                HeldBases(try Subscription.of(accountID: account.accountID, scope, in: transaction))
            }
            let isPresent = pricing.against == WhatIfAsked.present
            let span = months.lowerBound.first...months.upperBound.last
            let packs = held.flatMap(\.rows).filter {
                $0.fromDay <= span.upperBound && $0.toDay.map { span.lowerBound <= $0 } != false
            }.map(\.packID)
            let books = try TrialBooks.of(
                isPresent ? Set(packs).sorted() : [pricing.against], and: tariff, from: span.lowerBound,
                to: span.upperBound, scope, in: transaction)
            return (accounts, held, books)
        }
        let loads = try await AccountLoads.of(
            accounts, from: months.lowerBound.first, to: min(months.upperBound.last, today.advanced(by: -1)),
            needsExport: pricing.needsExport(books), needsApparent: pricing.needsApparent(books), site: site, org: org)
        let outcomes = zip(loads, held).map { loads, held in
            (loads.account.accountID, pricing.outcome(loads, held: held, books))
        }
        try await site.money.write { transaction in
            try WhatIf.store(outcomes, whatIfID: asked.whatIfID, nowMs: nowMs, scope, in: transaction)
        }
        return outcomes.count
    }
}
