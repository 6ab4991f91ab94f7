// Lists and methods: every list comes in parts, is narrowed as people expect, and every path tells its methods.
import Access
import SQL
import Testing

@testable import API

@Suite struct ListTests {
    /// Lists that have a bound by their nature, and what it is.
    static let bounded: [String: String] = [
        "settings.list": "the kinds of settings of the program",
        "jobs.list": "the kinds of jobs of the program",
        "rating-runs.list": "the latest runs that were asked for, at most 50",
        "work-items.list": "what waits longest, at most 200",
        "problems.list": "the kinds of problems of the program",
        "meters.wishes": "the matters of one meter", "firmware.list": "images, at most 100",
        "sessions.list": "sessions of one login, at most 20", "logins.sessions": "sessions of one login, at most 20",
        "accounts.compare": "the fields of an account", "meters.compare": "the fields of a meter",
        "estimates.accuracy": "the methods of estimation",
        "meters.outages": "the latest outages of one meter, at most 200",
        "what-ifs.list": "the last hundred, more are not kept",
        "calendars.list": "versions of calendars of the company, at most 1,000",
        "supply.holds": "the latest holds, at most 50",
        "supply.rules": "dated sets of rules, at most 1,000",
        "accounts.supply-decisions": "the latest decisions of one account, at most 50",
        "planned-outages.list": "what is planned or lasts, at most 200",
        "logins.compare": "the fields of a login", "settings.compare": "the fields of a setting",
    ]

    @Test func everyListComesInParts() {
        let lists = Endpoints.all.filter { endpoint in endpoint.output.fields.contains { $0.name == "items" } }
        #expect(lists.count >= 8)
        for endpoint in lists where Self.bounded[endpoint.name] == nil {
            let inputs = Set(endpoint.input.fields.map(\.name))
            #expect(inputs.contains("limit") && !inputs.isDisjoint(with: ["after", "before"]), "\(endpoint.name)")
            #expect(endpoint.output.fields.contains { $0.name == "next" && !$0.isRequired }, "\(endpoint.name)")
            let limit = endpoint.input.fields.first { $0.name == "limit" }
            if case .integer(let range, _, _) = limit?.schema.kind {
                #expect(range.lowerBound == 1 && range.upperBound <= 500, "\(endpoint.name)")
            }
        }
        #expect(Set(Self.bounded.keys).isSubset(of: lists.map(\.name)))
    }

    private func names(_ fixture: Fixture, _ path: String, _ query: String, _ field: String) async throws -> [String] {
        let answer = await fixture.send("GET", path, query, headers: try fixture.bearer(.administrator))
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(try answer.json["items"]?.items).compactMap { $0[field]?.text }
    }

    /// Each part begins behind the one before; together they are the whole.
    @Test(arguments: [
        ("/api/v1/accounts", "accountNumber", ""), ("/api/v1/meters", "serial", ""),
        ("/api/v1/logins", "username", ""), ("/api/v1/places", "name", ""), ("/api/v1/exceptions", "serial", ""),
        ("/api/v1/accounts/71/charges", "day", "from=2025-12-01&to=2026-01-31"),
        ("/api/v1/journal/balances", "account", ""),
    ]) func partsMakeTheWhole(_ path: String, _ field: String, _ query: String) async throws {
        try await Fixture.with { fixture in
            let whole = try await names(fixture, path, query, field)
            #expect(whole.count >= 2)
            var parts: [String] = []
            var after: String?
            repeat {
                let more = (query.isEmpty ? "" : query + "&") + "limit=1" + (after.map { "&after=\($0)" } ?? "")
                let answer = await fixture.send("GET", path, more, headers: try fixture.bearer(.administrator))
                let items = try #require(try answer.json["items"]?.items, "\(answer.text)")
                #expect(items.count == 1)
                parts += items.compactMap { $0[field]?.text }
                after = try answer.json["next"]?.text
            } while after != nil && parts.count < 50
            #expect(parts == whole)
        }
    }

    @Test func accountsAndMetersAreNarrowed() async throws {
        try await Fixture.with { fixture in
            func accounts(_ query: String) async throws -> [String] {
                try await names(fixture, "/api/v1/accounts", query, "accountNumber")
            }
            #expect(try await accounts("query=a-7") == ["A-71"])
            #expect(try await accounts("query=hOUSE-8") == ["A-81"])
            #expect(try await accounts("query=ouse") == [])
            #expect(try await accounts("placeID=12") == ["A-81"])
            #expect(try await accounts("placeID=10") == ["A-71", "A-81", "A-91"])
            #expect(try await accounts("placeID=20") == [])
            #expect(try await accounts("balanceBelowPaise=1") == ["A-91"])
            #expect(try await accounts("balanceBelowPaise=0") == [])
            #expect(try await accounts("balanceBelowPaise=9000000&placeID=11&query=house") == ["A-71", "A-91"])
            #expect(try await names(fixture, "/api/v1/meters", "query=m108", "serial") == ["M1081-of-1"])
            #expect(try await names(fixture, "/api/v1/meters", "set=place:12", "serial") == ["M1081-of-1"])
            #expect(try await names(fixture, "/api/v1/meters", "set=meter:1081", "serial") == ["M1081-of-1"])
            #expect(try await names(fixture, "/api/v1/meters", "set=category:domestic", "serial").count > 1)
            let under = try await names(fixture, "/api/v1/places", "under=11", "name")
            #expect(under == ["Feeder-1-of-1"])
        }
    }

