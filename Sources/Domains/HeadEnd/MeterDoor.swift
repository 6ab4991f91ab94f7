// How the head-end opens a meter: unseals its keys and reserves invocation counters on disk before any is used.
import Access
import Clocks
import MeterPort
import Meters
import SQL

struct MeterDoor: Sendable {
    /// Counters reserved for one association, as many as MeterLink may use; what is not used is never used again.
    static let counterReserve: Int64 = 10_000

    let site: Site
    let org: Org
    let vault: KeyVault
    let timeoutMs: Int64

    func endpoint(of meter: Meter) async throws -> MeterEndpoint {
        let keys: MeterKeys?
        do {
            keys = try meter.sealedKeys.map { try vault.open($0, meterID: meter.meterID) }
        } catch {
            // The trouble of one meter, not of the run that asks them all.
            throw MeterError(.security, "the stored keys of meter \(meter.serial) cannot be opened: \(error)")
        }
        guard let authentication = MeterAuthentication(rawValue: meter.authentication),
            let client = UInt16(exactly: meter.clientAddress)
        else { throw MeterError(.other, "meter \(meter.serial) has an unknown authentication or client address") }
        let counter = keys?.encryptionKey == nil ? 1 : try await reserveCounters(meter)
        return MeterEndpoint(
            host: meter.host, port: Int(meter.port), clientAddress: client, authentication: authentication,
            secret: keys?.secret ?? [], encryptionKey: keys?.encryptionKey, authenticationKey: keys?.authenticationKey,
            clientSystemTitle: keys?.clientSystemTitle ?? [], invocationCounter: counter,
            profileName: meter.profileName,
            timeoutMs: timeoutMs)
    }

    private func reserveCounters(_ meter: Meter) async throws -> UInt32 {
        let next = try await site.money.write { [org] transaction in
            try transaction.first(
                """
                INSERT INTO invocation_counter (org_id, meter_id, next_counter) VALUES ($1, $2, $3)
                ON CONFLICT (org_id, meter_id) DO UPDATE SET next_counter = invocation_counter.next_counter + $4
                RETURNING next_counter
                """,
                [.int(org.orgID), .int(meter.meterID), .int(Self.counterReserve + 1), .int(Self.counterReserve)]
            ) { try $0.int(0) }
        }
        guard let next, let first = UInt32(exactly: next - Self.counterReserve), next < Int64(UInt32.max) else {
            throw MeterError(
                .security, "the invocation counters of meter \(meter.serial) are used up; give it a new encryption key")
        }
        return first
    }
}
