// Which outages of single meters are one outage of the network: k of n meters under a node went dark within a window.
// Pure; the tree and the counts are given.

/// When meters under a node are one outage of the node.
public struct GroupingRules: Sendable, Equatable {
    /// Outages that began no later than this after the first of them belong together.
    public var windowMs: Int64
    /// Of the meters under the node, so many in a hundred went dark …
    public var sharePercent: Int64
    /// … and at least so many.
    public var metersMin: Int
    public init(windowMs: Int64 = 180_000, sharePercent: Int64 = 50, metersMin: Int = 2) {
        self.windowMs = windowMs
        self.sharePercent = sharePercent
        self.metersMin = metersMin
    }
}

/// The part of the network outages are grouped by.
public struct GroupingTree: Sendable {
    /// The node above a node; none above those that are not grouped by.
    public var parents: [Int64: Int64]
    /// Nodes that can be one outage: not a state or a region, where everything is chance.
    public var nodes: Set<Int64>
    /// Meters in service under each node, all levels.
    public var meters: [Int64: Int]
    public init(parents: [Int64: Int64], nodes: Set<Int64>, meters: [Int64: Int]) {
        self.parents = parents
        self.nodes = nodes
        self.meters = meters
    }

    /// The node itself and those above it, from below.
    public func path(from nodeID: Int64) -> [Int64] {
        var path: [Int64] = []
        var next: Int64? = nodeID
        // A tree has no circle; data may.
        while let node = next, path.count < 64 {
            path.append(node)
            next = parents[node]
        }
        return path
    }
}

/// A meter that is dark, with the node it hangs from.
public struct DarkMeter: Sendable, Equatable {
    public var spanID: Int64
    public var nodeID: Int64
    public var startMs: Int64
    public init(spanID: Int64, nodeID: Int64, startMs: Int64) {
        self.spanID = spanID
        self.nodeID = nodeID
        self.startMs = startMs
    }
}

/// Outages that are one.
public struct OutageGroup: Sendable, Equatable {
    /// Nil: one meter alone.
    public var nodeID: Int64?
    public var startMs: Int64
    public var spanIDs: [Int64]
    public init(nodeID: Int64?, startMs: Int64, spanIDs: [Int64]) {
        self.nodeID = nodeID
        self.startMs = startMs
        self.spanIDs = spanIDs
    }
}

public enum OutageGrouping {
    /// Every dark meter is in exactly one group. The order of the meters changes nothing.
    public static func groups(
        _ dark: [DarkMeter], in tree: GroupingTree, _ rules: GroupingRules = GroupingRules()
    ) -> [OutageGroup] {
        let ordered = dark.sorted { ($0.startMs, $0.spanID) < ($1.startMs, $1.spanID) }
        var groups: [OutageGroup] = []
        var index = 0
        while index < ordered.count {
            let untilMs = ordered[index].startMs + rules.windowMs
            let cluster = ordered[index...].prefix { $0.startMs <= untilMs }
            groups += Self.groups(together: Array(cluster), in: tree, rules)
            index += cluster.count
        }
        return groups
    }

    private static func groups(
        together cluster: [DarkMeter], in tree: GroupingTree, _ rules: GroupingRules
    ) -> [OutageGroup] {
        var darkUnder: [Int64: Int] = [:]
        // Through which nodes below a node its dark meters come; the node itself for those that hang from it.
        var branches: [Int64: Set<Int64>] = [:]
        for meter in cluster {
            var below = meter.nodeID
            for node in tree.path(from: meter.nodeID) {
                darkUnder[node, default: 0] += 1
                branches[node, default: []].insert(below)
                below = node
            }
        }
        func isDark(_ node: Int64) -> Bool {
            guard tree.nodes.contains(node), let count = darkUnder[node], let all = tree.meters[node], all > 0 else {
                return false
            }
            return count >= rules.metersMin && Int64(count) * 100 >= Int64(all) * rules.sharePercent
        }
        /// The lowest dark node that explains all: one higher up only where it has more than one dark branch.
        func node(of meter: DarkMeter) -> Int64? {
            var found: Int64?
            for node in tree.path(from: meter.nodeID) where isDark(node) {
                if found == nil || (branches[node]?.count ?? 0) > 1 { found = node }
            }
            return found
        }
        var byNode: [Int64: [DarkMeter]] = [:]
        var groups: [OutageGroup] = []
        for meter in cluster {
            if let node = node(of: meter) {
                byNode[node, default: []].append(meter)
            } else {
                groups.append(OutageGroup(nodeID: nil, startMs: meter.startMs, spanIDs: [meter.spanID]))
            }
        }
        for (node, meters) in byNode {
            groups.append(
                OutageGroup(
                    nodeID: node, startMs: meters.map(\.startMs).min() ?? 0, spanIDs: meters.map(\.spanID).sorted()))
        }
        return groups.sorted { ($0.startMs, $0.spanIDs[0]) < ($1.startMs, $1.spanIDs[0]) }
    }
}