    /// A misspelt word is no empty list: the words that exist are said.
    @Test(arguments: [
        ("/api/v1/meters", "set=category:domstic", 404, "set", "domestic"),
        ("/api/v1/aggregates", "set=category:domstic&from=2026-01-01&to=2026-01-02", 404, "set", "domestic"),
        ("/api/v1/reports/consumption", "set=category:domstic&from=2026-01-01&to=2026-01-02", 404, "set", "domestic"),
        ("/api/v1/reading-exceptions", "rule=spik", 400, "rule", "spike"),
        ("/api/v1/meters", "state=answring", 400, "state", "answering"),
    ]) func misspeltWordsAreRefused(
        _ path: String, _ query: String, _ status: Int, _ at: String, _ word: String
    ) async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("GET", path, query, headers: try fixture.bearer(.administrator))
            #expect(answer.status == status && answer.at == at && answer.text.contains(word), "\(answer.text)")
        }
    }

    @Test func aBalanceIsTheStatements() async throws {
        try await Fixture.with { fixture in
            let headers = try fixture.bearer(.consumer)
            let balance = await fixture.send("GET", "/api/v1/accounts/71/balance", headers: headers)
            let statement = await fixture.send("GET", "/api/v1/accounts/71/statement", headers: headers)
            #expect(try balance.json["balancePaise"] == statement.json["balancePaise"])
            #expect(await fixture.send("GET", "/api/v1/accounts/81/balance", headers: headers).status == 404)
            let odd = await fixture.send(
                "GET", "/api/v1/accounts/71/charges", "from=2026-01-02&to=2026-01-01", headers: headers)
            #expect(odd.status == 400 && odd.at == "to")
        }
    }

    @Test func placesStandUnderHigherOnesOnce() async throws {
        try await Fixture.with { fixture in
            let admin = try fixture.bearer(.administrator)
            func add(_ body: String) async -> Answer {
                await fixture.send("POST", "/api/v1/places", headers: admin, body: body)
            }
            let made = await add(#"{"name":"T1","kind":"transformer","parentID":"11"}"#)
            #expect(made.status == 201, "\(made.text)")
            #expect(await add(#"{"name":"T1","kind":"transformer","parentID":"11"}"#).status == 409)
            #expect(await add(#"{"name":"T1","kind":"transformer","parentID":"12"}"#).status == 201)
            let upside = await add(#"{"name":"P","kind":"plant","parentID":"11"}"#)
            #expect(upside.status == 400 && upside.at == "parentID")
            #expect(await add(#"{"name":"P","kind":"pole","parentID":"999"}"#).status == 404)
            // Who is confined to the feeder sees what was added under it.
            let headers = try await fixture.keyHeaders([.readMeters], placeID: 11)
            #expect(await fixture.send("GET", "/api/v1/places", headers: headers).text.contains("T1"))
        }
    }

    @Test func onePlaceIsReadWhereItLiesInTheScope() async throws {
        try await Fixture.with { fixture in
            let admin = try fixture.bearer(.administrator)
            let found = await fixture.send("GET", "/api/v1/places/11", headers: admin)
            #expect(found.status == 200, "\(found.text)")
            #expect(try found.json["placeID"]?.text == "11" && found.json["name"]?.text == "Feeder-1-of-1")
            // Nobody learns whether a place outside of the own ones exists.
            let confined = try await fixture.keyHeaders([.readMeters], placeID: 11)
            #expect(await fixture.send("GET", "/api/v1/places/11", headers: confined).status == 200)
            let other = await fixture.send("GET", "/api/v1/places/12", headers: confined)
            let none = await fixture.send("GET", "/api/v1/places/999", headers: confined)
            #expect(other.status == 404 && none.status == 404 && other.at == none.at)
        }
    }

    // MARK: methods

    @Test func everyPathTellsItsMethods() async throws {
        try await Fixture.with { fixture in
            let options = await fixture.send("OPTIONS", "/api/v1/settings/supply.rules")
            #expect(options.status == 204 && options.headers["Allow"] == "OPTIONS, PUT" && options.body.isEmpty)
            let path = "/api/v1/accounts/71"
            let wrong = await fixture.send("DELETE", path, headers: try fixture.bearer(.administrator))
            #expect(wrong.status == 405 && wrong.headers["Allow"] == "GET, HEAD, OPTIONS")
            let get = await fixture.send("GET", path, headers: try fixture.bearer(.administrator))
            let head = await fixture.send("HEAD", path, headers: try fixture.bearer(.administrator))
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.headers["Content-Length"] == get.headers["Content-Length"])
            #expect(get.headers["RateLimit-Policy"] == "\"reading\";q=1200;w=60")
            #expect(await fixture.send("OPTIONS", "/api/v1/nothing").status == 404)
        }
    }
}
