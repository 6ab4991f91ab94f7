// The security setup of a virtual meter: takes new keys that are wrapped with its master key. Nothing else of class 64.
import DLMS

extension MeterObjects {
    /// Of the utility association (client 48).
    static let securitySetup = OBIS(0, 0, 43, 0, 3)

    /// `global_key_transfer`. All keys are known good before any is replaced; they hold from the next connection on.
    func changeKeys(
        _ method: MethodReference, _ parameter: DLMSData?, client: UInt16
    ) -> Result<DLMSData?, DataAccessResult> {
        guard method.method == 2, MeterClient.mayControl(client), let master = meter.configuration.secrets.masterKey
        else { return .failure(.readWriteDenied) }
        guard let parameter, let keys = try? KeyTransfer.keys(in: parameter, masterKey: master),
            keys.allSatisfy({ $0.key.count == 16 })
        else { return .failure(.typeUnmatched) }
        func key(_ identity: KeyIdentity) -> [UInt8]? { keys.first { $0.identity == identity }?.key }
        do {
            try meter.replaceKeys(encryption: key(.unicastEncryption), authentication: key(.authentication))
            return .success(nil)
        } catch {
            return .failure(.hardwareFault)
        }
    }
}
