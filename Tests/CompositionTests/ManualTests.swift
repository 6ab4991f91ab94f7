// The manual page, the completions and the unit file: made, complete, and without a complaint of the tools that read
// them.
import Foundation
import TestSupport
import Testing

@testable import Composition

@Suite struct ManualTests {
    private func manual() throws -> String {
        let made = try Bench.execute(
            "/usr/bin/env",
            ["python3", Bench.repository.appendingPathComponent("scripts/manual").path, try Bench.binary()])
        try #require(made.code == 0, "\(made.errors)")
        return made.output
    }

    @Test func theManualHoldsEveryCommandOptionAndSetting() throws {
        let page = try manual().replacingOccurrences(of: "\\-", with: "-")
        let help = try Bench.busbar("--experimental-dump-help").output
        let root = try JSONDecoder().decode(Dump.self, from: Data(help.utf8)).command
        #expect(root.subcommands?.count ?? 0 > 10)
        for (path, command) in root.all(path: []) where path.last != "help" {
            #expect(path.isEmpty || page.contains(".SS \(path.joined(separator: " "))\n"), "\(path)")
            #expect(command.abstract?.isEmpty == false, "\(path) has no help")
            let isGroup = command.subcommands?.contains { $0.commandName != "help" } == true
            #expect(isGroup || command.discussion?.isEmpty == false, "\(path) has no example")
            for argument in command.arguments ?? [] where argument.shouldDisplay != false {
                #expect(argument.abstract?.isEmpty == false, "\(path) \(argument.valueName ?? "") has no help")
                for name in argument.names ?? [] where name.kind == "long" {
                    #expect(page.contains("--\(name.name)"), "--\(name.name) is not in the manual")
                }
            }
        }
        for key in SettingKey.all { #expect(page.contains("\\fB\(key.name)\\fR"), "\(key.name)") }
    }

    @Test func groffHasNothingToSay() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/groff") else {
            return print("no groff: the manual page is not checked")
        }
        try withFile(try manual()) { path in
            let ended = try Bench.execute("/usr/bin/groff", ["-ww", "-man", "-Tutf8", "-z", path])
            #expect(ended.code == 0 && ended.errors.isEmpty, "\(ended.errors)")
            // The check can fail.
            try Bench.write(".TH X\n\\*[nothing]\n", to: path)
            #expect(try !Bench.execute("/usr/bin/groff", ["-ww", "-man", "-Tutf8", "-z", path]).errors.isEmpty)
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsAreScriptsOfTheShell(_ shell: String) throws {
        let made = try Bench.busbar("--generate-completion-script", shell)
        #expect(made.code == 0 && made.output.contains("rotate-master") && made.output.contains("tls-certificate"))
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/\(shell)") else {
            return print("no \(shell): its completion script is not parsed")
        }
        try withFile(made.output) { path in
            let ended = try Bench.execute("/usr/bin/\(shell)", ["-n", path])
            #expect(ended.code == 0 && ended.errors.isEmpty, "\(ended.errors)")
        }
    }

    @Test func theUnitIsConfined() throws {
        let unit = Bench.repository.appendingPathComponent("ops/systemd/busbar.service").path
        let text = try String(contentsOfFile: unit, encoding: .utf8)
        for line in ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "TimeoutStopSec=75"] {
            #expect(text.contains(line))
        }
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze") else {
            return print("no systemd-analyze: the unit is not measured")
        }
        // 2.0 of 10 exposure; without the confinement it would be above 9.
        let ended = try Bench.execute(
            "/usr/bin/systemd-analyze", ["security", "--offline=true", "--no-pager", "--threshold=20", unit])
        #expect(ended.code == 0, "\(ended.output.suffix(300)) \(ended.errors)")
        try withFile("[Service]\nExecStart=/usr/bin/true\n", suffix: ".service") { path in
            let open = try Bench.execute(
                "/usr/bin/systemd-analyze", ["security", "--offline=true", "--no-pager", "--threshold=20", path])
            #expect(open.code != 0, "the measure can fail")
        }
    }

    private func withFile(_ text: String, suffix: String = "", _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("busbar-\(UUID().uuidString)\(suffix)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Bench.write(text, to: path)
        try body(path)
    }
}

/// What `--experimental-dump-help` says, as far as it is read here.
private struct Dump: Decodable {
    var command: DumpedCommand
}

private struct DumpedCommand: Decodable {
    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }
        var names: [Name]?
        var valueName: String?
        var abstract: String?
        var shouldDisplay: Bool?
    }
    var commandName: String
    var abstract: String?
    var discussion: String?
    var subcommands: [DumpedCommand]?
    var arguments: [Argument]?

    func all(path: [String]) -> [(path: [String], command: DumpedCommand)] {
        [(path, self)] + (subcommands ?? []).flatMap { $0.all(path: path + [$0.commandName]) }
    }
}
