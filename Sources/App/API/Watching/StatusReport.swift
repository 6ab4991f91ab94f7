// "Is everything all right" as rows: each good, attention or bad, with its measured value and where to act.
// Judges samples of StatusBoard and asks nothing itself but the line of the reader's own places.
import Access
import CivilTime
import Clocks
import HeadEnd
import Jobs

/// Judged, from good to bad. Stands in JSON and in figures.
public enum StatusState: String, Sendable, Codable, CaseIterable {
    case good, attention, bad

    var rank: Int { self == .good ? 0 : self == .attention ? 1 : 2 }
}

/// What is looked at, in the order of the page. Stands in JSON and in the keys of messages.
public enum StatusCheck: String, Sendable, Codable, CaseIterable {
    case read, validated, charged, late
    case jobsLate = "jobs-late"
    case jobsFailing = "jobs-failing"
    case people
    case booksSum = "books-sum"
    case booksEntries = "books-entries"
    case booksBalances = "books-balances"
    case outboxAge = "outbox-age"
    case outboxGivenUp = "outbox-given-up"
    case rawReads = "raw-reads"
    case rawUntaken = "raw-untaken"
    case projection
    case databaseAnswer = "database-answer"
    case databaseQueue = "database-queue"
    case databaseSize = "database-size"
    case disk, backup, certificate
    case testPayments = "test-payments"

    public var section: StatusSection {
        switch self {
        case .read, .validated, .charged, .late: .line
        case .jobsLate, .jobsFailing: .jobs
        case .people: .people
        case .booksSum, .booksEntries, .booksBalances: .books
        case .outboxAge, .outboxGivenUp, .rawReads, .rawUntaken, .projection: .queues
        case .databaseAnswer, .databaseQueue, .databaseSize, .disk, .backup, .certificate,
            .testPayments:
            .site
        }
    }
}

public enum StatusSection: String, Sendable, Codable, CaseIterable { case line, jobs, people, books, queues, site }

/// What the number of a row counts.
public enum StatusUnit: String, Sendable, Codable, CaseIterable { case count, ms, bytes, paise }

public struct StatusRow: Sendable {
    public var check: StatusCheck
    public var state: StatusState
    /// Nil: not known.
    public var value: Int64?
    /// Of how many; set where a share matters.
    public var total: Int64?
    public var unit: StatusUnit
    /// Where to act: a path of the pages.
    public var href: String?
}

public struct StatusReport: Sendable {
    /// Business time of the oldest sample behind the report.
    public var computedAtMs: Int64
    public var lineDay: CivilDay
    public var rows: [StatusRow]

    public var needing: Int { rows.count { $0.state != .good } }
    public var state: StatusState { rows.map(\.state).max { $0.rank < $1.rank } ?? .good }

    static let hourMs: Int64 = 3_600_000
    static let dayMs: Int64 = 86_400_000

    /// What the actor may know: his part of the line; books, queues and the installation only by permission.
    public static func of(_ board: StatusBoard, _ actor: Actor) async throws -> StatusReport {
        let line = try await board.line(actor.scope)
        let company = try await board.company(actor.scope.orgID)
        let seesAll = actor.scope.placeIDs == nil && actor.scope.accountID == nil
        var rows = lineRows(line, company.zone)
        if seesAll { rows.append(lateRow(company)) }
        rows += jobRows(company) + [peopleRow(line)]
        if seesAll, actor.has(.adjustAccounts) { rows += bookRows(company) }
        if seesAll { rows += queueRows(company) }
        if seesAll, actor.has(.manageSettings) { rows += await siteRows(board, company) }
        // Told to everybody who sees the whole company, and only where it is so.
        if seesAll, try await board.facts.testPayments(actor.scope.orgID) {
            rows.append(zero(.testPayments, 1, bad: true))
        }
        return StatusReport(
            computedAtMs: min(line.countedAtMs, company.takenAtMs), lineDay: line.day, rows: rows)
    }

    /// A row that counts what should be zero.
    private static func zero(
        _ check: StatusCheck, _ value: Int64, bad: Bool, unit: StatusUnit = .count, href: String? = nil
    ) -> StatusRow {
        StatusRow(
            check: check, state: value == 0 ? .good : bad ? .bad : .attention, value: value, unit: unit, href: href)
    }

    /// A row whose value grows from good over attention to bad.
    private static func growing(
        _ check: StatusCheck, _ value: Int64, attentionAbove: Int64, badAbove: Int64, _ unit: StatusUnit,
        href: String? = nil
    ) -> StatusRow {
        StatusRow(
            check: check, state: value > badAbove ? .bad : value > attentionAbove ? .attention : .good, value: value,
            unit: unit, href: href)
    }

    // MARK: rows

    /// Until this hour yesterday's line is under way: meters are called, gaps are filled at six, and nothing is late.
    static let judgedFromHour: Int64 = 8

