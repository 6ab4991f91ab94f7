// Adding a company: from the command line on the server only, because no company stands above another.
import CivilTime
import SQL

/// Adds a company. Its zone and currency stay as they are from then on: days and money of the past rest on them.
public struct AddOrg: Command {
    public static let name = "access.add-org"
    public static let permissions: [Permission] = [.runJobs]
    public let org: Org

    /// - Throws: ``Refusal`` for a name or a currency that cannot be.
    public init(_ org: Org) throws {
        guard (1...120).contains(org.name.count),
            !org.name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw Refusal(.invalid, "The name must have 1 to 120 characters on one line.", at: "name")
        }
        guard org.currency.utf8.count == 3, org.currency.utf8.allSatisfy({ (65...90).contains($0) }) else {
            throw Refusal(
                .invalid, "The currency is three capital letters of ISO 4217.", hint: "INR is the rupee.",
                at: "currency")
        }
        self.org = org
    }

    /// A name exists once, so a second run is refused.
    public var key: String? { nil }
    public var subjectID: Int64 { org.orgID }
    public var content: String { "org=\(org.orgID) zone=\(org.zone.identifier) currency=\(org.currency)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        guard try Org.all(in: transaction).allSatisfy({ $0.name != org.name && $0.orgID != org.orgID }) else {
            throw Refusal(
                .conflict, "A company of this name exists.", hint: "`busbar org list` shows them.", at: "name")
        }
        try org.create(in: transaction)
        context.changed(.company, "name", from: nil, to: org.name)
        context.changed(.company, "zone", from: nil, to: org.zone.identifier)
        context.changed(.company, "currency", from: nil, to: org.currency)
        return org.orgID
    }
}
