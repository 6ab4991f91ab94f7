// `busbar read`: one question to one DLMS meter, as a table or as JSON. Keeps nothing; the head-end collects.
import CivilTime
import DLMS
import IS15959
import MeterLink
import MeterPort

/// What to read from which meter.
public struct ReadOptions: Sendable {
    public enum Question: Sendable {
        /// A profile by name or OBIS code, rows stamped from...to (both included); without both, all of it.
        case profile(String, fromS: Int64?, toS: Int64?)
        /// An attribute by name or OBIS code. Nil class: by the table of names.
        case attribute(String, classID: UInt16?, attribute: Int8)
    }

    public var endpoint: MeterEndpoint
    public var question: Question
    /// The kinds of meter that the endpoint may name.
    public var profiles: ProfileBook
    public var zone: Zone
    public var json: Bool
    /// Nil asks the meter's public association for the last counter used, when the association is ciphered.
    public var invocationCounter: UInt32?

    public init(
        endpoint: MeterEndpoint, question: Question, profiles: ProfileBook = .standard, zone: Zone = .india,
        json: Bool = false,
        invocationCounter: UInt32? = nil
    ) {
        self.endpoint = endpoint
        self.question = question
        self.profiles = profiles
        self.zone = zone
        self.json = json
        self.invocationCounter = invocationCounter
    }

    /// The client address usual for an authentication.
    public static func usualClient(_ authentication: MeterAuthentication) -> UInt16 {
        switch authentication {
        case .none: 16
        case .lls: 32
        case .hls2: 48
        case .hlsGMAC: 49
        }
    }
}

/// Reads and renders.
public func readMeter(_ options: ReadOptions) async -> CommandResult {
    let transport = TCPMeterTransport(profiles: options.profiles, zone: options.zone)
    do {
        var endpoint = options.endpoint
        if endpoint.encryptionKey != nil { endpoint.invocationCounter = try await firstCounter(options, transport) }
        let table = try await transport.associate(with: endpoint) { meter in
            switch options.question {
            case .profile(let name, let fromS, let toS):
                try await readProfile(name, fromS, toS, options, meter)
            case .attribute(let name, let classID, let attribute):
                try await readAttribute(name, classID, attribute, options, meter)
            }
        }
        return CommandResult(output: options.json ? table.json : table.text)
    } catch let error as UsageError {
        return CommandResult(complaint: error.description, exitCode: 2)
    } catch let error as MeterError {
        let unreachable = [.unreachable, .timeout, .closed].contains(error.code)
        return CommandResult(complaint: "\(error)\n\(hint(error, options))", exitCode: unreachable ? 3 : 1)
    } catch {
        return CommandResult(complaint: "\(error)", exitCode: 1)
    }
}

/// The usual way of Indian clients: the public association shows the last counter of each client address.
private func firstCounter(_ options: ReadOptions, _ transport: TCPMeterTransport) async throws -> UInt32 {
    if let counter = options.invocationCounter { return counter }
    guard let reference = Associations.invocationCounter(client: options.endpoint.clientAddress) else { return 1 }
    var open = options.endpoint
    (open.authentication, open.clientAddress, open.secret) = (.none, 16, [])
    (open.encryptionKey, open.authenticationKey) = (nil, nil)
    let last = try? await transport.associate(with: open) { try await $0.get(reference).integer }
    guard let last, let counter = UInt32(exactly: last), counter < .max else { return 1 }
    return counter + 1
}

private func hint(_ error: MeterError, _ options: ReadOptions) -> String {
    switch error.code {
    case .unreachable:
        "Is a meter listening at \(options.endpoint.host) port \(options.endpoint.port)? Try `busbar simulate`."
    case .timeout: "The meter is silent: wrong client address, no power, or give a longer --timeout-ms."
    case .closed: "The meter hung up: wrong port, or too many connections to it."
    case .associationRefused: "Check --auth, --client and the secret."
    case .security: "Check the keys and the client's title; a counter that was used needs a higher --counter."
    case .accessDenied: "This association may not do that; use another --auth and --client."
    case .objectUndefined: "The meter has no such object; `--obis 0.0.40.0.0 --class 15` lists what it has."
    case .badAnswer, .other: "Is it a DLMS meter that speaks WRAPPER over TCP with logical names?"
    }
}

private func readProfile(
    _ name: String, _ fromS: Int64?, _ toS: Int64?, _ options: ReadOptions, _ meter: DLMSConversation
) async throws -> ReadTable {
    let profile = try await meter.fittingProfile()
    let known = profile.profile(name) ?? OBIS(name).flatMap { obis in profile.profiles.first { $0.obis == obis } }
    guard let obis = known?.obis ?? OBIS(name) else {
        let names = profile.profiles.map(\.name).joined(separator: ", ")
        throw UsageError("no profile '\(name)'; give an OBIS code or one of \(names)")
    }
    let layout = try await meter.readLayout(obis, scalerProfile: known?.scalerProfile)
    let stamped = layout.columns.contains { $0.classID == 8 }
    let buffer = try await meter.buffer(obis, fromS: stamped ? fromS : nil, toS: stamped ? toS : nil)
    do {
        let rows = try layout.rows(buffer, zone: options.zone)
        return ReadTable(
            title: known?.name ?? obis.shortText, obis: obis, layout: layout, rows: rows, zone: options.zone)
    } catch {
        throw MeterError(.badAnswer, "profile \(obis.shortText): \(error)")
    }
}

private func readAttribute(
    _ name: String, _ classID: UInt16?, _ attribute: Int8, _ options: ReadOptions, _ meter: DLMSConversation
) async throws -> ReadTable {
    let known = ObjectNames.find(name) ?? OBIS(name).flatMap { ObjectNames.find($0) }
    guard let obis = known?.obis ?? OBIS(name) else {
        throw UsageError("'\(name)' is neither an OBIS code like 1.0.1.8.0 nor a name like import-energy")
    }
    guard let classID = classID ?? known?.classID else { throw UsageError("give the --class of \(obis.shortText)") }
    let reference = AttributeReference(classID, obis, attribute)
    let value = try await meter.get(reference)
    var scalers: [OBIS: ScalerUnit] = [:]
    if [3, 4].contains(classID), attribute == 2 {
        let scaler = try? await meter.get(AttributeReference(classID, obis, 3))
        scalers[obis] = scaler.flatMap { ScalerUnit($0) }
    }
    let column = CaptureObject(classID, obis, attribute)
    let layout = ProfileLayout(columns: [column], scalers: scalers, periodS: 0)
    return ReadTable(title: "\(reference)", obis: obis, layout: layout, rows: [[value]], zone: options.zone)
}
