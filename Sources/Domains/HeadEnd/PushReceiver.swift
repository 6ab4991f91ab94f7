// Takes what meters push: a batch of frames becomes one transaction with all its events, counters and refusals, and
// only then confirmations go out. Knows no socket and decides nothing about supply.
import Access
import CivilTime
import Clocks
import DLMS
import IS15959
import MeterPort
import Meters
import SQL

public struct PushReceiver: Sendable {
    /// Frames taken in one transaction at most.
    public static let batchMax = 500

    let site: Site
    let orgs: @Sendable () -> [Org]
    let vault: KeyVault

    /// - Parameter orgs: the companies served now.
    public init(site: Site, vault: KeyVault, orgs: @escaping @Sendable () -> [Org]) {
        self.site = site
        self.vault = vault
        self.orgs = orgs
    }

    /// What became of a batch.
    public struct Taken: Sendable, Equatable {
        public var pushes = 0
        /// Events that were not known before.
        public var events = 0
        public var aside: [AsideReason: Int] = [:]
        /// What to send back, by the frame's place in the batch.
        public var answers: [Int: [UInt8]] = [:]
    }

    /// Takes a batch: all of it or nothing. May be given again after an error.
    /// - Throws: what the database throws. A bad push is never an error.
    public func take(_ frames: [PushedFrame]) async throws -> Taken {
        let orgs = orgs()
        let nowMs = site.clocks.businessNowMs()
        let envelopes = frames.map { PushEnvelope($0.apdu) }
        var opener = try await opener(frames, envelopes, orgs, nowMs: nowMs)
        var opened: [OpenedPush] = []
        var refused: [RefusedPush] = []
        for (index, envelope) in envelopes.enumerated() {
            switch opener.open(envelope, frames[index], index: index) {
            case .success(let push): opened.append(push)
            case .failure(let aside): refused.append(aside.push)
            }
            // Deciphering is work: others get their turn in between.
            if index % 64 == 63 { await Task.yield() }
        }
        let zones = Dictionary(uniqueKeysWithValues: orgs.map { ($0.orgID, $0.zone) })
        let batch = PushBatch(
            frames: frames, opened: opened, refused: refused, zones: zones, nowMs: nowMs, ids: site.ids)
        let stored = try await site.money.write { try batch.store(in: $0) }
        var taken = Taken(pushes: frames.count, events: stored.events, aside: stored.aside)
        for answer in stored.answers {
            let push = opened[answer.opened]
            guard let confirmation = push.message.confirmation else { continue }
            guard let sealed = push.sealed else {
                taken.answers[push.index] = confirmation
                continue
            }
            guard let counter = answer.counter else { continue }
            taken.answers[push.index] = Self.seal(confirmation, counter, sealed.keys)
        }
        return taken
    }

    private func opener(
        _ frames: [PushedFrame], _ envelopes: [PushEnvelope], _ orgs: [Org], nowMs: Int64
    ) async throws -> PushOpener {
        var titles: Set<String> = []
        var serials: Set<String> = []
        var hosts: [String: Set<String>] = [:]
        for (envelope, frame) in zip(envelopes, frames) {
            switch envelope {
            case .sealed(_, let title):
                titles.insert(Secret.hex(title))
                hosts[Secret.hex(title), default: []].insert(frame.remote)
            case .plain(let message):
                serials.formUnion(message.deviceID.map(PushEnvelope.serials) ?? [])
                if message.deviceID == nil { hosts["", default: []].insert(frame.remote) }
            case .unreadable: continue
            }
        }
        let (named, deviceNames, addresses) = (titles, serials, hosts)
        return try await site.money.read { [vault] transaction in
            let senders = try PushSenders.find(
                titles: named, serials: deviceNames, hosts: addresses, orgIDs: orgs.map(\.orgID), in: transaction)
            var changes: [SenderState.Key: MeterKeyChange] = [:]
            var unsecured: [Int64: UnsecuredPushes] = [:]
            for org in orgs {
                let scope = Scope(orgID: org.orgID)
                for (meterID, change) in try MeterKeyChange.of(
                    senders.meterIDs(orgID: org.orgID), scope, in: transaction)
                {
                    changes[SenderState.Key(orgID: org.orgID, meterID: meterID)] = change
                }
                let text = try SettingRegistry([UnsecuredPushes.setting]).value(
                    UnsecuredPushes.setting.name, on: org.zone.day(atS: nowMs / 1000), scope, in: transaction)
                unsecured[org.orgID] = UnsecuredPushes(rawValue: text) ?? UnsecuredPushes.none
            }
            return PushOpener(senders: senders, changes: changes, unsecured: unsecured, vault: vault)
        }
    }

    /// Nil when the keys cannot seal: then nothing is answered, and the meter sends again.
    private static func seal(_ apdu: [UInt8], _ counter: UInt32, _ keys: MeterKeys) -> [UInt8]? {
        guard let encryption = keys.encryptionKey, let authentication = keys.authenticationKey else { return nil }
        let sealed = try? CipheredAPDU.seal(
            apdu, form: .generalGlobal(systemTitle: keys.clientSystemTitle), counter: counter,
            title: keys.clientSystemTitle, keys: SecurityKeys(encryption: encryption, authentication: authentication))
        return sealed.map { APDU.ciphered($0).bytes }
    }
}

