// Interruptions of supply as values: who was dark from when to when, and how sure that is. Computes nothing; indices
// are in ReliabilityIndices.swift.
import CivilTime

/// A number that is known to lie between two others. `likely` is what is counted when one figure must do.
public struct Bounded: Sendable, Equatable, Hashable {
    public var low: Int64
    public var likely: Int64
    public var high: Int64

    /// Order is mended, so that `low <= likely <= high` always holds.
    public init(low: Int64, likely: Int64, high: Int64) {
        self.low = min(low, high)
        self.high = max(low, high)
        self.likely = min(max(likely, self.low), self.high)
    }
    public init(_ exact: Int64) { (low, likely, high) = (exact, exact, exact) }

    public var isExact: Bool { low == high }
}

/// One interruption: an event of the network that left customers dark, restored at once or in steps.
public struct Interruption: Sendable, Equatable {
    /// Customers who went dark and came back together (IEEE 1366: a step of the restoration). Seconds since 1970.
    public struct Step: Sendable, Equatable {
        public var startS: Bounded
        public var endS: Bounded
        public var customers: Bounded
        /// The customer, when the step is one known customer: then nobody is counted twice within an event.
        public var customerID: Int64?

        public init(startS: Bounded, endS: Bounded, customers: Bounded, customerID: Int64? = nil) {
            self.startS = startS
            self.endS = endS
            self.customers = customers
            self.customerID = customerID
        }

        /// Seconds without supply, never below 0.
        public var durationS: Bounded {
            Bounded(
                low: max(0, endS.low - startS.high), likely: max(0, endS.likely - startS.likely),
                high: max(0, endS.high - startS.low))
        }
    }

    public var steps: [Step]
    public var isPlanned: Bool
    /// The part of the network that failed: short interruptions of one place close together are one momentary event.
    public var placeID: Int64

    public init(steps: [Step], isPlanned: Bool = false, placeID: Int64 = 0) {
        self.steps = steps
        self.isPlanned = isPlanned
        self.placeID = placeID
    }

    /// One group of customers, exact times.
    public init(
        startS: Int64, endS: Int64, customers: Int64, isPlanned: Bool = false, placeID: Int64 = 0
    ) {
        self.init(
            steps: [Step(startS: Bounded(startS), endS: Bounded(endS), customers: Bounded(customers))],
            isPlanned: isPlanned, placeID: placeID)
    }

    /// When the first customer went dark: the period and the day an interruption is counted in.
    public var startS: Int64 { steps.map(\.startS.likely).min() ?? 0 }
    public var endS: Int64 { steps.map(\.endS.likely).max() ?? 0 }
}
