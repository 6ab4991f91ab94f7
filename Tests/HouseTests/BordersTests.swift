// The borders hold in the real tree, and each rule sees a planted offence.
import Foundation
import Testing

@Suite struct BordersTests {
    static let manifest = """
        let nio: [Target.Dependency] = [.product(name: "NIOCore", package: "swift-nio")]
        let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
        let domainBase: [Target.Dependency] = ["SQL", "Clocks"]
        let package = Package(targets: [
            library("CSQLite", apt: "libsqlite3-dev", pkgConfig: "sqlite3"),
            target("Core", "CivilTime"),
            target("Core", "VEE", ["CivilTime"]),
            target("Ports", "SQL", ["CivilTime"]),
            target("Ports", "Clocks"),
            target("Adapters", "SQLiteAdapter", ["SQL", "CSQLite"]),
            target("Adapters", "MeterLink", ["CivilTime"] + nio),
            target("Domains", "Access", domainBase),
            target("Domains", "Accounts", domainBase + ["Access"]),
            target("Domains", "Journal", domainBase + ["Access"]),
            target("Domains", "HeadEnd", domainBase + ["Accounts"]),
            target("App", "Jobs", domainBase + ["Access", logging]),
            .target(name: "Web", dependencies: ["Jobs"], path: "Sources/App/Web", resources: embedded("Assets")),
            target("App", "Composition", domainBase + ["Jobs", "SQLiteAdapter"]),
            .executableTarget(name: "busbar", dependencies: ["Composition"], path: "Sources/Executable/busbar"),
        ])
        """

    static func offences(_ path: String, _ text: String) -> [String] {
        importFindings(HouseFile(path, text), targets: manifestTargets(manifest)).map(\.message)
    }

    @Test func readsTheManifest() {
        let targets = manifestTargets(Self.manifest)
        #expect(targets.count == 15)
        #expect(targets.first { $0.name == "Web" }?.dependencies == ["Jobs"])
        #expect(targets.first { $0.name == "MeterLink" }?.dependencies == ["CivilTime", "NIOCore"])
        #expect(targets.first { $0.name == "Jobs" }?.dependencies == ["SQL", "Clocks", "Access", "Logging"])
        #expect(targets.first { $0.name == "CSQLite" }?.layer == "CShims")
        #expect(targets.first { $0.name == "busbar" }?.dependencies == ["Composition"])
        #expect(manifestFindings(Self.manifest) == [])
    }

