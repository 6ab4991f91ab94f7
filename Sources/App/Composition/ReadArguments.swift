// The arguments of `busbar read` as they were typed, checked and turned into options.
import CivilTime
import IS15959
import MeterPort

extension ReadOptions {
    /// - Throws: ``UsageError``.
    public init(
        host: String, port: Int, client: UInt16?, server: UInt16, authentication: String, secret: SecretSource,
        encryptionKey: SecretSource, authenticationKey: SecretSource, title: String, counter: UInt32?,
        profile: String?, from: String?, to: String?, object: String?, classID: UInt16?, attribute: Int8,
        meterProfile: String, profiles: ProfileBook = .standard, zone: String, timeoutMs: Int64, json: Bool
    ) throws {
        guard let authentication = MeterAuthentication(rawValue: authentication) else {
            let names = MeterAuthentication.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError("--auth \(authentication): give one of \(names)")
        }
        guard let zone = Zone(zone) else { throw UsageError("--zone \(zone): no such zone; Asia/Kolkata is one") }
        guard (1...65_535).contains(port) else { throw UsageError("--port \(port): 1 to 65535") }
        guard (1...600_000).contains(timeoutMs) else { throw UsageError("--timeout-ms: 1 to 600000") }
        guard title.utf8.count == 8 else { throw UsageError("--title: 8 characters") }
        guard profiles.names.contains(meterProfile) else {
            throw UsageError("--meter-profile: give one of \(profiles.names.joined(separator: ", "))")
        }
        let secretOctets = try secret.octets("secret")
        let needsSecret = authentication == .lls || authentication == .hls2
        guard !needsSecret || secretOctets != nil else {
            throw UsageError("--auth \(authentication.rawValue) needs --secret-file or --secret-env")
        }
        let keys = (try encryptionKey.key("--ek-file"), try authenticationKey.key("--ak-file"))
        guard (keys.0 == nil) == (keys.1 == nil) else { throw UsageError("--ek-file and --ak-file belong together") }
        guard authentication != .hlsGMAC || keys.0 != nil else {
            throw UsageError("--auth hls-gmac needs --ek-file and --ak-file")
        }
        let endpoint = MeterEndpoint(
            host: host, port: port, clientAddress: client ?? Self.usualClient(authentication), serverAddress: server,
            authentication: authentication, secret: secretOctets ?? [], encryptionKey: keys.0,
            authenticationKey: keys.1, clientSystemTitle: Array(title.utf8), profileName: meterProfile,
            timeoutMs: timeoutMs)
        let question = try Self.question(
            profile: profile, from: from, to: to, object: object, classID: classID, attribute: attribute, zone: zone)
        self.init(
            endpoint: endpoint, question: question, profiles: profiles, zone: zone, json: json,
            invocationCounter: counter)
    }

    private static func question(
        profile: String?, from: String?, to: String?, object: String?, classID: UInt16?, attribute: Int8, zone: Zone
    ) throws -> Question {
        switch (profile, object) {
        case (let profile?, nil):
            guard (from == nil) == (to == nil) else { throw UsageError("--from and --to belong together") }
            let fromS = try from.map { try instantS($0, zone: zone) }
            let toS = try to.map { try instantS($0, zone: zone) }
            if let fromS, let toS, fromS > toS { throw UsageError("--from lies after --to") }
            return .profile(profile, fromS: fromS, toS: toS)
        case (nil, let object?): return .attribute(object, classID: classID, attribute: attribute)
        default: throw UsageError("give either --profile or --obis")
        }
    }
}