    /// 98 in a hundred are good and fewer than 90 bad: the service level that tenders ask of collection.
    private static func lineRows(_ line: LineReport, _ zone: Zone) -> [StatusRow] {
        let total = Int64(line.expected)
        let midnightMs = zone.startS(of: line.day.advanced(by: 1)) * 1000
        let isUnderWay = line.countedAtMs < midnightMs + judgedFromHour * hourMs
        func row(_ check: StatusCheck, _ value: Int, _ href: String) -> StatusRow {
            let hundredfold = Int64(value) * 100
            let state: StatusState =
                isUnderWay || total == 0 || hundredfold >= total * 98
                ? .good : hundredfold >= total * 90 ? .attention : .bad
            return StatusRow(check: check, state: state, value: Int64(value), total: total, unit: .count, href: href)
        }
        let read = line.expected - line.silent
        return [
            row(.read, read, "/exceptions?kind=silent"), row(.validated, read - line.held, "/exceptions?kind=held"),
            row(.charged, line.charged, "/exceptions?kind=without-tariff"),
        ]
    }

    private static func lateRow(_ company: CompanyFigures) -> StatusRow {
        let isOld = company.lateness.oldest.map { company.lineDay.number - $0.number >= 7 } ?? false
        return zero(.late, company.lateness.lateMeterDays, bad: isOld, href: "/exceptions?kind=silent")
    }

    private static func jobRows(_ company: CompanyFigures) -> [StatusRow] {
        let late = company.jobs.map { $0.lateMs(nowMs: company.takenAtMs) }.max() ?? 0
        let failing = company.jobs.filter { $0.state == .failed || ($0.lastError != nil && $0.attempt > 1) }
        return [
            growing(.jobsLate, late, attentionAbove: hourMs, badAbove: 6 * hourMs, .ms, href: "/line"),
            zero(
                .jobsFailing, Int64(failing.count), bad: failing.contains { $0.state == .failed }, href: "/line"),
        ]
    }

    private static func peopleRow(_ line: LineReport) -> StatusRow {
        zero(.people, Int64(line.needs.reduce(0) { $0 + $1.count }), bad: false, href: "/exceptions")
    }

    private static func bookRows(_ company: CompanyFigures) -> [StatusRow] {
        [
            zero(.booksSum, company.books.sumPaise, bad: true, unit: .paise),
            zero(.booksEntries, company.books.unbalancedEntries, bad: true),
            zero(.booksBalances, company.books.mismatches, bad: true),
        ]
    }

    private static func queueRows(_ company: CompanyFigures) -> [StatusRow] {
        let ageMs = company.outbox.oldestAtMs.map { max(0, company.takenAtMs - $0) } ?? 0
        return [
            growing(.outboxAge, ageMs, attentionAbove: hourMs, badAbove: 6 * hourMs, .ms, href: "/line"),
            zero(.outboxGivenUp, company.outbox.givenUp, bad: true, href: "/line"),
            growing(
                .rawReads, company.rawWaiting, attentionAbove: 100_000, badAbove: 1_000_000, .count, href: "/line"),
            growing(
                .rawUntaken, company.rawOpen.oldestAtMs.map { max(0, company.takenAtMs - $0) } ?? 0,
                attentionAbove: dayMs, badAbove: RawKeeping.alarmMs, .ms, href: "/exceptions?kind=raw-untaken"),
            growing(
                .projection, company.projectionWaitMs, attentionAbove: hourMs / 2,
                badAbove: RunReport.projectionPromiseMs, .ms, href: "/runs"),
        ]
    }

    private static func siteRows(_ board: StatusBoard, _ company: CompanyFigures) async -> [StatusRow] {
        let facts = board.facts
        let nowMs = board.site.clocks.systemNowMs()
        var rows = [
            growing(
                .databaseAnswer, company.databaseNs / 1_000_000, attentionAbove: 500, badAbove: 5_000, .ms),
            growing(
                .databaseQueue, Int64(facts.waiting().reduce(0) { $0 + $1.count }), attentionAbove: 100,
                badAbove: 800, .count),
        ]
        let sizes = await facts.sizes()
        if !sizes.isEmpty {
            rows.append(
                StatusRow(
                    check: .databaseSize, state: .good, value: sizes.reduce(0) { $0 + $1.bytes }, unit: .bytes))
        }
        if let free = facts.freeBytes() {
            // Under 1 GB `doctor` complains; under 5 GB it is time to think of it.
            let state: StatusState = free < 1_000_000_000 ? .bad : free < 5_000_000_000 ? .attention : .good
            rows.append(StatusRow(check: .disk, state: state, value: free, unit: .bytes))
        }
        if let atMs = await facts.lastBackupAtMs() {
            rows.append(
                growing(.backup, max(0, nowMs - atMs), attentionAbove: 26 * hourMs, badAbove: 7 * dayMs, .ms))
        } else {
            rows.append(StatusRow(check: .backup, state: .attention, unit: .ms))
        }
        if let untilMs = facts.certificateUntilMs() {
            let leftMs = untilMs - nowMs
            let state: StatusState = leftMs < 3 * dayMs ? .bad : leftMs < 14 * dayMs ? .attention : .good
            rows.append(StatusRow(check: .certificate, state: state, value: leftMs, unit: .ms))
        } else {
            rows.append(StatusRow(check: .certificate, state: .good, unit: .ms))
        }
        return rows
    }
}
