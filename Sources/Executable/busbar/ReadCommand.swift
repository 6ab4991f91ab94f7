// `busbar read`: arguments only; the work is in Composition.
import ArgumentParser
import Composition
import Foundation

struct Read: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads a DLMS/COSEM meter over TCP.",
        discussion: """
            Stamps of a load profile are the ENDS of intervals, and both ends of a range are included: the day of \
            2026-03-01 in half hours is --from 2026-03-01T00:30 --to 2026-03-02.
            Try it: busbar read --host 127.0.0.1 --profile block-load --auth hls-2 --secret-file secret.txt
            Exit codes: 0 read, 1 the meter said no, 2 wrong call, 3 nobody answered.
            """)

    @Option(help: "Name or address, IPv4 or IPv6.") var host = "127.0.0.1"
    @Option(parsing: .unconditional, help: "TCP port.") var port = 4059
    @Option(parsing: .unconditional, help: "Client address; usual for the authentication when left out.") var client:
        UInt16?
    @Option(parsing: .unconditional, help: "Server address.") var server: UInt16 = 1
    @Option(help: "none, lls, hls-2 or hls-gmac.") var auth = "none"
    @Option(help: "File with the password or HLS secret; text, or hex: and digits.") var secretFile: String?
    @Option(help: "Environment variable with the same.") var secretEnv: String?
    @Option(help: "File with the encryption key: 16 octets or 32 hexadecimal digits.") var ekFile: String?
    @Option(help: "File with the authentication key.") var akFile: String?
    @Option(help: "System title of this client: 8 characters.") var title = "BBRCLI01"
    @Option(parsing: .unconditional, help: "First invocation counter; asked of the meter when left out.") var counter:
        UInt32?
    @Option(
        help: "Profile to read: a name (block-load, daily, instantaneous, name-plate, events-control, ...) or OBIS.")
    var profile: String?
    @Option(help: "First stamp, 2026-03-01 or 2026-03-01T00:30.") var from: String?
    @Option(help: "Last stamp.") var to: String?
    @Option(help: "Object to read: OBIS code or a name such as import-energy.") var obis: String?
    @Option(name: .customLong("class"), parsing: .unconditional, help: "Class of the object.") var classID: UInt16?
    @Option(parsing: .unconditional, help: "Attribute of the object.") var attribute: Int8 = 2
    @Option(
        help: "Kind of meter: single-phase, three-phase, lt-ct, ht-ct, one of a maker's file, or auto to ask the meter."
    )
    var meterProfile = "single-phase"
    @Option(help: "Folder of makers' meter profiles.", completion: .directory) var meterProfiles: String?
    @Option(help: "Zone of the meter.") var zone = "Asia/Kolkata"
    @Option(parsing: .unconditional, help: "How long to wait for an answer.") var timeoutMs: Int64 = 10_000
    @Flag(help: "JSON instead of a table.") var json = false

    func run() async throws {
        let result: CommandResult
        do {
            result = await readMeter(
                try ReadOptions(
                    host: host, port: port, client: client, server: server, authentication: auth,
                    secret: SecretSource(file: secretFile, environment: secretEnv),
                    encryptionKey: SecretSource(file: ekFile), authenticationKey: SecretSource(file: akFile),
                    title: title, counter: counter, profile: profile, from: from, to: to, object: obis,
                    classID: classID, attribute: attribute, meterProfile: meterProfile,
                    profiles: try MeterProfileFolder.read(named: meterProfiles, dataFolder: nil), zone: zone,
                    timeoutMs: timeoutMs, json: json))
        } catch {
            result = CommandResult(complaint: "\(error)", exitCode: 2)
        }
        try leave(result)
    }
}

/// Prints both outputs and leaves with the code.
func leave(_ result: CommandResult) throws {
    if !result.output.isEmpty { print(result.output, terminator: "") }
    if !result.complaint.isEmpty { FileHandle.standardError.write(Data((result.complaint + "\n").utf8)) }
    if result.exitCode != 0 { throw ExitCode(result.exitCode) }
}
