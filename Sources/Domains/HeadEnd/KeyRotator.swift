// Gives meters new keys so that no break loses one: the new keys are stored before they are sent, both are tried after
// a break, the ones that open the meter stay. And recovers lost counters. Keys are never logged nor put into an error.
import Access
import Clocks
import DLMS
import MeterPort
import Meters
import SQL

public struct KeyRotator: Sendable {
    /// System milliseconds a meter is kept for; longer than its conversations may take.
    static let leaseMs: Int64 = 300_000
    static let retryMs: Int64 = 60_000

    let site: Site
    let org: Org
    let transport: any MeterTransport
    let vault: KeyVault
    let rules: CollectionRules
    let gates: MeterGates
    /// Tells those apart who work at the same time.
    let holder: String

    public init(
        site: Site, org: Org, transport: any MeterTransport, vault: KeyVault, rules: CollectionRules = .init(),
        gates: MeterGates = MeterGates(), holder: String
    ) {
        self.site = site
        self.org = org
        self.transport = transport
        self.vault = vault
        self.rules = rules
        self.gates = gates
        self.holder = holder
    }

    var scope: Scope { Scope(orgID: org.orgID) }

    /// How one meter's change ended this time.
    enum Ending: Sendable, Equatable { case proven, refused(String), later(String) }

    /// Works through what is due, a few meters at a time, at most `limit`. Returns (proven, not).
    public func run(
        limit: Int = 500, progress: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws -> (changed: Int, open: Int) {
        try await recoverCounters()
        return try await withThrowingTaskGroup(of: Bool?.self) { group in
            var (changed, open, begun) = (0, 0, 0)
            for _ in 0..<min(rules.parallel, limit) {
                group.addTask { try await one() }
                begun += 1
            }
            while let ended = try await group.next() {
                guard let ended else { continue }
                changed += ended ? 1 : 0
                open += ended ? 0 : 1
                await progress(changed)
                guard begun < limit else { continue }
                group.addTask { try await one() }
                begun += 1
            }
            return (changed, open)
        }
    }

    /// Takes one meter that is due; nil when there is none.
    private func one() async throws -> Bool? {
        try Task.checkCancellation()
        let nowMs = site.clocks.systemNowMs()
        let worker = "\(holder)/\(site.ids.next())"
        let change = try await site.money.write { [scope] in
            try MeterKeyChange.claim(holder: worker, nowMs: nowMs, leaseMs: Self.leaseMs, scope, in: $0)
        }
        guard let change else { return nil }
        let ending = try await gates.alone(with: change.meterID) { try await work(change, worker) }
        let businessMs = site.clocks.businessNowMs()
        let endMs = site.clocks.systemNowMs()
        switch ending {
        case .proven:
            return try await site.money.write { [scope] in
                try MeterKeyChange.settle(
                    meterID: change.meterID, holder: worker, atMs: businessMs, scope, in: $0)
            }
        case .refused(let error):
            try await site.money.write { [scope] in
                try MeterKeyChange.dropNext(
                    meterID: change.meterID, holder: worker, error: error, scope, in: $0)
            }
        case .later(let error):
            let pauseMs = Self.retryMs << min(change.attempt, 6)
            try await site.money.write { [scope] in
                try MeterKeyChange.failed(
                    meterID: change.meterID, holder: worker, error: error, nextAtMs: endMs + pauseMs, scope, in: $0)
            }
        }
        return false
    }

    private func work(_ change: MeterKeyChange, _ worker: String) async throws -> Ending {
        let meter = try await site.money.read { [scope] in try Meter.find(change.meterID, scope, in: $0) }
        let keys: MeterKeys
        do {
            guard let sealed = meter.sealedKeys else { return .refused("the meter has no keys to change") }
            keys = try vault.open(sealed, meterID: meter.meterID)
        } catch {
            return .later("the stored keys do not open")
        }
        guard keys.encryptionKey != nil, let master = keys.masterKey else {
            return .refused("the meter has no master key here, and without it no new keys can be sent")
        }
        guard meter.isCalled else { return .refused("the meter has no address") }
        // After a break the meter may have the new keys already.
        if change.state == .sent, let next = change.sealedNext, await opens(meter, next) == .yes { return .proven }
        let next: (sealed: [UInt8], keys: MeterKeys)
        if change.state == .sent, let sealed = change.sealedNext {
            guard let opened = try? vault.open(sealed, meterID: meter.meterID) else {
                return .later("the new keys do not open")
            }
            next = (sealed, opened)
        } else {
            var fresh = keys
            fresh.encryptionKey = Secret.bytes(16)
            fresh.authenticationKey = Secret.bytes(16)
            let sealed = try vault.seal(fresh, meterID: meter.meterID)
            let isKept = try await site.money.write { [scope] in
                try MeterKeyChange.keepNext(sealed, meterID: meter.meterID, holder: worker, scope, in: $0)
            }
            guard isKept else { return .later("somebody else works at it") }
            next = (sealed, fresh)
        }
        return try await send(next.keys, sealed: next.sealed, master: master, to: meter)
    }

    /// Sends the new keys under the old ones, and asks the meter which it has.
    private func send(
        _ keys: MeterKeys, sealed: [UInt8], master: [UInt8], to meter: Meter
    ) async throws -> Ending {
        guard let encryption = keys.encryptionKey, let authentication = keys.authenticationKey else {
            return .refused("no new keys")
        }
        let transfer = MeterKeyTransfer(
            encryptionKey: encryption, authenticationKey: authentication, masterKey: master)
        let said = SaidNo()
        do {
            let endpoint = try await door.endpoint(of: meter)
            try await transport.converse(with: endpoint) { conversation in
                do {
                    try await conversation.changeKeys(transfer)
                } catch let error as MeterError
                    where [.accessDenied, .objectUndefined, .other].contains(error.code)
                {
                    await said.note(error.description)
                    throw error
                }
            }
        } catch let error as MeterError {
            try Task.checkCancellation()
            // An answer that says no is clear; anything else leaves open whether the keys arrived.
            if let words = await said.words {
                return await opens(meter, sealed) == .yes ? .proven : .refused(words)
            }
            guard await opens(meter, sealed) == .yes else { return .later(error.description) }
            return .proven
        }
        switch await opens(meter, sealed) {
        case .yes: return .proven
        case .no: return .later("the meter said yes to the new keys and does not open under them")
        case .unknown(let error): return .later(error)
        }
    }

    private var door: MeterDoor { MeterDoor(site: site, org: org, vault: vault, timeoutMs: rules.timeoutMs) }

    enum Answer: Equatable { case yes, no, unknown(String) }

    /// Whether the meter opens under these keys: it proves that it has them by a ciphered answer.
    private func opens(_ meter: Meter, _ sealed: [UInt8]) async -> Answer {
        var meter = meter
        meter.sealedKeys = sealed
        do {
            let endpoint = try await door.endpoint(of: meter)
            _ = try await transport.converse(with: endpoint) { try await $0.clockS() }
            return .yes
        } catch let error as MeterError {
            let isClear: [MeterError.Code] = [.security, .associationRefused, .accessDenied]
            return isClear.contains(error.code) ? .no : .unknown(error.description)
        } catch {
            return .unknown("it was not asked")
        }
    }
}

/// What the meter answered when it refused; nil while it has not.
private actor SaidNo {
    private(set) var words: String?
    func note(_ text: String) { words = text }
}
