// What the head-end asks of a meter, whatever protocol stands behind it. MeterLink speaks DLMS/COSEM; a test may speak
// nothing.

/// How a client proves itself to the meter (IEC 62056-5-3 association mechanisms 0, 1, 2, 5).
public enum MeterAuthentication: String, Sendable, CaseIterable { case none, lls, hls2 = "hls-2", hlsGMAC = "hls-gmac" }

/// Where a meter is and how to open an association with it. Keys are in the clear only here, in memory.
public struct MeterEndpoint: Sendable {
    public var host: String
    public var port: Int
    /// Client and server wrapper addresses (SAP), e.g. 48 and 1.
    public var clientAddress: UInt16
    public var serverAddress: UInt16
    public var authentication: MeterAuthentication
    /// LLS password or HLS secret.
    public var secret: [UInt8]
    /// Ciphered APDUs (suite 0, authenticated encryption) when both keys are present.
    public var encryptionKey: [UInt8]?
    public var authenticationKey: [UInt8]?
    public var clientSystemTitle: [UInt8]
    /// First invocation counter of a range reserved on disk for this association, never used before.
    public var invocationCounter: UInt32
    public var profileName: String
    public var timeoutMs: Int64

    public init(
        host: String, port: Int, clientAddress: UInt16, serverAddress: UInt16 = 1, authentication: MeterAuthentication,
        secret: [UInt8] = [], encryptionKey: [UInt8]? = nil, authenticationKey: [UInt8]? = nil,
        clientSystemTitle: [UInt8] = [], invocationCounter: UInt32 = 1, profileName: String = "single-phase",
        timeoutMs: Int64 = 10_000
    ) {
        self.host = host
        self.port = port
        self.clientAddress = clientAddress
        self.serverAddress = serverAddress
        self.authentication = authentication
        self.secret = secret
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
        self.clientSystemTitle = clientSystemTitle
        self.invocationCounter = invocationCounter
        self.profileName = profileName
        self.timeoutMs = timeoutMs
    }
}

/// One row of the block load profile, scaled to the base unit. `endS` is the stamp of the meter: the END of the
/// interval.
public struct BlockLoadRow: Sendable, Equatable {
    public var endS: Int64
    public var importWh: Int32
    public var exportWh: Int32?
    public var averageVoltageMilliV: Int32?
    public init(endS: Int64, importWh: Int32, exportWh: Int32? = nil, averageVoltageMilliV: Int32? = nil) {
        self.endS = endS
        self.importWh = importWh
        self.exportWh = exportWh
        self.averageVoltageMilliV = averageVoltageMilliV
    }
}

/// The cumulative import register at a stamp of the meter (daily load profile: midnights).
public struct RegisterRow: Sendable, Equatable {
    public var atS: Int64
    public var importWh: Int64
    public init(atS: Int64, importWh: Int64) {
        self.atS = atS
        self.importWh = importWh
    }
}

/// What the disconnect control object of a meter says (class 70): physical output and logical control state.
public enum RelayState: String, Sendable { case closed, open, readyForReconnection }

/// An entry of an event log: IS 15959 event id and the meter's own time.
public struct MeterEventEntry: Sendable, Equatable {
    public var atS: Int64
    public var code: Int
    public init(atS: Int64, code: Int) {
        self.atS = atS
        self.code = code
    }
}

/// An open association. One request at a time.
public protocol MeterConversation: MeterControl {
    /// The meter's clock as UTC seconds.
    func clockS() async throws -> Int64
    /// Rows whose stamps lie in [fromS, toS], both ends included (IEC 62056-6-2, class 7 range descriptor).
    func blockLoad(fromS: Int64, toS: Int64) async throws -> [BlockLoadRow]
    /// Cumulative import energy register 1.0.1.8.0 in Wh.
    func importRegisterWh() async throws -> Int64
    /// Midnight registers of the daily load profile whose stamps lie in [fromS, toS].
    func dailyRegisters(fromS: Int64, toS: Int64) async throws -> [RegisterRow]
    func relay() async throws -> RelayState
    /// Sends disconnect or reconnect. Returning means the meter said yes; only ``relay()`` says what it did.
    func disconnect() async throws
    func reconnect() async throws
    /// Entries of the control and power event logs in [fromS, toS].
    func events(fromS: Int64, toS: Int64) async throws -> [MeterEventEntry]
    /// Sets the meter's clock to UTC seconds. Returning means the meter said yes; only ``clockS()`` says what it shows.
    func setClock(toS: Int64) async throws
    /// What was read since this was last called, as it went over the wire.
    func takeRecord() async -> MeterRecord
    /// The meter's system title, when it has proven itself by its keys; nil otherwise.
    var systemTitle: [UInt8]? { get async }
    /// Gives the meter new keys, wrapped with its master key. Returning means the meter said yes; only an association
    /// under the new keys proves them.
    func changeKeys(_ change: MeterKeyTransfer) async throws
}

extension MeterConversation {
    public func setClock(toS: Int64) async throws {
        throw MeterError(.other, "the clock of this meter cannot be set over this line")
    }
    public func takeRecord() async -> MeterRecord { MeterRecord() }
    public var systemTitle: [UInt8]? { nil }
    public func changeKeys(_ change: MeterKeyTransfer) async throws {
        throw MeterError(.other, "this way of talking with meters changes no keys")
    }
}

/// New keys on their way to a meter. In the clear only in memory; its description shows nothing.
public struct MeterKeyTransfer: Sendable, CustomStringConvertible {
    public var encryptionKey: [UInt8]
    public var authenticationKey: [UInt8]
    /// The key that wraps them.
    public var masterKey: [UInt8]
    public init(encryptionKey: [UInt8], authenticationKey: [UInt8], masterKey: [UInt8]) {
        self.encryptionKey = encryptionKey
        self.authenticationKey = authenticationKey
        self.masterKey = masterKey
    }
    public var description: String { "MeterKeyTransfer(hidden)" }
}

/// Opens associations. Closes (and releases) them when the body returns or throws.
public protocol MeterTransport: Sendable {
    func converse<Value: Sendable>(
        with endpoint: MeterEndpoint, _ body: @escaping @Sendable (any MeterConversation) async throws -> Value
    ) async throws -> Value
    /// The last invocation counter the meter has accepted from the client address of the endpoint, read without
    /// security through the public client.
    func lastCounter(at endpoint: MeterEndpoint) async throws -> UInt32
}

extension MeterTransport {
    public func lastCounter(at endpoint: MeterEndpoint) async throws -> UInt32 {
        throw MeterError(.other, "this way of talking with meters reads no counters")
    }
}

/// Why a conversation failed.
public struct MeterError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        case unreachable, timeout, closed, associationRefused, security, accessDenied, objectUndefined, badAnswer, other
    }
    public var code: Code
    public var message: String
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    public var description: String { "\(code.rawValue): \(message)" }
}
