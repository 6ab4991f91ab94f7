// `busbar meter`: a meter on the network with the account it serves, entered in one go, and the list of what is there.
import API
import Access
import Accounts
import Aggregation
import CivilTime
import Clocks
import Grid
import IS15959
import MeterPort
import Meters
import Packs
import SQL
import Tariffs

public struct NewMeterOptions: Sendable {
    public var serial: String
    public var host: String
    public var port: Int
    /// `none`, `lls`, `hls-2` or `hls-gmac`.
    public var authentication: String
    public var client: UInt16?
    public var secret: SecretSource
    public var encryptionKey: SecretSource
    public var authenticationKey: SecretSource
    /// The key that wraps new ones (KEK); without it keys cannot be changed from here.
    public var masterKey: SecretSource
    public var periodS: Int64
    /// A kind of meter: one of the program's, of a maker's file, or `auto`.
    public var profileName: String
    public var accountNumber: String
    public var consumerName: String
    public var category: String
    /// Rate file (JSON): the packs the account holds and its sanctioned load.
    public var packFile: String
    /// First civil day the meter serves the account; today when nil.
    public var fromDay: String?
    /// Where it hangs, a feeder or below as a rule; the company's first place when nil.
    public var placeID: Int64?

    public init(
        serial: String, host: String, port: Int, authentication: String, client: UInt16? = nil, secret: SecretSource,
        encryptionKey: SecretSource, authenticationKey: SecretSource, masterKey: SecretSource = SecretSource(file: nil),
        periodS: Int64 = 1_800, profileName: String = ProfileBook.auto, accountNumber: String,
        consumerName: String, category: String = "domestic", packFile: String, fromDay: String? = nil,
        placeID: Int64? = nil
    ) {
        self.serial = serial
        self.host = host
        self.port = port
        self.authentication = authentication
        self.client = client
        self.secret = secret
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
        self.masterKey = masterKey
        self.periodS = periodS
        self.profileName = profileName
        self.accountNumber = accountNumber
        self.consumerName = consumerName
        self.category = category
        self.packFile = packFile
        self.fromDay = fromDay
        self.placeID = placeID
    }
}

/// Enters a meter and its account; the line reads it from the next run on.
public func addMeter(
    _ site: SiteOptions, orgID: Int64?, _ options: NewMeterOptions, _ console: Console
) async throws -> CommandStatus {
    guard let authentication = MeterAuthentication(rawValue: options.authentication) else {
        let known = MeterAuthentication.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint("--auth \(options.authentication): not known", hint: "Give one of \(known).", .usage)
    }
    guard (1...65_535).contains(options.port), (1...255).contains(options.host.utf8.count),
        options.host.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
        throw Complaint("--host and --port name no address", hint: "Give a name or address and a port.", .usage)
    }
    guard [900, 1_800, 3_600].contains(options.periodS) else {
        throw Complaint("--period \(options.periodS): not a capture period", hint: "Give 900, 1800 or 3600.", .usage)
    }
    let day = try options.fromDay.map { text -> CivilDay in
        guard let day = CivilDay(text) else {
            throw Complaint("--from \(text): no day", hint: "Write it as 2026-03-01.", .usage)
        }
        return day
    }
    let packs = try readPacks(options.packFile)
    let keys = MeterKeys(
        secret: try options.secret.octets("--secret-file") ?? [],
        encryptionKey: try options.encryptionKey.key("--ek-file"),
        authenticationKey: try options.authenticationKey.key("--ak-file"), clientSystemTitle: Array("BUSBAR01".utf8),
        masterKey: try options.masterKey.key("--kek-file"))
    guard (keys.encryptionKey == nil) == (keys.authenticationKey == nil) else {
        throw Complaint("--ek-file and --ak-file go together", hint: "Give both, or neither.", .usage)
    }
    guard authentication != .hlsGMAC || keys.encryptionKey != nil else {
        throw Complaint("--auth hls-gmac needs keys", hint: "Give --ek-file and --ak-file.", .usage)
    }
    guard authentication == .none || authentication == .hlsGMAC || !keys.secret.isEmpty else {
        throw Complaint("--auth \(authentication.rawValue) needs a secret", hint: "Give --secret-file.", .usage)
    }
    let usual: [MeterAuthentication: UInt16] = [.none: 16, .lls: 32, .hls2: 48, .hlsGMAC: 49]
    return try await withSite(site) { open in
        let org = try await open.org(orgID)
        try knownProfile(options.profileName, in: try open.profiles())
        let meterID = open.site.ids.next()
        let meter = Meter(
            meterID: meterID, serial: options.serial, profileName: options.profileName, host: options.host,
            port: Int64(options.port), clientAddress: Int64(options.client ?? usual[authentication] ?? 16),
            authentication: authentication.rawValue, sealedKeys: try open.vault.seal(keys, meterID: meterID),
            capturePeriodS: options.periodS)
        let today = org.zone.day(atS: open.site.clocks.businessNowMs() / 1_000)
        let accountID = try await open.site.perform(
            InstallMeter(
                meter: meter, accountNumber: options.accountNumber, consumerName: options.consumerName,
                category: options.category, packs: packs, fromDay: day ?? today,
                placeID: options.placeID),
            as: .system(orgID: org.orgID), source: "cli")
        console.say("\(accountID)")
        console.note("Meter \(options.serial) serves account \(options.accountNumber); `busbar serve` reads it.")
        return .done
    }
}

struct InstallMeter: Command {
    static let name = "meters.install"
    static let permissions: [Permission] = [.runJobs]

