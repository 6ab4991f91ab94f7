// What a virtual meter must remember over a restart: things done to it from outside. Everything else follows from its
// inputs and the time. One small file a meter, replaced as a whole.
import Foundation

/// The file's content. Version 1.
struct MeterState: Codable, Sendable {
    var version = 1
    var transitions: [RelayTransition] = []
    /// Seconds a client has moved the clock by, and when (meter time) it did.
    var clockAdjustS: Int64 = 0
    var clockSetsS: [Int64] = []
    /// Every server invocation counter below this may have been used. A counter and a key must never meet twice.
    var serverCounterReserved: UInt32 = 0
    /// Highest client counter accepted, by client address.
    var clientCounters: [UInt16: UInt32] = [:]
    /// Keys a client has given the meter; nil while it has those it was made with.
    var encryptionKey: [UInt8]?
    var authenticationKey: [UInt8]?
    /// What it was told beside that; nil until it was told anything.
    var controls: MeterControlState?
    /// What a scenario did to it; nil until one did.
    var scripted: ScriptedState?
}

/// What scenarios did to a meter. Bounded: the oldest go first.
struct ScriptedState: Codable, Sendable {
    struct Event: Codable, Sendable { var atS: Int64; var code: Int }
    static let limit = 200
    var outages: [TimeSpan] = []
    var events: [Event] = []
    /// The register shows (energy + shift) modulo this; nil: as it is.
    var registerModuloWh: Int64?
    var registerShiftWh: Int64 = 0
}

/// Where states are kept. A folder of nil keeps nothing.
struct MeterStateFile: Sendable {
    let path: String?

    init(folder: String?, serial: String) throws(MeterFleetError) {
        guard let folder else {
            path = nil
            return
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw MeterFleetError(
                "cannot make the state folder \(folder): \(error). Give a folder that can be written.")
        }
        path = folder + "/" + serial + ".json"
    }

    func load() throws(MeterFleetError) -> MeterState {
        guard let path, FileManager.default.fileExists(atPath: path) else { return MeterState() }
        do {
            let state = try JSONDecoder().decode(MeterState.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            guard state.version == 1 else {
                throw MeterFleetError("\(path) has version \(state.version); this program reads version 1")
            }
            return state
        } catch {
            throw MeterFleetError(
                "\(path) is not a meter state (\(error)). Mend it, or delete it to forget relay moves.")
        }
    }

    func save(_ state: MeterState) throws(MeterFleetError) {
        guard let path else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            try encoder.encode(state).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw MeterFleetError("cannot write \(path): \(error)")
        }
    }
}

/// A fleet that cannot be set up or cannot keep its state; the text says what and how to mend it.
public struct MeterFleetError: Error, Sendable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
