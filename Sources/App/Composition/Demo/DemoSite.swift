// Creates the demo retailer once and finds it again on the next start. Everything goes through the commands and
// functions
// an operator's own data would go through.
import API
import Access
import Accounts
import CivilTime
import Clocks
import Foundation
import Grid
import MeterFleet
import MeterPort
import Meters
import Packs
import Payments
import SQL
import Supply
import Tariffs

/// A sign-in of the demo, shown to whoever starts it.
public struct DemoSignIn: Sendable, Codable, Equatable {
    public var role: String
    public var username: String
    public var password: String
}

/// What the demo keeps in `demo.json`: where business time stands and the sign-ins it made.
public struct DemoState: Sendable, Codable, Equatable {
    public var firstDay: String
    public var businessMs: Int64
    public var signIns: [DemoSignIn]

    static func path(_ folder: String) -> String { folder + "/demo.json" }

    static func load(folder: String) throws -> DemoState? {
        guard let data = FileManager.default.contents(atPath: path(folder)) else { return nil }
        do {
            return try JSONDecoder().decode(DemoState.self, from: data)
        } catch {
            throw Refusal(
                .invalid, "\(path(folder)) cannot be read.", hint: "Delete the folder \(folder) to begin the demo anew."
            )
        }
    }

    /// Written beside and moved over, so that a kill leaves the old one or the new one.
    func save(folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        let path = Self.path(folder)
        let made = FileManager.default.createFile(
            atPath: path + ".new", contents: try encoder.encode(self), attributes: [.posixPermissions: 0o600])
        guard made, rename(path + ".new", path) == 0 else {
            throw Refusal(.unavailable, "\(path) cannot be written.", hint: "Check the folder's owner and free space.")
        }
    }
}

struct DemoSite: Sendable {
    let open: OpenSite
    let first: CivilDay
    var scope: Scope { Scope(orgID: DemoPlan.org.orgID) }
    var actor: Actor { .system(orgID: DemoPlan.org.orgID) }

    /// Keys of the simulated fleet, made at random once and kept sealed with the meters; the fleet reads them from
    /// there.
    static func secrets() -> MeterSecrets {
        MeterSecrets(
            lls: Secret.bytes(8), hls: Secret.bytes(16), encryptionKey: Secret.bytes(16),
            authenticationKey: Secret.bytes(16))
    }

    /// Starts the fleet with the keys its meters have, new ones on the first start, and enters the ports.
    func startFleet() async throws -> MeterFleet {
        var secrets: [MeterSecrets] = []
        for household in DemoPlan.households {
            let known = try await open.site.money.read { [scope] in
                try Meter.find(serial: household.serial, scope, in: $0)
            }
            guard let sealed = known?.sealedKeys else {
                secrets.append(Self.secrets())
                continue
            }
            let keys = try open.vault.open(sealed, meterID: household.meterID)
            secrets.append(
                MeterSecrets(
                    lls: Array(keys.secret.prefix(8)), hls: keys.secret, encryptionKey: keys.encryptionKey ?? [],
                    authenticationKey: keys.authenticationKey ?? []))
        }
        let meters = try zip(DemoPlan.households, secrets).map { household, secrets in
            try VirtualMeter(
                DemoPlan.meter(household, first: first, secrets: secrets), clocks: open.site.clocks,
                stateFolder: open.folder + "/fleet")
        }
        let fleet = try await MeterFleet.start(meters)
        try await enter(fleet, secrets)
        return fleet
    }

