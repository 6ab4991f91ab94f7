// Settings: what goes before what, where each came from, and what is refused.
import Foundation
import TestSupport
import Testing

@testable import Composition

@Suite struct SettingsTests {
    private func settings(
        _ file: String? = nil, arguments: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> ProcessSettings {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-\(UUID().uuidString).conf")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        if let file { try Bench.write(file, to: path) }
        return try ProcessSettings(
            arguments: arguments, configFile: file == nil ? nil : path, environment: environment, usualFile: "")
    }

    /// What a wrong setting says.
    private func complaint(
        _ file: String? = nil, arguments: [String: String] = [:], environment: [String: String] = [:]
    ) -> Complaint? {
        do {
            let settings = try settings(file, arguments: arguments, environment: environment)
            _ = try (settings.site(), settings.serving())
            return nil
        } catch {
            return Complaint(error)
        }
    }

    @Test func argumentsThenEnvironmentThenFileThenDefault() throws {
        let file = "# a comment\n\nport = 1\nhost = file\nlog_level = debug\n"
        let found = try settings(
            file, arguments: ["port": "3"], environment: ["BUSBAR_PORT": "2", "BUSBAR_HOST": "variable"])
        #expect(found.number(.port) == 3 && found[.port].source == .argument("--port"))
        #expect(found.text(.host) == "variable" && found[.host].source == .environment("BUSBAR_HOST"))
        #expect(found.text(.logLevel) == "debug")
        guard case .file(let path, line: 5) = found[.logLevel].source else {
            Issue.record("\(found[.logLevel].source)")
            return
        }
        #expect(path.hasSuffix(".conf") && "\(found[.logLevel].source)" == "\(path):5")
        #expect(found.number(.connectionsMax) == 2_000 && found[.connectionsMax].source == .standard)
        // An empty variable, as a unit file may leave behind, says nothing.
        #expect(try settings(file, environment: ["BUSBAR_PORT": ""]).number(.port) == 1)
    }

    @Test func theFileIsNamedOrUsual() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-\(UUID().uuidString).conf")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Bench.write("port = 7\n", to: path)
        let byVariable = try ProcessSettings(environment: ["BUSBAR_CONFIG": path], usualFile: "")
        #expect(byVariable.number(.port) == 7 && byVariable.file == path)
        #expect(try ProcessSettings(environment: [:], usualFile: path).number(.port) == 7)
        #expect(try ProcessSettings(environment: [:], usualFile: path + ".none").file == nil)
        // A file that was named must be there.
        let missing = #expect(throws: Complaint.self) {
            try ProcessSettings(configFile: path + ".none", environment: [:])
        }
        #expect(missing?.status == .usage)
    }

    @Test func unknownKeysAreRefusedWithPlaceAndGuess() {
        let misspelt = complaint("port = 1\ntsl_key = /a\n")
        #expect(misspelt?.what.contains(".conf:2: tsl_key is no setting") == true, "\(String(describing: misspelt))")
        #expect(misspelt?.hint == "Did you mean tls_key?" && misspelt?.status == .usage)
        #expect(complaint("colour = blue\n")?.hint.contains("data_folder") == true, "far off: the list")
        let variable = complaint(environment: ["BUSBAR_DATABSE": "postgres://a@b/c"])
        #expect(variable?.hint == "Did you mean BUSBAR_DATABASE?")
        #expect(complaint(environment: ["BUSBAR_DATA": "../shared", "BUSBAR_LONG": "1"]) == nil)
        #expect(complaint("port = 1\nport = 2\n")?.what.contains(":2: port stands in line 1 already") == true)
        #expect(complaint("port\n")?.what.contains(":1: there is no =") == true)
        #expect(complaint("port = \n")?.what.contains("it is empty") == true)
        #expect(complaint("host = a\u{7}b\n")?.what.contains("control character") == true)
    }

    @Test(arguments: [
        ("port", "-1", "0 to 65535"), ("port", "80 80", "no whole number"), ("port", "65536", "out of range"),
        ("port", "0x50", "no whole number"), ("https", "maybe", "yes or no"), ("log_level", "debgu", "debug"),
        ("connections_max", "0", "1 to 100000"), ("handler_ms", "99999999999999999999", "no whole number"),
    ])
    func valuesAreCheckedAndSayWhereTheyCameFrom(_ key: String, _ value: String, _ word: String) {
        for (found, place) in [
            (complaint("\(key) = \(value)\n"), ".conf:1"),
            (complaint(environment: ["BUSBAR_\(key.uppercased())": value]), "variable BUSBAR_\(key.uppercased())"),
            (complaint(arguments: [key: value]), "argument"),
        ] {
            #expect(found?.description.contains(word) == true, "\(String(describing: found))")
            #expect(found?.what.contains(place) == true && found?.what.hasPrefix(key) == true)
            #expect(found?.status == .usage)
        }
    }

    @Test func secretsStandNotInTheFileAndAreNotShown() throws {
        let key = String(repeating: "ab", count: 32)
        let inFile = complaint("master_key = \(key)\n")
        #expect(inFile?.hint.contains("master_key_file") == true && inFile?.description.contains(key) == false)
        let url = complaint("database = postgres://busbar:hunter2@db/busbar\n")
        #expect(url?.hint.contains("database_password_file") == true && url?.description.contains("hunter2") == false)
        #expect(complaint("database = postgres://busbar@db/busbar\n") == nil)
        let found = try settings(environment: ["BUSBAR_MASTER_KEY": key, "BUSBAR_DATABASE": "postgres://a:hunter2@b/c"])
        #expect(found[.masterKey].shown == "set" && found[.database].shown == "set")
        #expect(try found.site().masterKey == .given(key, from: "variable BUSBAR_MASTER_KEY"))
        #expect(found.warnings.isEmpty)
        let argument = try settings(arguments: ["database": "postgres://a:hunter2@b/c"])
        #expect(argument.warnings.count == 1 && !argument.warnings[0].contains("hunter2"))
        #expect(try settings(arguments: ["database": "postgres://a@b:5432/c"]).warnings.isEmpty)
    }

    @Test func thePasswordComesFromAFile() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Bench.write("p@ss/w:rd %\n", to: path)
        let file = "database_password_file = \(path)\n"
        let site = try settings("database = postgres://busbar@db:5433/busbar?sslmode=require\n" + file).site()
        #expect(site.databaseURL == "postgres://busbar:p%40ss%2Fw%3Ard%20%25@db:5433/busbar?sslmode=require")
        #expect(complaint(file)?.what.contains("database is not") == true)
        #expect(complaint("database = postgres://db/busbar\n" + file)?.what.contains("names no user") == true)
        let twice = complaint(file, environment: ["BUSBAR_DATABASE": "postgres://a:hunter2@b/c"])
        #expect(twice?.what.contains("another") == true && twice?.description.contains("hunter2") == false)
        let missing = complaint("database = postgres://a@b/c\ndatabase_password_file = /nowhere/x\n")
        #expect(missing?.what.contains("database_password_file (") == true && missing?.what.contains(":2") == true)
        try Bench.write("postgres://a@b/c\n", to: path)
        #expect(try settings("database_file = \(path)\n").site().databaseURL == "postgres://a@b/c")
        #expect(
            complaint("database_file = \(path)\n", arguments: ["database": "postgres://x@y/z"])?.what
                .contains("exclude each other") == true)
    }

    @Test func certificateAndKeyGoTogether() {
        #expect(complaint("tls_certificate = /a\n")?.what.contains("tls_key is not") == true)
        #expect(complaint("tls_key = /a\n")?.what.contains("tls_certificate is not") == true)
    }

    /// The table of the documents is the table of the program.
    @Test func everySettingIsDocumented() throws {
        let page = try String(
            contentsOf: Bench.repository.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        for key in SettingKey.all {
            let line =
                "| `\(key.name)` | \(key.argument.map { "`\($0)`" } ?? "") | \(key.form) | "
                + "\(key.standard.map { "`\($0)`" } ?? "") | \(key.summary) |"
            #expect(page.contains(line + "\n"), "add to docs/configuration.md: \(line)")
        }
    }

    /// What `busbar settings` prints is a file that can be read, and means the defaults.
    @Test func theListIsAFileToStartFrom() throws {
        let listed = Spoken()
        #expect(try listSettings(json: false, listed.console) == .done)
        let text = listed.said.joined(separator: "\n")
        #expect(try settings(text).all.allSatisfy { $0.source == .standard })
        let bare = text.split(separator: "\n").filter { $0.hasPrefix("#") && !$0.hasPrefix("# ") }
            .map { $0.dropFirst() }.filter { !$0.hasSuffix("= ") }.joined(separator: "\n")
        #expect(try settings(bare).number(.port) == 8_080)
        let example = try String(
            contentsOf: Bench.repository.appendingPathComponent("ops/busbar.conf"), encoding: .utf8)
        #expect(try settings(example).text(.dataFolder) == "/var/lib/busbar")
        let full = example.replacingOccurrences(of: "\n#", with: "\n").split(separator: "\n")
            .filter { $0.contains(" = ") && !$0.contains("`") && !$0.hasPrefix(" ") }.joined(separator: "\n")
        #expect(try settings(full).text(.tlsKey) == "/etc/busbar/certificate.key")
    }

    @Test(arguments: [
        ("serv", "serve"), ("doctr", "doctor"), ("improt", "import"), ("settigns", "settings"),
    ])
    func nearestWords(_ typed: String, _ meant: String) {
        #expect(nearestWord(to: typed, among: ["serve", "doctor", "import", "rate", "read", "settings"]) == meant)
        #expect(nearestWord(to: "zzzz", among: ["serve", "doctor"]) == nil)
        #expect(nearestWord(to: "serve", among: ["serve"]) == nil, "itself is no guess")
    }
}
