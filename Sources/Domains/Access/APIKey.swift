// Keys for programs: made by an administrator, narrower than the maker, with an end, shown once; only SHA-256 is
// stored. A key signs in nowhere and manages neither logins nor keys.
import CivilTime
import Clocks
import Cryptography
import SQL

extension AccessSchema {
    static let apiKeys = Migration(
        26, .money, "api keys",
        [
            """
            CREATE TABLE api_key (org_id {id} NOT NULL, key_id {id} NOT NULL, name {text} NOT NULL,
              secret_hash {bytes} NOT NULL, role {text} NOT NULL, permissions {text} NOT NULL, place_id {id},
              login_id {id} NOT NULL, created_at_ms {int} NOT NULL, expires_at_ms {int} NOT NULL, last_used_day {int},
              revoked_at_ms {int}, PRIMARY KEY (org_id, key_id)) {table}
            """,
            "CREATE UNIQUE INDEX api_key_id ON api_key (key_id)",
        ])
}

extension Permission {
    /// What a key may be given: nothing about who may come in, nothing that takes a login or an account of one's own,
    /// and no second person's yes.
    public static let forKeys: Set<Permission> =
        Set(allCases).subtracting([
            .manageLogins, .manageOwnLogin, .readOwnAccount, .rechargeOwnAccount, .checkRequests, .subscribeOwnPacks,
        ])
}

/// A key as lists show it: never the secret.
public struct APIKeySummary: Sendable, Equatable, Codable {
    public var keyID: Int64
    public var name: String
    /// In order of their names.
    public var permissions: [Permission]
    /// The place the key is confined to; nil: the whole company.
    public var placeID: Int64?
    /// The login that made it; 0: the command line of the server.
    public var loginID: Int64
    public var createdAtMs: Int64
    /// System time from which it is refused.
    public var expiresAtMs: Int64
    /// The day of the company's zone on which it was last used.
    public var lastUsedDay: Int32?
    public var revokedAtMs: Int64?

    public init(
        keyID: Int64, name: String, permissions: [Permission], placeID: Int64?, loginID: Int64, createdAtMs: Int64,
        expiresAtMs: Int64, lastUsedDay: Int32? = nil, revokedAtMs: Int64? = nil
    ) {
        (self.keyID, self.name, self.permissions, self.placeID) = (keyID, name, permissions, placeID)
        (self.loginID, self.createdAtMs, self.expiresAtMs) = (loginID, createdAtMs, expiresAtMs)
        (self.lastUsedDay, self.revokedAtMs) = (lastUsedDay, revokedAtMs)
    }

    public enum State: String, Sendable, CaseIterable, Codable { case active, expired, revoked }
    public func state(nowMs: Int64) -> State {
        revokedAtMs != nil ? .revoked : expiresAtMs <= nowMs ? .expired : .active
    }
}

/// Makes a key. The secret is made here and leaves by ``token(_:)`` once.
public struct AddAPIKey: Command {
    public static let name = "access.add-key"
    public static let permissions: [Permission] = [.manageLogins]
    /// Keys of a company that are neither over nor revoked.
    public static let activeMax = 200
    /// A key ends at the latest after so many days.
    public static let daysMax = 731

    public let keyName: String
    public let granted: [Permission]
    public let placeID: Int64?
    public let until: CivilDay
    private let secret = Secret.bytes(32)

