// New keys for a meter (security setup, class 64), and its counter read through the public client after a loss.
import DLMS
import IS15959
import MeterPort

extension DLMSConversation {
    public func changeKeys(_ change: MeterKeyTransfer) async throws {
        guard let setup = Associations.securitySetup(client: clientAddress) else {
            throw MeterError(
                MeterError.Code.objectUndefined,
                "client address \(clientAddress) has no security setup to change keys with")
        }
        let parameter: DLMSData
        do {
            parameter = try KeyTransfer.parameter(
                [
                    KeyReplacement(.unicastEncryption, change.encryptionKey),
                    KeyReplacement(.authentication, change.authenticationKey),
                ], masterKey: change.masterKey)
        } catch {
            throw MeterError(.other, "the new keys cannot be wrapped: \(error)")
        }
        try await act(KeyTransfer.method(setup), parameter)
    }
}

extension TCPMeterTransport {
    public func lastCounter(at endpoint: MeterEndpoint) async throws -> UInt32 {
        guard let reference = Associations.invocationCounter(client: endpoint.clientAddress) else {
            throw MeterError(
                MeterError.Code.objectUndefined, "no counter is known for client address \(endpoint.clientAddress)")
        }
        let wire = try await MeterWire.connect(
            host: endpoint.host, port: endpoint.port, source: 16, destination: endpoint.serverAddress,
            timeoutMs: endpoint.timeoutMs)
        do {
            var recovery = CounterRecovery(counter: reference)
            var request = try recovery.start()
            while true {
                let answer = try await wire.exchange(request, timeoutMs: endpoint.timeoutMs)
                switch try recovery.receive(answer) {
                case .send(let next): request = next
                case .finished(let counter):
                    await wire.close()
                    return counter
                }
            }
        } catch {
            await wire.close()
            if let error = error as? DLMSError { throw MeterError(error) }
            throw error
        }
    }
}
