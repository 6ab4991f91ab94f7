// What operators may ask of a simulator of meters that runs beside the program: what it does now, and to let something
// go wrong. Only demonstrations and trials have one. Times are the meters' (business time, UTC seconds).

/// What a simulated fleet does now.
public struct SimulatorStatus: Codable, Sendable, Equatable {
    /// A scenario under way.
    public struct Run: Codable, Sendable, Equatable {
        public var id: Int
        public var name: String
        public var about: String
        public var startS: Int64
        /// Nil: until it is stopped.
        public var endS: Int64?
        public var steps: [Step]
        public init(id: Int, name: String, about: String, startS: Int64, endS: Int64?, steps: [Step]) {
            self.id = id
            self.name = name
            self.about = about
            self.startS = startS
            self.endS = endS
            self.steps = steps
        }
    }
    public struct Step: Codable, Sendable, Equatable {
        /// One of the words of a scenario file: outage, drop, …
        public var kind: String
        public var feeder: String?
        public var sharePercent: Int64
        /// How many meters it concerns.
        public var meters: Int
        public var fromS: Int64
        public var untilS: Int64?
        public var isActive: Bool
        public init(
            kind: String, feeder: String?, sharePercent: Int64, meters: Int, fromS: Int64, untilS: Int64?,
            isActive: Bool
        ) {
            self.kind = kind
            self.feeder = feeder
            self.sharePercent = sharePercent
            self.meters = meters
            self.fromS = fromS
            self.untilS = untilS
            self.isActive = isActive
        }
    }
    /// Something that happened.
    public struct Line: Codable, Sendable, Equatable {
        public var atS: Int64
        public var text: String
        public init(atS: Int64, text: String) {
            self.atS = atS
            self.text = text
        }
    }
    public var nowS: Int64
    public var meters: Int
    public var feeders: [String]
    public var openConnections: Int
    public var withoutSupply: Int
    /// Counts since the start: connections, answers, dropped, garbled, repeated, reboots, silent,
    /// alarms, refusedCounters, reusedCounters.
    public var figures: [String: Int]
    public var runs: [Run]
    /// The last of what happened, oldest first.
    public var log: [Line]

    public init(
        nowS: Int64, meters: Int, feeders: [String], openConnections: Int, withoutSupply: Int,
        figures: [String: Int], runs: [Run], log: [Line]
    ) {
        self.nowS = nowS
        self.meters = meters
        self.feeders = feeders
        self.openConnections = openConnections
        self.withoutSupply = withoutSupply
        self.figures = figures
        self.runs = runs
        self.log = log
    }
}

/// A scenario that comes with the program.
public struct ShippedScenario: Codable, Sendable, Equatable {
    /// What it is started by.
    public var name: String
    public var title: String
    public var about: String
    public init(name: String, title: String, about: String) {
        self.name = name
        self.title = title
        self.about = about
    }
}

/// A simulator said no, or says nothing.
public struct SimulatorError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, Codable {
        /// Nobody answers on the control socket.
        case unreachable
        /// The scenario cannot be read or carried out; the message says where.
        case refused
    }
    public var code: Code
    public var message: String
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    public var description: String { message }
}

/// A running simulator.
public protocol SimulatorControl: Sendable {
    func status() async throws -> SimulatorStatus
    func scenarios() async throws -> [ShippedScenario]
    /// Starts a scenario from the text of its file (JSON, docs/simulator.md) and gives the number of the run.
    func start(text: String) async throws -> Int
    /// Starts one that comes with the program.
    func start(shipped name: String) async throws -> Int
    func stop(run: Int) async throws
}