/// The part of a batch that is one transaction. May run more than once.
struct PushBatch: Sendable {
    let frames: [PushedFrame]
    let opened: [OpenedPush]
    let refused: [RefusedPush]
    let zones: [Int64: Zone]
    let nowMs: Int64
    let ids: IDGenerator

    struct Stored: Sendable {
        var events = 0
        var aside: [AsideReason: Int] = [:]
        /// Places in `opened`, and the counter for a sealed answer.
        var answers: [(opened: Int, counter: UInt32?)] = []
    }

    func store(in transaction: any SQLTransaction) throws -> Stored {
        var states = try SenderState.load(Set(opened.map(\.sender)), in: transaction)
        var stored = Stored()
        var aside = refused
        var events: [Int64: [NewEvent]] = [:]
        var moves: [Int64: [(meterID: Int64, code: Int, fromMs: Int64, toMs: Int64)]] = [:]
        for (place, push) in opened.enumerated() {
            var state = states[push.sender] ?? SenderState()
            guard state.admits(push) else {
                aside.append(push.refused(.replayed))
                continue
            }
            let found = read(push, &state)
            states[push.sender] = state
            if found.events.isEmpty && push.message.statusWord == nil {
                aside.append(push.refused(.nothingToTell))
                continue
            }
            events[push.orgID, default: []] += found.events
            moves[push.orgID, default: []] += found.moves
            if push.message.confirmation != nil { stored.answers.append((place, nil)) }
        }
        for (orgID, found) in events.sorted(by: { $0.key < $1.key }) {
            let scope = Scope(orgID: orgID)
            try EventStream.move(moves[orgID] ?? [], scope, in: transaction)
            stored.events += try EventStream.record(found, ids: ids, scope, in: transaction)
        }
        try SenderState.store(states, atMs: nowMs, in: transaction)
        for push in opened {
            guard let title = push.newTitle else { continue }
            try MeterTitles.learn(
                title, meterID: push.meterID, atMs: nowMs, Scope(orgID: push.orgID), in: transaction)
        }
        try keep(aside, in: transaction)
        for push in aside { stored.aside[push.reason, default: 0] += 1 }
        try takeCounters(&stored, in: transaction)
        return stored
    }

    /// What one push says, at the meter's own time.
    private func read(_ push: OpenedPush, _ state: inout SenderState) -> (
        events: [NewEvent], moves: [(meterID: Int64, code: Int, fromMs: Int64, toMs: Int64)]
    ) {
        let ownMs = push.message.atS(zone: zones[push.orgID] ?? .india).map { $0 * 1000 }
        let atMs = ownMs ?? nowMs
        var codes = push.message.codes
        var moves: [(meterID: Int64, code: Int, fromMs: Int64, toMs: Int64)] = []
        if let word = push.message.statusWord {
            // A word of an impossible time would be the latest for ever.
            let isPossible = abs(atMs - nowMs) <= EventStream.pastMs && atMs <= nowMs + EventStream.futureMs
            let placeMs = isPossible ? atMs : nowMs
            let news = state.words.place(word, atMs: placeMs)
            codes += news.codes.filter { !codes.contains($0) }
            moves = news.earlier.map { (push.meterID, $0.code, $0.fromMs, placeMs) }
        }
        let events = codes.map { code in
            NewEvent(
                meterID: push.meterID, code: code, meterAtMs: atMs, receivedAtMs: nowMs, isPushed: true,
                isDatedHere: ownMs == nil)
        }
        return (events, moves)
    }

    private func keep(_ aside: [RefusedPush], in transaction: any SQLTransaction) throws {
        for (orgID, group) in Dictionary(grouping: aside, by: \.orgID).sorted(by: { $0.key < $1.key }) {
            try AsidePush.keep(
                group.sorted { $0.index < $1.index }.map { push in
                    let frame = frames[push.index]
                    return (push.reason, push.meterID, push.sender, frame.remote, frame.apdu)
                }, atMs: nowMs, ids: ids, Scope(orgID: orgID), in: transaction)
        }
    }

    /// A sealed answer uses up a counter of the same sequence as every request to that meter.
    private func takeCounters(_ stored: inout Stored, in transaction: any SQLTransaction) throws {
        for index in stored.answers.indices where opened[stored.answers[index].opened].sealed != nil {
            let push = opened[stored.answers[index].opened]
            stored.answers[index].counter = try InvocationCounters.take(
                1, meterID: push.meterID, Scope(orgID: push.orgID), in: transaction)
        }
    }
}

extension SenderState {
    /// Takes the counter of a push; false when it was taken before, or belongs to keys that were replaced.
    mutating func admits(_ push: OpenedPush) -> Bool {
        guard let sealed = push.sealed else { return true }
        guard sealed.keyNumber >= keyNumber else { return false }
        if sealed.keyNumber > keyNumber {
            keyNumber = sealed.keyNumber
            window = ReplayWindow()
        }
        return window.take(sealed.counter)
    }
}

extension OpenedPush {
    fileprivate func refused(_ reason: AsideReason) -> RefusedPush {
        RefusedPush(
            index: index, orgID: orgID, meterID: meterID, reason: reason, sender: message.deviceID ?? "")
    }
}