    @Test(arguments: [
        (
            #"target("Core", "VEE", ["CivilTime"])"#, #"target("Core", "VEE", ["CivilTime", "SQL"])"#,
            "imports point down"
        ),
        (
            #"target("Domains", "Journal", domainBase + ["Access"])"#,
            #"target("Domains", "Journal", domainBase + ["Access", "Accounts"])"#, "neighbour Accounts"
        ),
        (
            #"target("Domains", "Accounts", domainBase + ["Access"])"#,
            #"target("Domains", "Accounts", domainBase + ["Access", "SQLiteAdapter"])"#, "only Composition does"
        ),
        (#"target("Core", "CivilTime")"#, #"target("Core", "CivilTime", ["CSQLite"])"#, "only SQLiteAdapter may"),
        (#"target("Ports", "Clocks")"#, #"target("Ports", "Clocks", nio)"#, "may not import NIOCore"),
        (#"["Composition"], path"#, #"["Composition", "Jobs"], path"#, "hands over to Composition"),
    ])
    func seesAPlantedDependency(original: String, offence: String, message: String) {
        let planted = Self.manifest.replacingOccurrences(of: original, with: offence)
        #expect(planted != Self.manifest)
        let messages = manifestFindings(planted).map(\.message)
        #expect(messages.count == 1 && messages[0].contains(message), "\(messages)")
    }

    @Test(arguments: [
        ("Sources/Core/VEE/A.swift", "import SQL", "imports point down"),
        ("Sources/Core/VEE/A.swift", "@preconcurrency import Glibc", "Core is pure"),
        ("Sources/Core/VEE/A.swift", "import FoundationNetworking", "not known here"),
        ("Sources/Ports/Clocks/A.swift", "import CivilTime", "without declaring it"),
        ("Sources/Domains/Journal/A.swift", "public import struct Accounts.Account", "neighbour Accounts"),
        ("Sources/Domains/Access/A.swift", "import CSQLite", "only SQLiteAdapter may"),
        ("Sources/Domains/Access/A.swift", "import NIOPosix", "may not import NIOPosix"),
        ("Sources/Domains/Access/A.swift", "import Hummingbird", "may not import Hummingbird"),
        ("Sources/App/Jobs/A.swift", "import SQLiteAdapter", "only Composition does"),
        ("Sources/App/Jobs/A.swift", "import Composition", "neighbour Composition"),
        ("Sources/Executable/busbar/A.swift", "import Access", "hands over to Composition"),
        ("Sources/App/Web/A.swift", "import Access", "without declaring it"),
        ("Sources/Ports/VEE/A.swift", "import SQL", "declared in layer Core"),
        ("Sources/Core/Forecast/A.swift", "import CivilTime", "no target Forecast"),
    ])
    func seesAPlantedImport(path: String, line: String, message: String) {
        let messages = Self.offences(path, "// For a test.\n\(line)\n")
        #expect(messages.count == 1 && messages[0].contains(message), "\(messages)")
    }

    @Test func leavesInnocentLinesAlone() {
        let text = """
            // import SQL
            import CivilTime
            import Foundation
            let text = "import SQL"
            """
        #expect(Self.offences("Sources/Core/VEE/A.swift", text) == [])
        #expect(Self.offences("Sources/App/Composition/A.swift", "import SQLiteAdapter\nimport SQL") == [])
    }

    @Test func seesAFolderWithoutATargetAndATargetWithoutAFolder() {
        let targets = [ManifestTarget(layer: "Core", name: "VEE", dependencies: [], line: 1)]
        let findings = folderFindings([HouseFile("Sources/Core/Vee/A.swift", "// A\n")], targets: targets)
        #expect(findings.map(\.path) == ["Sources/Core/Vee", "Package.swift"])
    }

    static let owner = HouseFile(
        "Sources/Domains/Access/Schema.swift", #"let a = "CREATE TABLE login (id {id}); SELECT id FROM login""#)

    @Test(arguments: [
        ("Domains/Access", "UPDATE login SET id = 1", false),
        ("Domains/Journal", "SELECT 1 FROM login JOIN login_line", false),
        ("Domains/Journal", "INSERT INTO login VALUES ($1)", true),
        ("Domains/Journal", "UPDATE login SET id = 1", true),
        ("Domains/Journal", "DELETE FROM login", true),
        ("Ports/SQL", "SELECT 1 FROM login", true),
        ("Ports/SQL", "SELECT 1 FROM a JOIN login b", true),
        ("Ports/SQL", "x {id} REFERENCES login (id)", true),
        ("Ports/SQL", "SELECT 1 FROM login_line", false),
    ])
    func seesAStrangersTable(target: String, sql: String, isOffence: Bool) {
        let stranger = HouseFile("Sources/\(target)/Store.swift", "let a = \"\(sql)\"")
        let findings = tableFindings([Self.owner, stranger], targets: manifestTargets(Self.manifest))
        #expect(findings.map(\.path) == (isOffence ? [stranger.path] : []))
    }

    @Test func theGraphHasNoCircle() {
        func reaches(_ from: String, _ goal: String, _ seen: Set<String> = []) -> Bool {
            (neighbours[from] ?? []).contains {
                $0 == goal || !seen.contains($0) && reaches($0, goal, seen.union([$0]))
            }
        }
        #expect(neighbours.keys.filter { reaches($0, $0) } == [])
    }

    @Test func theHouseKeepsItsBorders() throws {
        let manifest = try Tree.text("Package.swift")
        let targets = manifestTargets(manifest)
        let files = try Tree.files().filter { $0.path.hasPrefix("Sources/") }
        #expect(targets.count >= 30, "the manifest was not understood")
        #expect(files.count >= targets.count)
        let findings =
            manifestFindings(manifest) + folderFindings(files, targets: targets)
            + files.flatMap { importFindings($0, targets: targets) } + tableFindings(files, targets: targets)
        for finding in findings { Issue.record("\(finding)") }
    }
}
