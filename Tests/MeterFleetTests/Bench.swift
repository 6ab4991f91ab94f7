// A small fleet on the loopback interface and the endpoints to reach it; business time stands still until it is moved.
import CivilTime
import Clocks
import MeterFleet
import MeterPort

let secrets = MeterSecrets(
    lls: Array("reader01".utf8), hls: Array("utility-secret-1".utf8), encryptionKey: Array("encryption-key-1".utf8),
    authenticationKey: Array("authenticate-k-1".utf8))
let clientTitle = Array("BBRTEST1".utf8)

/// 2026-03-01 in India.
let firstDay = CivilDay(number: 20_513)

func configuration(
    _ serial: String = "BB000001", load: LoadSource = .household(HouseholdModel(seed: 7)), periodS: Int64 = 1800
) -> MeterConfiguration {
    MeterConfiguration(
        serial: serial, periodS: periodS, load: load, installed: firstDay, baseWh: 1_234_567, secrets: secrets, seed: 7)
}

/// A time on a day counted from `firstDay`.
func at(_ day: Int, _ hour: Int = 0, _ minute: Int = 0) -> Int64 {
    Zone.india.startS(of: firstDay.advanced(by: day)) + Int64(hour * 3600 + minute * 60)
}

struct Bench {
    let fleet: MeterFleet
    let clock: ManualClock
    var meter: VirtualMeter { fleet.meters[0] }

    init(
        _ configurations: [MeterConfiguration] = [configuration()], nowS: Int64 = at(3, 12, 10),
        host: String = "127.0.0.1", stateFolder: String? = nil, change: (inout MeterFleetOptions) -> Void = { _ in }
    ) async throws {
        let clock = ManualClock(startMs: nowS * 1000)
        var options = MeterFleetOptions(host: host)
        change(&options)
        let meters = try configurations.map {
            try VirtualMeter($0, clocks: .manual(clock), stateFolder: stateFolder)
        }
        self.clock = clock
        fleet = try await MeterFleet.start(meters, options: options)
    }

    func endpoint(_ authentication: MeterAuthentication, meter: Int = 0, counter: UInt32 = 1) -> MeterEndpoint {
        var endpoint = Self.endpoint(authentication, host: fleet.host(meter), port: fleet.port, counter: counter)
        endpoint.serverAddress = fleet.serverAddress(meter)
        return endpoint
    }

    static func endpoint(
        _ authentication: MeterAuthentication, host: String, port: Int, counter: UInt32 = 1
    ) -> MeterEndpoint {
        let client: [MeterAuthentication: UInt16] = [
            .none: MeterClient.open, .lls: MeterClient.reader, .hls2: MeterClient.utility,
            .hlsGMAC: MeterClient.utilityGMAC,
        ]
        let ciphered = authentication == .hls2 || authentication == .hlsGMAC
        return MeterEndpoint(
            host: host, port: port, clientAddress: client[authentication] ?? 16, authentication: authentication,
            secret: authentication == .lls ? secrets.lls : authentication == .hls2 ? secrets.hls : [],
            encryptionKey: ciphered ? secrets.encryptionKey : nil,
            authenticationKey: ciphered ? secrets.authenticationKey : nil, clientSystemTitle: clientTitle,
            invocationCounter: counter, timeoutMs: 5000)
    }
}

/// The code of the meter error that the body throws; nil when it throws nothing or something else.
func code(_ body: () async throws -> Void) async -> MeterError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? MeterError)?.code
    }
}
