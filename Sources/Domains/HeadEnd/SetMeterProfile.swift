// Says of which kind a meter is. Which kinds there are stands in files, not in the database: the caller brings the
// names.
import Access
import Meters
import SQL

/// Enters the profile of a meter; it is gone by from the next conversation on.
public struct SetMeterProfile: Command {
    public static let name = "meters.set-profile"
    public static let permissions: [Permission] = [.manageSettings]

    public let meterID: Int64
    public let profileName: String
    public let why: String

    /// - Parameter names: those that there are.
    /// - Throws: ``Refusal`` `invalid` for another name, or without a reason.
    public init(meterID: Int64, profileName: String, among names: [String], why: String) throws {
        guard names.contains(profileName) else {
            throw Refusal(
                .invalid, "There is no meter profile of this name.",
                hint: "Known are \(names.joined(separator: ", ")).",
                at: "profileName")
        }
        (self.meterID, self.profileName, self.why) = (meterID, profileName, try Reason.checked(why))
    }

    /// Set again it is the same.
    public var key: String? { nil }
    public var subjectID: Int64 { meterID }
    public var content: String { "meter=\(meterID) profile=\(profileName) why=\(why)" }

    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> String {
        let scope = context.actor.scope
        let meter = try Meter.find(meterID, scope, in: transaction)
        guard meter.profileName != profileName else { return profileName }
        try Meter.setProfile(meterID, profileName, scope, in: transaction)
        context.changed(.meter(meterID), "profile", from: meter.profileName, to: profileName)
        return profileName
    }
}