    /// Retailer, places, packs, accounts and meters; a second time only the meters' ports change.
    private func enter(_ fleet: MeterFleet, _ secrets: [MeterSecrets]) async throws {
        let from = first.advanced(by: -DemoPlan.historyDays)
        let sealed = try zip(DemoPlan.households, secrets).map { household, secrets in
            try open.vault.seal(
                MeterKeys(
                    secret: secrets.hls, encryptionKey: secrets.encryptionKey,
                    authenticationKey: secrets.authenticationKey, clientSystemTitle: Array("BUSBAR01".utf8)),
                meterID: household.meterID)
        }
        let atMs = open.site.clocks.businessNowMs()
        try await open.site.money.write { [scope] transaction in
            try DemoPlan.org.create(in: transaction)
            for place in DemoPlan.places {
                try Place(
                    placeID: place.id, parentID: place.parent, kind: PlaceKind(rawValue: place.kind) ?? .feeder,
                    name: place.name
                ).create(scope, in: transaction)
            }
            try Setting.set(Recharge.portalSetting, "demo", from: from, scope, in: transaction)
            for text in DemoTariffs.all { try Packs.store(tariff: text, scope, in: transaction) }
            try Packs.store(DemoPlan.addOn, from: from, scope, in: transaction)
            if try Setting.value(Supply.ruleSetting, on: first, scope, in: transaction) == nil {
                try Setting.set(Supply.ruleSetting, DemoPlan.rules.json(), from: from, scope, in: transaction)
            }
            for (index, household) in DemoPlan.households.enumerated() {
                try SupplyAccount(
                    accountID: household.accountID, accountNumber: household.accountNumber, name: household.name,
                    category: household.category, placeID: household.placeID, sanctionedW: household.sanctionedW,
                    language: household.language, openedDay: from
                ).create(scope, in: transaction)
                try Meter(
                    meterID: household.meterID, serial: household.serial, host: fleet.host(index),
                    port: Int64(fleet.port), clientAddress: Int64(MeterClient.utility),
                    authentication: MeterAuthentication.hls2.rawValue, sealedKeys: sealed[index], capturePeriodS: 1_800
                ).create(scope, atMs: atMs, in: transaction)
                try Installation(meterID: household.meterID, accountID: household.accountID, fromDay: from)
                    .create(scope, in: transaction)
                try subscribe(household, from: from, in: transaction)
            }
        }
        for (household, meter) in zip(DemoPlan.households, fleet.meters) {
            let paise = try DemoPlan.openingPaise(household, load: meter.configuration.load, first: first)
            _ = try await open.site.perform(
                Recharge(
                    accountID: household.accountID, amountPaise: paise, method: .opening,
                    reference: "opening-\(household.accountID)"), as: actor, source: "demo")
        }
    }

    private func subscribe(_ household: DemoHousehold, from: CivilDay, in transaction: any SQLTransaction) throws {
        try Subscription(
            subscriptionID: household.accountID * 10, accountID: household.accountID, packID: household.packID,
            kind: .base, fromDay: from
        ).create(scope, in: transaction)
        guard household.hasAddOn else { return }
        try Subscription(
            subscriptionID: household.accountID * 10 + 1, accountID: household.accountID, packID: DemoPlan.addOn.id,
            kind: .addOn, fromDay: from
        ).create(scope, in: transaction)
    }

    /// A sign-in for each role and for the counter; passwords are made up and kept in the demo's own file,
    /// readable by its owner only.
    func addSignIns(hasher: PasswordHasher) async throws -> [DemoSignIn] {
        let logins = [
            NewLogin(username: "admin", name: "A. Iyer", role: .administrator),
            NewLogin(username: "operator", name: "A. Khan", role: .operator, placeID: 11),
            // The counter that the demo itself works: whatever visitors do to theirs, it goes on.
            NewLogin(username: DemoPlan.counter, name: "Counter", role: .operator, placeID: 11),
            NewLogin(username: "sunita", name: "Sunita Devi", role: .consumer, accountID: 1_001),
        ]
        var made: [DemoSignIn] = []
        for login in logins {
            // A demo that was killed before it wrote down its sign-ins has the login already: a new password then.
            let known = try await open.logins(DemoPlan.org).first { $0.username == login.username }
            let password: String?
            if let known {
                let command = try await SetPassword(loginID: known.loginID, password: nil, hasher: hasher)
                _ = try await open.site.perform(command, as: actor, source: "demo")
                password = command.generatedPassword
            } else {
                let command = try await AddLogin(login, password: nil, hasher: hasher)
                _ = try await open.site.perform(command, as: actor, source: "demo")
                password = command.generatedPassword
            }
            made.append(
                DemoSignIn(role: login.role.rawValue, username: login.username, password: password ?? ""))
        }
        return made
    }
}
