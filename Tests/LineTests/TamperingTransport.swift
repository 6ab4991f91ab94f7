// A way to meters that passes everything on, and breaks or dies where a test says. Only for tests.
import MeterPort
import Synchronization

/// Passes everything on, and breaks where a test says.
final class TamperingTransport: MeterTransport {
    struct Rules: Sendable {
        /// The line breaks right after so many more settings.
        var breakAfterSets: Int?
        /// The process dies after so many more blocks of an image.
        var dieAfterBlocks: Int?
        var sets = 0
        var blocks = 0
        /// Called after a matter was read.
        var afterValue: (@Sendable () async throws -> Void)?
        /// Called before a setting goes out.
        var beforeSet: (@Sendable () async throws -> Void)?
        /// Called when the meter has opened its relay and nobody has heard of it yet.
        var afterDisconnect: (@Sendable () async throws -> Void)?
    }
    struct Died: Error {}
    let rules = Mutex(Rules())
    private let inner: any MeterTransport
    init(_ inner: any MeterTransport) { self.inner = inner }

    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value {
        try await inner.converse(with: endpoint) { try await body(TamperingConversation(inner: $0, transport: self)) }
    }
}

private struct TamperingConversation: MeterConversation {
    let inner: any MeterConversation
    let transport: TamperingTransport

    func clockS() async throws -> Int64 { try await inner.clockS() }
    func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow] {
        try await inner.blockLoad(fromS: fromS, toS: toS)
    }
    func importRegisterWh() async throws -> Int64 { try await inner.importRegisterWh() }
    func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow] {
        try await inner.dailyRegisters(fromS: fromS, toS: toS)
    }
    func relay() async throws -> RelayState { try await inner.relay() }
    func disconnect() async throws {
        try await inner.disconnect()
        try await transport.rules.withLock { $0.afterDisconnect }?()
    }
    func reconnect() async throws { try await inner.reconnect() }
    func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry] {
        try await inner.events(fromS: fromS, toS: toS)
    }
    func value(of matter: MeterMatter) async throws -> MeterValue {
        let value = try await inner.value(of: matter)
        try await transport.rules.withLock { $0.afterValue }?()
        return value
    }
    func set(_ value: MeterValue) async throws {
        try await transport.rules.withLock { $0.beforeSet }?()
        try await inner.set(value)
        let breaks = transport.rules.withLock { rules in
            rules.sets += 1
            guard let left = rules.breakAfterSets else { return false }
            rules.breakAfterSets = left > 1 ? left - 1 : nil
            return left == 1
        }
        if breaks { throw MeterError(.closed, "the line broke") }
    }
    func send(
        _ image: FirmwareImage, mayResume: Bool, progress: @escaping @Sendable (Int, Int) async throws -> Void
    ) async throws {
        try await inner.send(image, mayResume: mayResume) { [transport] done, count in
            let dies = transport.rules.withLock { rules in
                rules.blocks += 1
                guard let left = rules.dieAfterBlocks else { return false }
                rules.dieAfterBlocks = left > 1 ? left - 1 : nil
                return left == 1
            }
            if dies { throw TamperingTransport.Died() }
            try await progress(done, count)
        }
    }
}
