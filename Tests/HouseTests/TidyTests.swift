// The tidy rules hold in the real tree, and each rule sees a planted offence.
import Foundation
import Testing

@Suite struct TidyTests {
    static func rules(_ path: String, _ body: String) -> [String] {
        tidyFindings(HouseFile(path, "// For a test.\n" + body + "\n")).map(\.rule)
    }

    @Test(arguments: [
        ("Sources/Domains/Rating/A.swift", "let now = Clock.wall(Date())", ["clock", "date"]),
        ("Sources/App/Web/A.swift", "let now = Date.now", ["clock"]),
        ("Sources/App/Jobs/A.swift", "let start = ContinuousClock.now", ["clock"]),
        ("Sources/Core/VEE/A.swift", "clock_gettime(CLOCK_REALTIME, &time)", ["clock"]),
        ("Sources/App/Jobs/A.swift", #"run("UPDATE job SET at = now()")"#, ["sql-clock"]),
        ("Sources/App/Web/A.swift", "let price: Decimal = 1", ["decimal"]),
        ("Sources/App/Web/A.swift", "let f = DateFormatter.self", ["calendar"]),
        ("Sources/Core/VEE/A.swift", "func a(at day: Date) {}", ["date"]),
        ("Sources/Domains/Rating/A.swift", "let kWh: Double = 0", ["double"]),
        ("Sources/App/Web/A.swift", "let a = try! b()", ["try"]),
        ("Sources/App/Web/A.swift", "let a = b as! C", ["try"]),
        ("Sources/Core/VEE/A.swift", #"fatalError("no")"#, ["trap"]),
        ("Sources/Core/VEE/A.swift", "nonisolated(unsafe) var a = 1", ["unsafe-nonisolated"]),
        ("Sources/Core/LoadFiles/A.swift", "let a = FileManager.default", ["core-io"]),
        ("Sources/App/Web/A.swift", #"query("SELECT 1 FROM a WHERE b LIKE $1")"#, ["sql-like"]),
        ("Sources/Domains/Rating/A.swift", #"run("INSERT OR REPLACE INTO a VALUES (1)")"#, ["sql-dialect"]),
        ("Sources/Domains/Rating/A.swift", #"query("SELECT SUM(wh) FROM a")"#, ["sql-sum"]),
        ("Sources/App/Web/A.swift", "print(1)", ["print"]),
        ("Sources/App/Web/A.swift", "final class A: @unchecked Sendable {}", ["unchecked"]),
        ("Sources/Adapters/SQLiteAdapter/A.swift", "let a = 1\nfinal class A: @unchecked Sendable {}", ["unchecked"]),
        ("Sources/App/Web/A.swift", "    let a = b.first!", ["force-unwrap"]),
        ("Sources/App/Web/A.swift", "    c(rows[0]!, 1)", ["force-unwrap"]),
        ("Sources/App/Web/A.swift", #"    let a = "\(b!)""#, ["force-unwrap"]),
        ("Tests/WebTests/A.swift", "import XCTest", ["xctest"]),
        ("Tests/WebTests/A.swift", "@Test(.disabled()) func a() {}", ["silent-skip"]),
        ("docs/a.md", "FIX" + "ME: say more", ["marker"]),
        ("Sources/App/Web/A.swift", "// TO" + "DO later", ["marker"]),
        ("scripts/a", "cd /wo" + "rk/main", ["machine-path"]),
        ("scripts/a", String(repeating: "#", count: 121), ["line-length"]),
    ])
    func seesAPlantedOffence(path: String, line: String, rules: [String]) {
        #expect(Self.rules(path, line) == rules)
    }

    @Test func everyBanIsPlantedWordByWord() {
        for ban in bans {
            for word in ban.words {
                let line = ban.view == .code ? "x \(word) y" : "x(\"\(word) y\")"
                let found = Self.rules("\(ban.within[0])App/A/A.swift", line)
                #expect(found.contains(ban.rule), "\(ban.rule) does not see \(word)")
            }
        }
    }

    @Test(arguments: [
        ("Sources/Ports/Clocks/A.swift", "clock_gettime(CLOCK_REALTIME, &time)"),
        ("Sources/Core/VEE/A.swift", "let day = CivilDate(1)  // not Date()"),
        ("Sources/Core/VEE/A.swift", #"let text = "Date() and Double and try!""#),
        ("Sources/Core/Charts/A.swift", "let x: Double = 0"),
        (
            "Sources/App/Web/A.swift",
            #"query("SELECT CAST(SUM(wh) AS BIGINT), CAST(COALESCE(SUM(a), 0) AS BIGINT) FROM a")"#
        ),
        (
            "Sources/App/Web/A.swift",
            "    if a != b, !c, a! = b == false {}".replacingOccurrences(of: "a! =", with: "a !=")
        ),
        ("Sources/App/Web/A.swift", #"    public static let india = Zone("Asia/Kolkata")!"#),
        ("Sources/App/Web/A.swift", "output.print(1)"),
        ("Sources/Executable/busbar/A.swift", "print(1)"),
        (
            "Sources/Adapters/SQLiteAdapter/A.swift",
            "// Used by its own thread only.\nfinal class A: @unchecked Sendable {}"
        ),
        ("scripts/a", "curl https://example.org/wo" + "rk/list"),
        ("docs/a.md", String(repeating: "word ", count: 50)),
    ])
    func leavesInnocentLinesAlone(path: String, line: String) {
        #expect(Self.rules(path, line) == [])
    }

    @Test func wantsAnOpeningLine() {
        #expect(tidyFindings(HouseFile("Sources/Core/VEE/A.swift", "import SQL\n")).map(\.rule) == ["opening"])
        #expect(tidyFindings(HouseFile("Sources/Core/VEE/A.swift", "/// Doc.\n")).map(\.rule) == ["opening"])
    }

    @Test func seesALargeFile() {
        #expect(tidyFindings(HouseFile("docs/a.png", "", byteCount: 500_001)).map(\.rule) == ["file-size"])
        #expect(tidyFindings(HouseFile("docs/a.png", "", byteCount: 500_000)) == [])
    }

    @Test func seesALongFile() {
        func body(_ count: Int) -> String { String(repeating: "a = 1\n", count: count - 1) + "a = 1" }
        #expect(Self.rules("e2e/a.py", body(599)) == [])
        #expect(Self.rules("e2e/a.py", body(600)) == ["file-lines"])
    }

    @Test func seesALongFunction() {
        func body(_ count: Int) -> String { String(repeating: "    run { 1 }\n", count: count) }
        let signature = "func a(\n    b: () -> Void = {}\n)\nthrows {\n"
        #expect(Self.rules("Sources/App/Web/A.swift", signature + body(65) + "}") == [])
        #expect(Self.rules("Sources/App/Web/A.swift", signature + body(66) + "}") == ["function-length"])
        #expect(Self.rules("Tests/WebTests/A.swift", "init(a: Int) {\n" + body(69) + "}") == ["function-length"])
        #expect(Self.rules("Sources/App/Web/A.swift", "var a: Int {\n" + body(69) + "}") == ["function-length"])
        let requirement = "protocol A {\n    func a()\n    func b() -> Int\n}\nstruct B {\n" + body(80) + "}"
        #expect(Self.rules("Sources/App/Web/A.swift", requirement) == [])
    }

    @Test func readsStringsAndComments() {
        let text = ##"""
            let a = "x // y \(b(")", c) + 1) z" // tail
            /* one /* two */ still */ let d = #"raw " \(no) \#(yes)"#
            let e = """
                many "quoted" lines
                """
            """##
        let lines = HouseFile("a.swift", text).lines
        #expect(lines[0].codeText.contains("b(\"\", c) + 1"))
        #expect(lines[0].stringText.contains("x // y"))
        #expect(String(decoding: lines[0].comment, as: UTF8.self) == " tail")
        #expect(lines[1].codeText.hasPrefix(" let d = ") && lines[1].codeText.contains("yes"))
        #expect(lines[1].stringText.contains("\\(no)") && !lines[1].stringText.contains("yes"))
        #expect(lines[3].stringText.contains("many \"quoted\" lines") && lines[3].code.isEmpty)
        #expect(lines.count == 5)
    }

    @Test func theHouseIsTidy() throws {
        let files = try Tree.files()
        #expect(files.contains { $0.path == "Package.swift" } && files.count > 50, "the tree was not found")
        for finding in files.flatMap(tidyFindings) { Issue.record("\(finding)") }
    }
}