    /// - Parameters:
    ///   - placeID: nil: the whole company. The caller has proven that it is there.
    ///   - until: the last day on which the key works, in the company's zone.
    /// - Throws: ``Refusal`` for a name or permissions that cannot be.
    public init(name: String, permissions: [Permission], placeID: Int64?, until: CivilDay) throws {
        guard (1...80).contains(name.count),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw Refusal(.invalid, "The name must have 1 to 80 characters on one line.", at: "name")
        }
        granted = Set(permissions).sorted { $0.rawValue < $1.rawValue }
        guard !granted.isEmpty else {
            throw Refusal(
                .invalid, "A key needs a permission.", hint: "Known: \(Self.known).", at: "permissions")
        }
        if let stranger = granted.first(where: { !Permission.forKeys.contains($0) }) {
            throw Refusal(
                .invalid, "A key cannot hold \(stranger.rawValue).", hint: "Known: \(Self.known).", at: "permissions")
        }
        keyName = name
        self.placeID = placeID
        self.until = until
    }

    private static var known: String { Permission.forKeys.map(\.rawValue).sorted().joined(separator: ", ") }

    /// What the caller presents: `Authorization: Bearer bbk_…`. To be shown once.
    public func token(_ made: APIKeySummary) -> String { "\(APIKeys.prefix)\(made.keyID)_\(Secret.hex(secret))" }

    /// A name is active once, so a second run is refused.
    public var key: String? { nil }
    public var subjectID: Int64 { placeID ?? 0 }
    /// Without the name, which may be a person's.
    public var content: String {
        let words = granted.map(\.rawValue).joined(separator: ",")
        return "permissions=\(words) place=\(placeID.map(String.init) ?? "all") until=\(until)"
    }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> APIKeySummary {
        if let missing = granted.first(where: { !context.actor.has($0) }) {
            throw Refusal(
                .forbidden, "You cannot give what you do not have: \(missing.rawValue).",
                hint: "Ask somebody who has it.", at: "permissions")
        }
        if let mine = context.actor.scope.placeIDs, !mine.contains(where: { $0 == placeID }) {
            throw Refusal(.forbidden, "The key must be confined to your place.", at: "placeID")
        }
        let zone = try Org.find(context.orgID, in: transaction).zone
        let today = zone.day(atS: context.systemNowMs / 1000)
        guard until >= today, today.days(to: until) <= Self.daysMax else {
            throw Refusal(
                .invalid, "A key ends today or later, at most two years ahead.", hint: "Today is \(today).",
                at: "until")
        }
        let active = try APIKeys.active(context.orgID, nowMs: context.systemNowMs, in: transaction)
        guard !active.contains(keyName) else {
            throw Refusal(
                .conflict, "There is an active key of this name.", hint: "Revoke that one, or choose another name.",
                at: "name")
        }
        guard active.count < Self.activeMax else {
            throw Refusal(
                .conflict, "There are \(Self.activeMax) active keys.", hint: "Revoke those that nobody uses.")
        }
        let role = context.actor.role == .system ? Role.administrator : context.actor.role
        let made = APIKeySummary(
            keyID: context.ids.next(), name: keyName, permissions: granted, placeID: placeID,
            loginID: context.actor.loginID, createdAtMs: context.systemNowMs,
            expiresAtMs: zone.startS(of: until.advanced(by: 1)) * 1000)
        try transaction.run(
            """
            INSERT INTO api_key (org_id, key_id, name, secret_hash, role, permissions, place_id, login_id,
              created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .int(context.orgID), .int(made.keyID), .text(keyName), .bytes(Hash.sha256(secret)),
                .text(role.rawValue), .text(granted.map(\.rawValue).joined(separator: " ")), .optional(placeID),
                .int(made.loginID), .int(made.createdAtMs), .int(made.expiresAtMs),
            ])
        let field = "key \(made.keyID)"
        context.changed(.company, field + " name", from: nil, to: keyName, isPersonal: true)
        context.changed(
            .company, field + " permissions", from: nil, to: granted.map(\.rawValue).joined(separator: " "))
        context.changed(.company, field + " place", from: nil, to: placeID.map { String($0) })
        context.changed(.company, field + " until", from: nil, to: until.description)
        context.changed(.company, field + " state", from: nil, to: APIKeySummary.State.active.rawValue)
        return made
    }
}

/// Ends a key at once. Doing it again changes nothing.
public struct RevokeAPIKey: Command {
    public static let name = "access.revoke-key"
    public static let permissions: [Permission] = [.manageLogins]
    public let keyID: Int64
    public init(keyID: Int64) { self.keyID = keyID }

    public var key: String? { nil }
    public var subjectID: Int64 { keyID }
    public var content: String { "key=\(keyID)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> APIKeySummary {
        let before = try APIKeys.find(keyID, context.actor.scope, in: transaction).state(nowMs: context.systemNowMs)
        try transaction.run(
            "UPDATE api_key SET revoked_at_ms = $3 WHERE org_id = $1 AND key_id = $2 AND revoked_at_ms IS NULL",
            [.int(context.orgID), .int(keyID), .int(context.systemNowMs)])
        context.changed(
            .company, "key \(keyID) state", from: before.rawValue, to: APIKeySummary.State.revoked.rawValue)
        return try APIKeys.find(keyID, context.actor.scope, in: transaction)
    }
}

/// Reads keys, and finds who a presented one stands for.
public enum APIKeys {
    /// `bbk_<id>_<64 hexadecimal digits>`: the prefix lets scanners of leaked secrets know it.
    public static let prefix = "bbk_"

    public static func find(
        _ keyID: Int64, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> APIKeySummary {
        let found = try transaction.first(
            "SELECT \(columns) FROM api_key WHERE org_id = $1 AND key_id = $2", [.int(scope.orgID), .int(keyID)],
            decode)
        guard let found else {
            throw Refusal(.notFound, "There is no key \(keyID).", hint: "List the keys first.", at: "keyID")
        }
        return found
    }

    /// Keys in order of id, those after `after`, at most `limit`; also those that are over.
    public static func list(
        after: Int64, limit: Int, _ scope: Scope, in transaction: any SQLTransaction
    ) throws -> [APIKeySummary] {
        try transaction.query(
            "SELECT \(columns) FROM api_key WHERE org_id = $1 AND key_id > $2 ORDER BY key_id LIMIT $3",
            [.int(scope.orgID), .int(after), .int(limit)], decode)
    }

    static func active(_ orgID: Int64, nowMs: Int64, in transaction: any SQLTransaction) throws -> Set<String> {
        Set(
            try transaction.query(
                "SELECT name FROM api_key WHERE org_id = $1 AND revoked_at_ms IS NULL AND expires_at_ms > $2",
                [.int(orgID), .int(nowMs)]
            ) { try $0.text(0) })
    }

    private static let columns = """
        key_id, name, permissions, place_id, login_id, created_at_ms, expires_at_ms, last_used_day, revoked_at_ms
        """

    private static func decode(_ row: any SQLRow) throws -> APIKeySummary {
        APIKeySummary(
            keyID: try row.int(0), name: try row.text(1), permissions: permissions(try row.text(2)),
            placeID: try row.optionalInt(3), loginID: try row.int(4), createdAtMs: try row.int(5),
            expiresAtMs: try row.int(6), lastUsedDay: try row.optionalDay(7)?.number,
            revokedAtMs: try row.optionalInt(8))
    }

    /// A permission that a later version has dropped is no permission.
    private static func permissions(_ text: String) -> [Permission] {
        text.split(separator: " ").compactMap { Permission(rawValue: String($0)) }
    }

    // MARK: who comes

    private struct Found: Sendable {
        var signedIn: SignedIn
        var secretHash: [UInt8]
        var today: CivilDay
        var lastUsed: CivilDay?
    }

    /// Id and secret of a token; nil when the text is no key.
    static func parse(_ token: String) -> (keyID: Int64, secret: [UInt8])? {
        guard token.utf8.count <= 100, token.hasPrefix(prefix) else { return nil }
        let parts = token.dropFirst(prefix.count).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let keyID = Int64(parts[0]), keyID > 0, String(keyID) == parts[0],
            let secret = Hash.bytes(hex: String(parts[1])), secret.count == 32, Secret.hex(secret) == parts[1]
        else { return nil }
        return (keyID, secret)
    }

    /// Nil when the key is unknown, over, revoked, or its maker's login disabled. Its role is the maker's of today: who
    /// is given less gives less.
    static func resolve(token: String, _ site: Site) async throws -> SignedIn? {
        guard let (keyID, secret) = parse(token) else { return nil }
        let nowMs = site.clocks.systemNowMs()
        guard let found = try await site.money.read({ try find(keyID, nowMs, in: $0) }),
            Hash.equalInConstantTime(found.secretHash, Hash.sha256(secret))
        else { return nil }
        if found.lastUsed.map({ $0 < found.today }) ?? true {
            let orgID = found.signedIn.actor.scope.orgID
            // A note for people: a database that cannot take it must not keep the key from reading.
            _ = try? await site.money.write { transaction in
                try transaction.run(
                    "UPDATE api_key SET last_used_day = $3 WHERE org_id = $1 AND key_id = $2",
                    [.int(orgID), .int(keyID), .day(found.today)])
            }
        }
        return found.signedIn
    }

    /// Who a key stands for now; nil when it is over.
    static func actor(_ keyID: Int64, nowMs: Int64, in transaction: any SQLTransaction) throws -> Actor? {
        try find(keyID, nowMs, in: transaction)?.signedIn.actor
    }

    private static func find(_ keyID: Int64, _ nowMs: Int64, in transaction: any SQLTransaction) throws -> Found? {
        try transaction.first(
            """
            SELECT k.org_id, k.secret_hash, k.permissions, COALESCE(k.place_id, l.place_id), k.login_id,
              COALESCE(l.role, k.role), k.name, k.last_used_day, o.zone
            FROM api_key k JOIN org o ON o.org_id = k.org_id
              LEFT JOIN login l ON l.org_id = k.org_id AND l.login_id = k.login_id
            WHERE k.key_id = $1 AND k.expires_at_ms > $2 AND k.revoked_at_ms IS NULL AND l.disabled_at_ms IS NULL
            LIMIT 1
            """, [.int(keyID), .int(nowMs)]
        ) { row in
            let scope = Scope(orgID: try row.int(0), placeIDs: try row.optionalInt(3).map { [$0] })
            var actor = Actor(loginID: try row.int(4), role: try Logins.known(try row.text(5)), scope: scope)
            actor.restrictedTo = Permission.forKeys.intersection(permissions(try row.text(2)))
            actor.keyID = keyID
            let zone = Zone(try row.text(8)) ?? .india
            return Found(
                signedIn: SignedIn(
                    actor: actor, csrfToken: "", username: "key \(keyID)", name: try row.text(6), language: .english),
                secretHash: try row.bytes(1), today: zone.day(atS: nowMs / 1000),
                lastUsed: try row.optionalDay(7))
        }
    }
}