    var meter: Meter
    var accountNumber: String
    var consumerName: String
    var category: String
    var packs: PackSet
    var fromDay: CivilDay
    var placeID: Int64?

    /// A serial and an account number exist once, so a second run is refused.
    var key: String? { nil }
    var subjectID: Int64 { meter.meterID }
    /// Without the person's name: audit rows hold no personal data.
    var content: String {
        "serial=\(meter.serial) account=\(accountNumber) base=\(packs.base.id)@\(packs.base.version) from=\(fromDay)"
    }

    /// The id of the new account.
    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        let scope = context.actor.scope
        for (text, what) in [
            (meter.serial, "serial"), (accountNumber, "account"), (consumerName, "name"), (category, "category"),
        ] {
            guard (1...80).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw Refusal(.invalid, "The text is empty, too long or holds control characters.", at: what)
            }
        }
        if try Meter.find(serial: meter.serial, scope, in: transaction) != nil {
            throw Refusal(.conflict, "A meter of this serial is entered already.", at: meter.serial)
        }
        if try SupplyAccount.find(number: accountNumber, scope, in: transaction) != nil {
            throw Refusal(.conflict, "An account of this number is entered already.", at: accountNumber)
        }
        let placeID: Int64
        if let wanted = self.placeID {
            placeID = try Place.find(wanted, scope, in: transaction).placeID
        } else if let known = try Place.all(scope, in: transaction).first {
            placeID = known.placeID
        } else {
            placeID = context.ids.next()
            try Place(placeID: placeID, parentID: nil, kind: .plant, name: "Plant").create(scope, in: transaction)
        }
        try Packs.store(packs.base, from: fromDay, scope, in: transaction)
        for addOn in packs.addOns { try Packs.store(addOn, from: fromDay, scope, in: transaction) }
        let accountID = context.ids.next()
        try SupplyAccount(
            accountID: accountID, accountNumber: accountNumber, name: consumerName, category: category,
            placeID: placeID,
            sanctionedW: packs.sanctionedW, language: "en", openedDay: fromDay
        ).create(scope, in: transaction)
        try meter.create(scope, atMs: context.businessNowMs, in: transaction)
        try Installation(meterID: meter.meterID, accountID: accountID, fromDay: fromDay).create(scope, in: transaction)
        for (packID, kind) in [(packs.base.id, PackKind.base)] + packs.addOns.map({ ($0.id, PackKind.addOn) }) {
            try Subscription(
                subscriptionID: context.ids.next(), accountID: accountID, packID: packID, kind: kind, fromDay: fromDay
            ).create(scope, in: transaction)
        }
        note(accountID, placeID, context)
        return accountID
    }

    private func note(_ accountID: Int64, _ placeID: Int64, _ context: CommandContext) {
        let account = AuditSubject.account(accountID)
        context.changed(account, "number", from: nil, to: accountNumber)
        context.changed(account, "name", from: nil, to: consumerName, isPersonal: true)
        context.changed(account, "category", from: nil, to: category)
        context.changed(account, "place", from: nil, to: String(placeID))
        context.changed(account, "sanctioned_w", from: nil, to: String(packs.sanctionedW))
        context.changed(account, "meter", from: nil, to: "\(meter.serial) from \(fromDay)")
        for pack in [packs.base.id] + packs.addOns.map(\.id) {
            context.changed(account, "pack \(pack)", from: nil, to: "from \(fromDay)")
        }
        let subject = AuditSubject.meter(meter.meterID)
        context.changed(subject, "serial", from: nil, to: meter.serial)
        context.changed(subject, "address", from: nil, to: "\(meter.host):\(meter.port)")
        context.changed(subject, "profile", from: nil, to: meter.profileName)
        context.changed(subject, "authentication", from: nil, to: meter.authentication)
        context.changed(subject, "capture_period_s", from: nil, to: String(meter.capturePeriodS))
        context.changed(subject, "account", from: nil, to: "\(accountNumber) from \(fromDay)")
        context.changed(subject, "keys", from: nil, to: meter.sealedKeys == nil ? nil : "sealed")
    }
}

/// Meters with their address and what their relay is.
public func listMeters(
    _ site: SiteOptions, orgID: Int64?, set: String? = nil, _ console: Console
) async throws -> CommandStatus {
    try await withSite(site) { open in
        let org = try await open.org(orgID)
        let scope = Scope(orgID: org.orgID)
        let meters: [Meter]
        if let set {
            meters = try await naming(["set": "--set"]) {
                try await MeterList.of(
                    open.site, query: "", standing: nil, set: try SetKey.read(set), after: "", limit: 10_000, scope
                ).part.items.map(\.listing.meter)
            }
        } else {
            meters = try await open.site.money.read {
                try Meter.page(after: "", prefix: "", limit: 10_000, scope, in: $0)
            }
        }
        let rows = try await open.site.money.read { transaction in
            try meters.map { meter in
                let relay = try RelayRecord.find(meter.meterID, scope, in: transaction)
                return [
                    meter.serial, meter.port == 0 ? "by file" : "\(meter.host):\(meter.port)", meter.authentication,
                    meter.profileName, relay?.actual ?? "unknown",
                ]
            }
        }
        for line in table([["serial", "address", "authentication", "profile", "relay"]] + rows) { console.say(line) }
        if rows.isEmpty { console.note(set == nil ? "No meter yet: `busbar meter add`." : "No meter of this set.") }
        return .done
    }
}
