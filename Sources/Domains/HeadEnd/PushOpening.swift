// From a frame to a message of a known meter: the envelope, the sender, its keys. Changes nothing; what cannot be taken
// comes out with the reason.
import Access
import Cryptography
import DLMS
import IS15959
import MeterPort
import Meters

/// The outside of a pushed APDU.
enum PushEnvelope: Sendable {
    /// general-glo with the sender's title.
    case sealed(CipheredAPDU, title: [UInt8])
    case plain(PushMessage)
    case unreadable

    init(_ apdu: [UInt8]) {
        self = .unreadable
        switch apdu.first {
        case 0xDB:
            guard case .ciphered(let sealed)? = try? APDU(bytes: apdu),
                case .generalGlobal(let title) = sealed.form, title.count == 8
            else { return }
            self = .sealed(sealed, title: title)
        case 0x0F, 0xC2:
            if let message = try? PushMessage(apdu: apdu) { self = .plain(message) }
        default: return
        }
    }

    /// Names the device may be entered under: as it says, and without the three letters of the maker in front.
    static func serials(_ deviceID: String) -> [String] {
        deviceID.utf8.count > 3 ? [deviceID, String(deviceID.dropFirst(3))] : [deviceID]
    }
}

/// A push that opened.
struct OpenedPush: Sendable {
    var index: Int
    var orgID: Int64
    var meterID: Int64
    /// Nil for a push without security.
    var sealed: (keyNumber: Int64, counter: UInt32, keys: MeterKeys)?
    var message: PushMessage
    /// A title nobody knew, proven by the keys.
    var newTitle: [UInt8]?

    var sender: SenderState.Key { SenderState.Key(orgID: orgID, meterID: meterID) }
}

/// A push that is kept aside.
struct RefusedPush: Sendable {
    var index: Int
    /// 0 when it cannot be said whose it is.
    var orgID: Int64
    var meterID: Int64?
    var reason: AsideReason
    var sender: String
}

/// Opens the pushes of one batch with what the database says of the meters concerned.
struct PushOpener {
    let senders: PushSenders
    /// Changes of keys by company and meter.
    let changes: [SenderState.Key: MeterKeyChange]
    /// What each company says of pushes without security.
    let unsecured: [Int64: UnsecuredPushes]
    let vault: KeyVault
    private var keysOf: [SenderState.Key: [(number: Int64, keys: MeterKeys)]] = [:]

    init(
        senders: PushSenders, changes: [SenderState.Key: MeterKeyChange], unsecured: [Int64: UnsecuredPushes],
        vault: KeyVault
    ) {
        self.senders = senders
        self.changes = changes
        self.unsecured = unsecured
        self.vault = vault
    }

    /// The only company, where there is one: what nobody knows is shown there.
    private var onlyOrg: Int64 { unsecured.count == 1 ? unsecured.keys.first ?? 0 : 0 }

    mutating func open(_ envelope: PushEnvelope, _ frame: PushedFrame, index: Int) -> Result<OpenedPush, Aside> {
        switch envelope {
        case .unreadable:
            .failure(Aside(RefusedPush(index: index, orgID: onlyOrg, reason: .unreadable, sender: "")))
        case .sealed(let sealed, let title): open(sealed, title: title, frame, index)
        case .plain(let message): admit(message, frame, index)
        }
    }

    struct Aside: Error {
        let push: RefusedPush
        init(_ push: RefusedPush) { self.push = push }
    }

