// Forecasts over HTTP: what is refused and how, what somebody may not see, and the list that dispatch goes by.
import API
import Access
import CivilTime
import SQL
import Testing

@Suite struct ForecastEndpointTests {
    @Test func whatIsAskedWronglySaysWhatIsWrong() async throws {
        try await Fixture.with { fixture in
            let headers = try fixture.bearer(.administrator)
            func ask(_ query: String) async -> Answer {
                await fixture.send("GET", "/api/v1/forecasts", query, headers: headers)
            }
            let none = await ask("set=place:11&from=2025-12-30&to=2025-12-31")
            #expect(none.status == 200, "\(none.text)")
            #expect(try none.json["days"]?.items?.isEmpty == true)
            for (query, status, word) in [
                ("set=nonsense&from=2025-12-30&to=2025-12-31", 400, "names no set"),
                ("set=all&from=2025-12-31&to=2025-12-30", 400, "ends before it begins"),
                ("set=all&from=2025-11-01&to=2025-12-31", 400, "longer than 40 days"),
                ("set=place:21&from=2025-12-30&to=2025-12-31", 404, "place"),
                ("set=all&from=2025-12-30", 400, "to"),
            ] {
                let answer = await ask(query)
                #expect(answer.status == status || (status == 400 && answer.status == 422), "\(query): \(answer.text)")
                #expect(answer.text.contains(word), "\(query): \(answer.text)")
            }
            let consumer = await fixture.send(
                "GET", "/api/v1/forecasts", "set=place:11&from=2025-12-30&to=2025-12-31",
                headers: try fixture.bearer(.consumer))
            #expect(consumer.status == 403)
        }
    }

    @Test func whatWasIssuedComesInPartsAndOfTheOwnCompany() async throws {
        try await Fixture.with { fixture in
            try await fixture.site.money.write { transaction in
                for org in Int64(1)...2 {
                    for day in 0..<Int64(org == 1 ? 5 : 1) {
                        try transaction.run(
                            """
                            INSERT INTO forecast_issue (org_id, day, issued_at_ms, known_day, sets, meters, total_value)
                            VALUES ($1, $2, 5, $3, 7, 2, $4)
                            """,
                            [.int(org), .int(20_500 + day), .int(20_498 + day), day == 0 ? .null : .int(1_000 * day)])
                    }
                }
            }
            let headers = try fixture.bearer(.administrator)
            var days: [String] = []
            var after: String?
            repeat {
                let answer = await fixture.send(
                    "GET", "/api/v1/forecast-issues", "limit=2" + (after.map { "&after=\($0)" } ?? ""),
                    headers: headers)
                #expect(answer.status == 200, "\(answer.text)")
                days += try #require(try answer.json["items"]?.items).compactMap { $0["day"]?.text }
                after = try answer.json["next"]?.text
            } while after != nil && days.count < 20
            #expect(days == (0..<5).map { CivilDay(number: 20_500 + $0).description })
            let later = await fixture.send(
                "GET", "/api/v1/forecast-issues", "after=\(CivilDay(number: 20_503))", headers: headers)
            #expect(try later.json["items"]?.items?.count == 1)
        }
    }
}
