// Is everything all right, for programs; the page /status shows the same.
import Access
import CivilTime

struct StatusRowView: APIModel {
    var section: StatusSection
    var check: StatusCheck
    var state: StatusState
    var value: Int64?
    var total: Int64?
    var unit: StatusUnit
    var href: String?
    static let notes: [String: Note] = [
        "section": Note("What it belongs to."), "check": Note("What was looked at, a stable word."),
        "state": Note("good; attention: somebody should look today; bad: act now."),
        "value": Note("What was measured; absent when it is not known, as the age of a backup nobody made."),
        "total": Note("Of how many, where a share matters."), "unit": Note("What the value counts."),
        "href": Note("The page to act on."),
    ]
    init(_ row: StatusRow) {
        (section, check, state) = (row.check.section, row.check, row.state)
        (value, total, unit, href) = (row.value, row.total, row.unit, row.href)
    }
}

struct StatusView: APIModel {
    var state: StatusState
    var needing: Int
    var computedAtMs: Int64
    var lineDay: Day
    var rows: [StatusRowView]
    static let notes: [String: Note] = [
        "state": Note("The worst of the rows."), "needing": Note("How many rows are not good."),
        "computedAtMs": Note("Business time of the oldest sample behind it, milliseconds since 1970."),
        "lineDay": Note("The day that read, validated and charged are about."),
        "rows": Note("In the order of the page; what the caller may not know is left out.", itemsMax: 50),
    ]
    init(_ report: StatusReport) {
        (state, needing, computedAtMs) = (report.state, report.needing, report.computedAtMs)
        lineDay = Day(report.lineDay)
        rows = report.rows.map { StatusRowView($0) }
    }
    static let example = StatusView(
        StatusReport(
            computedAtMs: 1_795_248_000_000, lineDay: CivilDay(number: 20_777),
            rows: [
                StatusRow(
                    check: .read, state: .good, value: 50, total: 50, unit: .count, href: "/exceptions?kind=silent"),
                StatusRow(check: .people, state: .attention, value: 2, unit: .count, href: "/exceptions"),
            ]))
}

extension Endpoints {
    static let status: [AnyEndpoint] = [
        AnyEndpoint(
            Endpoint<Nothing, StatusView>(
                "status.read", "GET", "/api/v1/status", access: .permission([.readMeters]),
                EndpointText(
                    "Is everything all right",
                    "The last samples, judged: the line of yesterday, jobs, what waits for people; by permission also "
                        + "books, queues, database, disk and backups. Asking often costs nothing."),
                outputExample: .example,
                run: { _, context in StatusView(try await StatusReport.of(context.services.board, context.actor)) }))
    ]
}
