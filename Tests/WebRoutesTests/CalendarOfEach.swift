// A calendar of each company, for the policy of pages.
import Access
import SQL

/// A calendar of each company.
let calendarOfEach: @Sendable (WebSite) async throws -> (own: String, other: String) = { web in
    try await web.site.money.write { transaction in
        for (org, name) in [(Int64(1), "tod"), (2, "only-two")] {
            try transaction.run(
                """
                INSERT INTO company_calendar (org_id, name, version, from_day, definition, stored_by, stored_at_ms)
                VALUES ($1, $2, 1, 20000, $3, 0, 0) ON CONFLICT DO NOTHING
                """,
                [
                    .int(org), .text(name),
                    .text("format: 1\ncalendar: \(name)\nversion: 1\nvalidFrom: 2024-10-04\nholidays: [2026-08-15]\n"),
                ])
        }
    }
    return ("tod", "only-two")
}
