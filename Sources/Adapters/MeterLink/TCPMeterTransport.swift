// The port's transport over TCP: connect, associate, converse, release, close. One association per conversation.
// Remembers per meter what it learned (layouts of profiles, the meter's last counter), nothing else.
import CivilTime
import Cryptography
import DLMS
import IS15959
import MeterPort
import Synchronization

/// Speaks DLMS/COSEM (WRAPPER over TCP, IEC 62056-47) with logical names. Safe to share.
public final class TCPMeterTransport: MeterTransport {
    private let zone: Zone
    private let strictCounters: Bool
    private let memory = MeterMemory()
    private let conformance: Conformance
    private let blockWindow: UInt8
    private let profiles: ProfileBook
    private let onPush: @Sendable (MeterEndpoint, Push) -> Void

    /// - Parameters:
    ///   - profiles: the kinds of meter by name. A meter of one that is not there is asked what it has.
    ///   - zone: the zone of the meters: ranges are asked in it, stamps without a deviation are read in it.
    ///   - strictCounters: refuses a meter whose invocation counter does not grow, within an association and from one
    ///     to the next. False only for bench meters that start again.
    ///   - conformance: what is asked for; a meter grants of it what it knows.
    ///   - blockWindow: general blocks in a row that are taken without asking for each, 1 to 63.
    ///   - onPush: told of what a meter sends unasked amid a conversation, whom it was with first.
    public init(
        profiles: ProfileBook = .standard, zone: Zone = .india, strictCounters: Bool = true,
        conformance: Conformance = .complete, blockWindow: UInt8 = 8,
        onPush: @escaping @Sendable (MeterEndpoint, Push) -> Void = { _, _ in }
    ) {
        self.profiles = profiles
        self.zone = zone
        self.conformance = conformance
        self.blockWindow = min(63, max(1, blockWindow))
        self.onPush = onPush
        self.strictCounters = strictCounters
    }

    public func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value {
        try await associate(with: endpoint) { try await body($0) }
    }

    /// As ``converse(with:_:)``, with everything DLMS can do.
    /// - Throws: ``MeterError``, or what the body throws.
    public func associate<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (DLMSConversation) async throws -> Value
    ) async throws -> Value {
        guard endpoint.timeoutMs > 0 else { throw MeterError(.other, "a time-out is longer than 0 ms") }
        let wire = try await MeterWire.connect(
            host: endpoint.host, port: endpoint.port, source: endpoint.clientAddress,
            destination: endpoint.serverAddress, timeoutMs: endpoint.timeoutMs)
        let conversation = DLMSConversation(
            wire: wire, client: DLMSClient(configuration(endpoint)),
            names: MeterNames(endpoint.profileName, in: profiles), zone: zone, timeoutMs: endpoint.timeoutMs,
            memory: memory,
            keyMark: endpoint.encryptionKey.map { Array(Hash.sha256(Array("counter".utf8) + $0).prefix(4)) } ?? [],
            onPush: { [onPush] in onPush(endpoint, $0) })
        do {
            try await conversation.open(checkCounter: strictCounters, client: endpoint.clientAddress)
            let value = try await body(conversation)
            await conversation.close()
            return value
        } catch {
            await conversation.close()
            throw error
        }
    }

    private func configuration(_ endpoint: MeterEndpoint) -> ClientConfiguration {
        let mechanism: AuthenticationMechanism =
            switch endpoint.authentication {
            case .none: .none
            case .lls: .low
            case .hls2: .high
            case .hlsGMAC: .highGMAC
            }
        var keys: SecurityKeys?
        if let encryption = endpoint.encryptionKey, let authentication = endpoint.authenticationKey {
            keys = SecurityKeys(encryption: encryption, authentication: authentication)
        }
        // 16 octets: a longer challenge is read in two ways by makers (HLS mechanism 2).
        let challenge = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        return ClientConfiguration(
            mechanism: mechanism, secret: endpoint.secret, keys: keys, ciphered: keys != nil,
            systemTitle: endpoint.clientSystemTitle, challenge: challenge, firstCounter: endpoint.invocationCounter,
            conformance: conformance, strictCounters: strictCounters, blockWindow: blockWindow)
    }
}

/// What is remembered of meters, bounded: when full it forgets everything and learns again.
final class MeterMemory: Sendable {
    private struct State {
        var layouts: [String: ProfileLayout] = [:]
        var counters: [[UInt8]: UInt32] = [:]
        var profiles: [String: MeterProfile] = [:]
    }
    private static let limit = 50_000
    private let state = Mutex(State())

    func layout(_ key: String) -> ProfileLayout? { state.withLock { $0.layouts[key] } }

    func keep(_ layout: ProfileLayout, _ key: String) {
        state.withLock {
            if $0.layouts.count >= Self.limit { $0.layouts.removeAll() }
            $0.layouts[key] = layout
        }
    }

    func profile(_ key: String) -> MeterProfile? { state.withLock { $0.profiles[key] } }

    func keep(_ profile: MeterProfile, _ key: String) {
        state.withLock {
            if $0.profiles.count >= Self.limit { $0.profiles.removeAll() }
            $0.profiles[key] = profile
        }
    }

    func lastCounter(_ key: [UInt8]) -> UInt32? { state.withLock { $0.counters[key] } }

    func keepCounter(_ counter: UInt32, _ key: [UInt8]) {
        state.withLock {
            if $0.counters.count >= Self.limit { $0.counters.removeAll() }
            $0.counters[key] = max(counter, $0.counters[key] ?? 0)
        }
    }
}
