// Secrets planted in every place a command takes them from: none of them is ever printed, whatever the command does.
import Foundation
import TestSupport
import Testing

@Suite struct SecretsTests {
    /// Words nobody says by chance.
    private static let planted = [
        "master": String(repeating: "5ec12e7a", count: 8), "database": "sw0rdfish-in-the-url",
        "databaseFile": "sw0rdfish-in-a-file", "password": "sw0rdfish of a person", "meter": "SwordfishOfMeter",
        "encryption": "51edfa11c0ffee0051edfa11c0ffee00",
    ]

    private func check(_ ended: Bench.Ended, _ what: String) {
        for (name, secret) in Self.planted {
            #expect(!(ended.output + ended.errors).contains(secret), "\(what) prints the secret of \(name)")
        }
    }

    private func binary(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Bench.Ended {
        try Bench.busbar(arguments, environment: environment)
    }

    @Test func noCommandPrintsOne() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("busbar-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = [
            "password": Self.planted["password"] ?? "", "secret": Self.planted["meter"] ?? "",
            "ek": Self.planted["encryption"] ?? "", "ak": Self.planted["encryption"] ?? "",
            "db": Self.planted["databaseFile"] ?? "", "packs.json": Bench.packs,
        ]
        for (name, text) in files { try Bench.write(text + "\n", to: "\(folder)/\(name)") }
        let data = ["--data", folder + "/data"]
        let environment = ["BUSBAR_MASTER_KEY": Self.planted["master"] ?? ""]
        var done = 0
        for arguments in [
            ["org", "add", "Asha Power"],
            ["user", "add", "asha", "--role", "administrator", "--password-file", folder + "/password"],
            ["user", "add", "asha", "--role", "administrator", "--password-file", folder + "/password"],
            ["user", "password", "asha", "--password-file", folder + "/password"], ["user", "list", "--json"],
            [
                "meter", "add", "M1", "--host", "127.0.0.1", "--port", "1", "--secret-file", folder + "/secret",
                "--ek-file", folder + "/ek", "--ak-file", folder + "/ak", "--account", "A1", "--name", "Asha",
                "--pack", folder + "/packs.json",
            ],
            ["meter", "list"], ["db", "status"], ["db", "check"], ["doctor"], ["doctor", "--json"], ["rate"],
            ["key", "rotate-master"], ["key", "rotate-master", "--new-key-file", folder + "/new"],
        ] {
            let ended = try binary(arguments + data, environment)
            check(ended, arguments.joined(separator: " "))
            done += ended.code == 0 ? 1 : 0
        }
        #expect(done >= 9, "the commands were to do their work: only \(done) did")
        let read = [
            "read", "--host", "127.0.0.1", "--port", "1", "--auth", "hls-2", "--secret-file", folder + "/secret",
            "--obis", "1.0.1.8.0", "--timeout-ms", "500",
        ]
        check(try binary(read), "read")
        let url = "postgres://busbar:\(Self.planted["database"] ?? "")@127.0.0.1:1/busbar"
        for arguments in [["doctor"], ["db", "status"], ["serve"], ["user", "list"], ["key", "rotate-master"]] {
            let what = arguments.joined(separator: " ")
            check(try binary(arguments + data, ["BUSBAR_DATABASE": url]), "\(what) with BUSBAR_DATABASE")
            let argument = try binary(arguments + data + ["--database", url])
            check(argument, "\(what) --database")
            #expect(argument.errors.contains("can be seen by other users"))
            let bare = ["BUSBAR_DATABASE": "postgres://busbar@127.0.0.1:1/busbar"]
            let file = ["BUSBAR_DATABASE_PASSWORD_FILE": folder + "/db"]
            check(try binary(arguments + data, bare.merging(file) { $1 }), "\(what) with a password file")
        }
        try Bench.write("master_key = \(Self.planted["master"] ?? "")\n", to: folder + "/busbar.conf")
        let refused = try binary(["doctor", "--config", folder + "/busbar.conf"] + data)
        check(refused, "a configuration file with a secret")
        #expect(refused.code == 2 && refused.errors.contains("busbar.conf:1"))
    }
}
