// One meter, one channel, one civil day: the values of its slots, the quality of each and where each came from.

/// What a day block measures. Raw values are stored; never renumber.
public enum Channel: Int64, Sendable, CaseIterable {
    case importWh = 1
    case exportWh = 2
    case importVAh = 3
    case exportVAh = 4
    /// By quadrant: Q1 import lagging, Q2 export leading, Q3 export lagging, Q4 import leading.
    case varhQ1 = 5, varhQ2 = 6, varhQ3 = 7, varhQ4 = 8
    /// Taken and given where the quadrants are not told apart (Q1 + Q2, Q3 + Q4).
    case importVarh = 9, exportVarh = 10
    /// mV.
    case voltagePhaseA = 11, voltagePhaseB = 12, voltagePhaseC = 13
    /// mA.
    case currentPhaseA = 21, currentPhaseB = 22, currentPhaseC = 23, currentNeutral = 24
    case maximumW = 31
    /// mHz.
    case frequency = 41
    /// Thousandths.
    case powerFactor = 42, powerFactorPhaseA = 43, powerFactorPhaseB = 44, powerFactorPhaseC = 45
}

/// How far a value can be trusted; higher wins. Raw values are stored; never renumber.
public enum Quality: UInt8, Sendable, Comparable, CaseIterable {
    case missing = 0
    case estimated = 1
    case edited = 2
    case actual = 3
    public static func < (a: Quality, b: Quality) -> Bool { a.rawValue < b.rawValue }
}

/// A run of consecutive slots that came from the same batch (a raw read, an import, an estimation run).
public struct SourceRun: Sendable, Equatable {
    public var batch: Int64
    public var count: Int
    public init(batch: Int64, count: Int) {
        self.batch = batch
        self.count = count
    }
}

/// The slots of one day. Slot i covers [start + i·period, start + (i+1)·period). A missing slot has value 0.
public struct DayBlock: Sendable, Equatable {
    public var values: [Int32]
    public var qualities: [Quality]
    public var sources: [SourceRun]

    public init(values: [Int32], qualities: [Quality], sources: [SourceRun]) {
        precondition(values.count == qualities.count, "a quality for every value")
        precondition(sources.reduce(0) { $0 + $1.count } == values.count, "source runs cover every slot")
        self.values = values
        self.qualities = qualities
        self.sources = sources
    }

    /// A day of which nothing is known yet. Batch 0 means no source.
    public static func empty(slots: Int) -> DayBlock {
        DayBlock(
            values: Array(repeating: 0, count: slots), qualities: Array(repeating: .missing, count: slots),
            sources: slots == 0 ? [] : [SourceRun(batch: 0, count: slots)])
    }

    public var slotCount: Int { values.count }
    public var lowestQuality: Quality { qualities.min() ?? .missing }
    public var totalValue: Int64 { values.reduce(0) { $0 + Int64($1) } }
    public func count(of quality: Quality) -> Int { qualities.count { $0 == quality } }

    /// The batch each slot came from.
    public var batches: [Int64] {
        var all: [Int64] = []
        all.reserveCapacity(slotCount)
        for run in sources { all.append(contentsOf: repeatElement(run.batch, count: run.count)) }
        return all
    }

    /// Sets a slot and its source. For many slots at once use `replacing`.
    public mutating func set(_ slot: Int, value: Int32, quality: Quality, batch: Int64) {
        self = replacing([(slot, value)], quality: quality, batch: batch)
    }

    /// The day with some slots replaced, all of one quality and source; the source runs are rebuilt once.
    public func replacing(_ slots: [(slot: Int, value: Int32)], quality: Quality, batch: Int64) -> DayBlock {
        guard !slots.isEmpty else { return self }
        var values = values
        var qualities = qualities
        var batches = batches
        for (slot, value) in slots {
            values[slot] = value
            qualities[slot] = quality
            batches[slot] = batch
        }
        return DayBlock(values: values, qualities: qualities, sources: Self.runs(batches))
    }

    /// The day with some slots as they are in another one, with their quality and source; slots it lacks become
    /// missing.
    public func taking(_ slots: [Int], from other: DayBlock?) -> DayBlock {
        var result = self
        var batches = batches
        let others = other?.batches ?? []
        for slot in slots {
            let isThere = others.indices.contains(slot)
            result.values[slot] = isThere ? other?.values[slot] ?? 0 : 0
            result.qualities[slot] = isThere ? other?.qualities[slot] ?? .missing : .missing
            batches[slot] = isThere ? others[slot] : 0
        }
        result.sources = Self.runs(batches)
        return result
    }

    /// The day made of the better of both in each slot: the higher quality wins, and of equal ones the newer.
    public func merged(with newer: DayBlock) -> DayBlock {
        precondition(newer.slotCount == slotCount, "both days have the same slots")
        var result = self
        var batches = batches
        let newerBatches = newer.batches
        for slot in values.indices where newer.qualities[slot] != .missing && newer.qualities[slot] >= qualities[slot] {
            result.values[slot] = newer.values[slot]
            result.qualities[slot] = newer.qualities[slot]
            batches[slot] = newerBatches[slot]
        }
        result.sources = Self.runs(batches)
        return result
    }

    /// Run-length form of a batch per slot.
    public static func runs(_ batches: [Int64]) -> [SourceRun] {
        batches.reduce(into: []) { runs, batch in
            if runs.last?.batch == batch {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(SourceRun(batch: batch, count: 1))
            }
        }
    }
}