    private mutating func open(
        _ sealed: CipheredAPDU, title: [UInt8], _ frame: PushedFrame, _ index: Int
    ) -> Result<OpenedPush, Aside> {
        let name = Secret.hex(title)
        let known = senders.byTitle[name]
        let candidates = known ?? Array((senders.byHost[frame.remote] ?? []).prefix(PushSenders.candidatesMax))
        func aside(_ reason: AsideReason, _ sender: PushSender?) -> Result<OpenedPush, Aside> {
            .failure(
                Aside(
                    RefusedPush(
                        index: index, orgID: sender?.orgID ?? onlyOrg, meterID: sender?.meterID, reason: reason,
                        sender: name)))
        }
        // A push that is not both encrypted and authenticated is not secured.
        guard sealed.control.isAuthenticated, sealed.control.isEncrypted else {
            return aside(.unsecured, known?.first)
        }
        for candidate in candidates {
            for (number, keys) in keys(of: candidate) {
                guard let encryption = keys.encryptionKey, let authentication = keys.authenticationKey,
                    let plain = try? sealed.open(
                        title: title, keys: SecurityKeys(encryption: encryption, authentication: authentication))
                else { continue }
                guard let message = try? PushMessage(apdu: plain) else { return aside(.unreadable, candidate) }
                return .success(
                    OpenedPush(
                        index: index, orgID: candidate.orgID, meterID: candidate.meterID,
                        sealed: (number, sealed.counter, keys), message: message,
                        newTitle: known == nil ? title : nil))
            }
        }
        return known == nil ? aside(.unknownSender, nil) : aside(.wrongKey, known?.first)
    }

    /// The keys in use, and those on their way to the meter.
    private mutating func keys(of sender: PushSender) -> [(number: Int64, keys: MeterKeys)] {
        let key = SenderState.Key(orgID: sender.orgID, meterID: sender.meterID)
        if let known = keysOf[key] { return known }
        let change = changes[key]
        let number = change?.keyNumber ?? 0
        let found = [(number, sender.sealedKeys), (number + 1, change?.sealedNext)].compactMap { number, sealed in
            sealed.flatMap { try? vault.open($0, meterID: sender.meterID) }.map { (number: number, keys: $0) }
        }
        keysOf[key] = found
        return found
    }

    /// A push without security: only from a meter that has no keys, and as the company allows.
    private mutating func admit(_ message: PushMessage, _ frame: PushedFrame, _ index: Int) -> Result<
        OpenedPush, Aside
    > {
        let names = message.deviceID.map(PushEnvelope.serials) ?? []
        let found =
            names.isEmpty
            ? senders.byHost[frame.remote] ?? [] : names.compactMap { [senders] in senders.bySerial[$0] }.first ?? []
        func aside(_ reason: AsideReason, _ sender: PushSender?) -> Result<OpenedPush, Aside> {
            .failure(
                Aside(
                    RefusedPush(
                        index: index, orgID: sender?.orgID ?? onlyOrg, meterID: sender?.meterID, reason: reason,
                        sender: message.deviceID ?? "")))
        }
        guard found.count == 1, let sender = found.first else { return aside(.unknownSender, nil) }
        let hasKeys = keys(of: sender).contains { $0.keys.encryptionKey != nil }
        // Keys that do not open here are keys all the same.
        guard !hasKeys, sender.sealedKeys == nil || !keys(of: sender).isEmpty else { return aside(.unsecured, sender) }
        switch unsecured[sender.orgID] ?? .none {
        case .none: return aside(.unsecured, sender)
        case .knownAddress where frame.remote != sender.host: return aside(.otherAddress, sender)
        case .knownAddress, .any:
            return .success(
                OpenedPush(index: index, orgID: sender.orgID, meterID: sender.meterID, message: message))
        }
    }
}

/// Which pushes without security a company takes, of meters that have no keys.
public enum UnsecuredPushes: String, Sendable, CaseIterable {
    case none
    /// Only from the address the meter is called at.
    case knownAddress = "known-address"
    case any

    /// The dated setting.
    public static let setting = SettingKind.choice(
        "events.unsecured-push", allCases.map(\.rawValue), initial: UnsecuredPushes.knownAddress.rawValue,
        hint: """
            Which pushed events without security are taken, of meters that have no keys; a meter with keys must always \
            use them. known-address: only from the address the meter is called at.
            """)
}
