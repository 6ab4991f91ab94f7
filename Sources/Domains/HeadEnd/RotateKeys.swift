// The order to give meters new keys: one, those under a place, or all. KeyRotator does it.
import Access
import Clocks
import Grid
import Meters
import SQL

public struct RotateKeys: Command {
    public static let name = "meters.rotate-keys"
    public static let permissions: [Permission] = [.manageSettings]

    public enum Meters: Sendable, Equatable {
        case one(Int64)
        case under(place: Int64)
        case all
    }
    public let meters: Meters

    public init(_ meters: Meters) { self.meters = meters }

    /// A change that is on its way goes on, so asking again changes nothing.
    public var key: String? { nil }
    public var subjectID: Int64 { if case .one(let meterID) = meters { meterID } else { 0 } }
    public var content: String {
        switch meters {
        case .one(let meterID): "meter=\(meterID)"
        case .under(let place): "place=\(place)"
        case .all: "all"
        }
    }

    /// How many meters get new keys now.
    public func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int {
        let scope = context.actor.scope
        var parameters: [SQLValue] = [.int(scope.orgID)]
        var condition = try Meter.reachFilter(scope, &parameters)
        switch meters {
        case .one(let meterID):
            let meter = try Meter.find(meterID, scope, in: transaction)
            guard meter.isCalled, meter.sealedKeys != nil else {
                throw Refusal(.conflict, "The meter is not called, or has no keys to change.")
            }
            parameters.append(.int(meterID))
            condition += " AND meter.meter_id = $\(parameters.count)"
        case .under(let placeID):
            _ = try Place.find(placeID, scope, in: transaction)
            condition += try Meter.reachFilter(Scope(orgID: scope.orgID, placeIDs: [placeID]), &parameters)
        case .all: break
        }
        let meterIDs = try transaction.query(
            """
            SELECT meter.meter_id FROM meter WHERE meter.org_id = $1 AND meter.port > 0
              AND meter.sealed_keys IS NOT NULL\(condition) ORDER BY meter.meter_id
            """, parameters
        ) { try $0.int(0) }
        let added = try MeterKeyChange.ask(meterIDs, atMs: context.businessNowMs, scope, in: transaction)
        switch meters {
        case .one(let meterID): context.changed(.meter(meterID), "keys", from: nil, to: "a change was ordered")
        default: context.changed(.company, "meter keys", from: nil, to: "a change was ordered for \(added)")
        }
        return added
    }
}
