// The description of the API: every endpoint in it, valid, and as the golden file has it.
import Access
import Foundation
import MeterPort
import SQL
import Testing

// The OpenAPI document: equal to its golden file, and every example fits its own schema.
@testable import API

@Suite struct OpenAPITests {
    static let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "openapi/busbar.json")

    @Test func equalsTheGoldenFile() throws {
        let document = OpenAPI.document()
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try Data(document.utf8).write(to: Self.golden)
        }
        let golden = try String(decoding: Data(contentsOf: Self.golden), as: UTF8.self)
        #expect(document == golden, "the API changed: read the difference, then run with UPDATE_GOLDEN=1")
    }

    @Test func isServed() async throws {
        try await Fixture.with { fixture in
            let answer = await fixture.send("GET", "/openapi.json")
            #expect(answer.text == OpenAPI.document() && answer.headers["Content-Type"] == "application/json")
        }
    }

    @Test(arguments: Endpoints.all.map(\.name))
    func examplesFitTheirSchemas(_ name: String) throws {
        let endpoint = try #require(Endpoints.all.first { $0.name == name })
        if let example = endpoint.example { try endpoint.input.check(example) }
        try endpoint.output.check(endpoint.outputExample)
    }

    @Test func fieldsAreReadOffTheModel() throws {
        struct Inner: APIModel {
            var paise: Int64
            static let notes = ["paise": Note("Money.", range: 0...10)]
        }
        struct Model: APIModel {
            enum Word: String, Codable, CaseIterable { case one, two }
            var id: ID
            var word: Word?
            var day: Day
            var inner: Inner
            var list: [Inner]?
            var small: Int32
            var yes: Bool
            static let notes = [
                "id": Note("i"), "word": Note("w"), "day": Note("d"), "inner": Note("n"),
                "list": Note("l", itemsMax: 2),
                "small": Note("s"), "yes": Note("y"),
            ]
        }
        let schema = Schema.of(Model.self)
        #expect(schema.fields.map(\.name) == ["id", "word", "day", "inner", "list", "small", "yes"])
        #expect(schema.fields.filter { !$0.isRequired }.map(\.name) == ["word", "list"])
        func fits(_ text: String) throws -> Bool {
            do {
                try schema.check(try JSONValue(parsing: Array(text.utf8)))
                return true
            } catch is Refusal {
                return false
            }
        }
        let head = #"{"id":"5","day":"2026-02-28","small":1,"yes":true,"#
        #expect(try fits(head + #""inner":{"paise":10}}"#))
        #expect(try fits(head + #""inner":{"paise":0},"word":"two","list":[{"paise":1}]}"#))
        #expect(try !fits(head + #""inner":{"paise":11}}"#))
        for spelling in ["1.0", "1e0", "1E0", "-0", "\"1\"", "true", "null", "99999999999999999999"] {
            #expect(try !fits(head + #""inner":{"paise":\#(spelling)}}"#), "\(spelling)")
        }
        #expect(try !fits(head + #""inner":{"paise":1,"x":1}}"#))
        #expect(try !fits(head + #""inner":{"paise":0},"word":"three"}"#))
        #expect(try !fits(head + #""inner":{"paise":0},"list":[{"paise":1},{"paise":1},{"paise":1}]}"#))
        #expect(try !fits(#"{"id":"5","day":"2026-02-30","small":1,"yes":true,"inner":{"paise":0}}"#))
        #expect(try !fits(#"{"id":"5","day":"2026-02-28","small":2147483648,"yes":true,"inner":{"paise":0}}"#))
    }

    @Test func everyErrorIsAProblemOfTheRegistry() {
        for code in Refusal.Code.allCases { #expect((400...503).contains(Problem(Refusal(code, "m")).code.status)) }
        for code in MeterError.Code.allCases {
            let problem = Problem(MeterError(code, "secret key 00112233"))
            #expect(
                [502, 504].contains(problem.code.status) && !problem.json(requestID: "r").compact.contains("00112233"))
        }
        for code in [SQLError.Code.unique, .busy, .syntax, .connection] {
            let problem = Problem(SQLError(code, "table money_secret"))
            #expect(
                [500, 503].contains(problem.code.status)
                    && !problem.json(requestID: "r").compact.contains("money_secret"))
        }
        #expect(Set(ProblemCode.allCases.map(\.title)).count == ProblemCode.allCases.count)
    }
}
