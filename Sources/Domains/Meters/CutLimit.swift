// How many meters one person may cut without a second one. Who orders cuts counts them; counting is not done here.
import Access
import CivilTime
import SQL

public enum CutLimit {
    public static let setting = "orders.cuts-alone-max"
    public static let kind: SettingKind = .wholeNumber(
        setting, 0...100_000, initial: 10,
        hint: """
            To how many meters one person may order a cut, a load limit or firmware within a day; for more, \
            a second person approves.
            """)
    /// What was ordered within so many milliseconds counts.
    public static let spanMs: Int64 = 86_400_000

    /// The number in force at a time.
    public static func most(atMs: Int64, _ scope: Scope, in transaction: any SQLTransaction) throws -> Int64 {
        let day = try Org.find(scope.orgID, in: transaction).zone.day(atS: atMs / 1000)
        let text = try SettingRegistry([kind]).value(setting, on: day, scope, in: transaction)
        guard let most = Int64(text) else { throw SQLError(.decode, "setting \(setting) is no number") }
        return most
    }
}
