// The figures of this process, behind the swift-metrics API, and their text for Prometheus. Bounded: only what Metric
// lists, at most so many series each; more are counted together. Reads nothing itself.
import CoreMetrics
import Synchronization

public final class MetricRegistry: MetricsFactory {
    /// Series of one family; what comes later is counted under `other`.
    public static let seriesMax = 1000

    /// One series: a number, or counts by bucket.
    fileprivate final class Cell: CounterHandler, RecorderHandler, TimerHandler {
        private struct State {
            var value: Double = 0
            var count: UInt64 = 0
            var sumNs: Int64 = 0
            var buckets: [UInt64]
        }
        private let bounds: [Double]
        private let state: Mutex<State>

        init(_ bounds: [Double]) {
            self.bounds = bounds
            state = Mutex(State(buckets: Array(repeating: 0, count: bounds.count)))
        }

        func increment(by amount: Int64) { state.withLock { $0.value += Double(amount) } }
        func reset() { state.withLock { $0.value = 0 } }
        func record(_ value: Int64) { state.withLock { $0.value = Double(value) } }
        func record(_ value: Double) { state.withLock { $0.value = value } }
        func recordNanoseconds(_ duration: Int64) {
            let seconds = Double(duration) / 1e9
            let bucket = bounds.firstIndex { seconds <= $0 }
            state.withLock { state in
                state.count += 1
                state.sumNs &+= duration
                if let bucket { state.buckets[bucket] += 1 }
            }
        }

        /// Lines of the series; a histogram's buckets add up from below.
        func write(_ name: String, _ labels: String, to text: inout String) {
            let state = state.withLock { $0 }
            guard !bounds.isEmpty else {
                text += name + (labels.isEmpty ? "" : "{\(labels)}") + " \(Self.number(state.value))\n"
                return
            }
            let comma = labels.isEmpty ? "" : ","
            var sum: UInt64 = 0
            for (bound, count) in zip(bounds, state.buckets) {
                sum += count
                text += "\(name)_bucket{\(labels)\(comma)le=\"\(Self.number(bound))\"} \(sum)\n"
            }
            let braces = labels.isEmpty ? "" : "{\(labels)}"
            text += "\(name)_bucket{\(labels)\(comma)le=\"+Inf\"} \(state.count)\n"
            text += "\(name)_sum\(braces) \(Self.number(Double(state.sumNs) / 1e9))\n"
            text += "\(name)_count\(braces) \(state.count)\n"
        }

        private static func number(_ value: Double) -> String {
            if let whole = Int64(exactly: value) { return "\(whole)" }
            if value.isNaN { return "NaN" }
            if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
            return "\(value)"
        }
    }

    private let families = Mutex<[String: [String: Cell]]>([:])

    public init() {}

    private func cell(_ label: String, _ dimensions: [(String, String)]) -> Cell? {
        guard let metric = Metric.byName[label] else { return nil }
        let key = Self.labels(dimensions)
        var isFolded = false
        let cell = families.withLock { families -> Cell in
            if let known = families[label]?[key] { return known }
            var series = key
            if families[label, default: [:]].count >= Self.seriesMax {
                series = Self.labels(dimensions.map { ($0.0, "other") })
                isFolded = true
            }
            if let known = families[label]?[series] { return known }
            var bounds: [Double] = []
            if case .histogram(let seconds) = metric.kind { bounds = seconds }
            let made = Cell(bounds)
            families[label, default: [:]][series] = made
            return made
        }
        if isFolded { self.cell(Metric.foldedSeries.name, [])?.increment(by: 1) }
        return cell
    }

    /// `a="1",b="2"` with the escapes of the text format.
    private static func labels(_ dimensions: [(String, String)]) -> String {
        var text = ""
        for (name, value) in dimensions {
            if !text.isEmpty { text += "," }
            text += name
            text += "=\""
            for character in value.unicodeScalars {
                switch character {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                default: text.unicodeScalars.append(character)
                }
            }
            text += "\""
        }
        return text
    }

    /// The text format 0.0.4 of Prometheus. Families without a series are left out.
    public func prometheusText() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for metric in Metric.all {
            guard let series = families[metric.name] else { continue }
            text += "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.kind.name)\n"
            for (labels, cell) in series.sorted(by: { $0.key < $1.key }) {
                cell.write(metric.name, labels, to: &text)
            }
        }
        return text
    }

    // MARK: the factory of swift-metrics

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        if let cell = cell(label, dimensions) { return cell }
        return NOOPMetricsHandler.instance
    }
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        // A recorder that aggregates would be a histogram of numbers without a unit; the house has none.
        if !aggregate, let cell = cell(label, dimensions) { return cell }
        return NOOPMetricsHandler.instance
    }
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        if let cell = cell(label, dimensions) { return cell }
        return NOOPMetricsHandler.instance
    }
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}
