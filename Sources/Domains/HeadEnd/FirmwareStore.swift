// Firmware images, kept by the SHA-256 of their content: what was approved is what is sent, to the octet.
import Access
import Cryptography
import MeterPort
import Meters
import SQL

public struct FirmwareStore: Sendable, Equatable {
    /// Octets; images of electricity meters are a few hundred thousand.
    public static let maxBytes = 2 << 20

    /// Lower-case hexadecimal.
    public var sha256: String
    public var version: String
    public var byteCount: Int64
    public var addedBy: Int64
    public var addedAtMs: Int64

    static let migration = Migration(
        37, .money, "firmware images",
        [
            """
            CREATE TABLE firmware_image (org_id {id} NOT NULL, sha256 {text} NOT NULL, version {text} NOT NULL,
              byte_count {int} NOT NULL, content {bytes} NOT NULL, added_by {id} NOT NULL, added_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, sha256)) {table}
            """,
            "CREATE UNIQUE INDEX firmware_image_version ON firmware_image (org_id, version)",
        ])

    /// Newest first, at most 100, without content.
    public static func all(_ scope: Scope, in transaction: any SQLTransaction) throws -> [FirmwareStore] {
        try transaction.query(
            """
            SELECT sha256, version, byte_count, added_by, added_at_ms FROM firmware_image WHERE org_id = $1
            ORDER BY added_at_ms DESC, sha256 LIMIT 100
            """, [.int(scope.orgID)]
        ) { row in
            FirmwareStore(
                sha256: try row.text(0), version: try row.text(1), byteCount: try row.int(2), addedBy: try row.int(3),
                addedAtMs: try row.int(4))
        }
    }

    static func exists(version: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.first(
            "SELECT 1 FROM firmware_image WHERE org_id = $1 AND version = $2",
            [.int(scope.orgID), .text(version)]
        ) { try $0.int(0) } != nil
    }

    /// The image of a version, its content proven by its hash.
    static func image(version: String, _ scope: Scope, in transaction: any SQLTransaction) throws -> FirmwareImage {
        let found = try transaction.first(
            "SELECT sha256, content FROM firmware_image WHERE org_id = $1 AND version = $2",
            [.int(scope.orgID), .text(version)]
        ) { (try $0.text(0), try $0.bytes(1)) }
        guard let (hash, content) = found else {
            throw MeterError(.other, "there is no image of firmware \(version)")
        }
        guard Secret.hex(Hash.sha256(content)) == hash else {
            throw MeterError(.other, "the stored image of firmware \(version) is not what was added")
        }
        return FirmwareImage(version: version, identifier: Array(version.utf8.prefix(64)), content: content)
    }
}

/// Adds an image. The same again changes nothing.
public struct AddFirmware: Command {
    public static let name = "head-end.add-firmware"
    public static let permissions: [Permission] = [.commandMeters]
    public let version: String
    public let image: [UInt8]
    private let sha256: String

    /// - Parameter expectedSHA256: as the maker gives it; nil: not compared.
    /// - Throws: ``Refusal`` for a version, a size or a hash that cannot be.
    public init(version: String, content image: [UInt8], expectedSHA256: String? = nil) throws {
        self.version = try WishText.checked(version, of: .firmware)
        guard (1...FirmwareStore.maxBytes).contains(image.count) else {
            throw Refusal(.tooLarge, "An image has 1 to \(FirmwareStore.maxBytes) octets.", at: "content")
        }
        self.image = image
        sha256 = Secret.hex(Hash.sha256(image))
        guard expectedSHA256.map({ $0.lowercased() == sha256 }) ?? true else {
            throw Refusal(
                .invalid, "The image has another SHA-256: \(sha256).", hint: "Get it from its maker again.",
                at: "sha256")
        }
    }

    public var key: String? { nil }
    public var content: String { "version=\(version) sha256=\(sha256) bytes=\(image.count)" }
    public var subjectID: Int64 { 0 }

    /// The SHA-256.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> String {
        guard context.actor.scope.isWholeCompany else {
            throw Refusal(.forbidden, "Firmware is the whole company's.", hint: "Ask who sees all places.")
        }
        let known = try transaction.first(
            "SELECT sha256, version FROM firmware_image WHERE org_id = $1 AND (version = $2 OR sha256 = $3)",
            [.int(context.orgID), .text(version), .text(sha256)]
        ) { (try $0.text(0), try $0.text(1)) }
        if let known {
            guard known == (sha256, version) else {
                throw Refusal(
                    .conflict, "Version \(known.1) is there with the SHA-256 \(known.0).",
                    hint: "Give another image another version.", at: "version")
            }
            return sha256
        }
        try transaction.run(
            """
            INSERT INTO firmware_image (org_id, sha256, version, byte_count, content, added_by, added_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .int(context.orgID), .text(sha256), .text(version), .int(Int64(image.count)), .bytes(image),
                .int(context.actor.loginID), .int(context.businessNowMs),
            ])
        context.changed(.company, "firmware \(version)", from: nil, to: sha256)
        return sha256
    }
}
