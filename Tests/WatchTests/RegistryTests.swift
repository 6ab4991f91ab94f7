// Figures: the text for Prometheus, its bounds, and the page that explains them.
import CoreMetrics
import Foundation
import Testing

@testable import Watch

@Suite struct RegistryTests {
    @Test func countsGaugesAndHistogramsAreWrittenAsPrometheusReadsThem() throws {
        let registry = MetricRegistry()
        withMetricsFactory(registry) {
            Metric.requests.increment(["/a\"b\\c\nd", "GET", "2xx"])
            Metric.requests.increment(["/a\"b\\c\nd", "GET", "2xx"], by: 2)
            Metric.trialBalanceSum.set(Int64(-5), ["1"])
            Metric.sampleDuration.set(0.25, ["1"])
            Metric.jobDuration.observe(ns: 20_000_000, ["rate"])
            Metric.jobDuration.observe(ns: 200_000_000_000_000, ["rate"])
        }
        let text = registry.prometheusText()
        #expect(text.contains(#"busbar_http_requests_total{route="/a\"b\\c\nd",method="GET",status="2xx"} 3"#))
        #expect(text.contains("busbar_trial_balance_sum_paise{company=\"1\"} -5\n"))
        #expect(text.contains("busbar_sample_duration_seconds{company=\"1\"} 0.25\n"))
        #expect(text.contains("busbar_job_duration_seconds_bucket{kind=\"rate\",le=\"0.01\"} 0\n"))
        #expect(text.contains("busbar_job_duration_seconds_bucket{kind=\"rate\",le=\"0.05\"} 1\n"))
        #expect(text.contains("busbar_job_duration_seconds_bucket{kind=\"rate\",le=\"+Inf\"} 2\n"))
        #expect(text.contains("busbar_job_duration_seconds_sum{kind=\"rate\"} 200000.02\n"))
        #expect(text.contains("busbar_job_duration_seconds_count{kind=\"rate\"} 2\n"))
        #expect(PrometheusText.faults(text) == [])
    }

    /// A label that takes ever new values is folded, and says so.
    @Test func seriesAreBounded() {
        let registry = MetricRegistry()
        withMetricsFactory(registry) {
            for number in 0..<MetricRegistry.seriesMax + 50 { Metric.sessions.set(Int64(1), ["\(number)"]) }
        }
        let lines = registry.prometheusText().split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("busbar_sessions{") } == MetricRegistry.seriesMax + 1)
        #expect(lines.contains("busbar_sessions{company=\"other\"} 1"))
        #expect(lines.contains("busbar_metric_series_folded_total 50"))
    }

    @Test func whatTheListDoesNotHoldIsNotPublished() {
        let registry = MetricRegistry()
        Counter(label: "somebody_elses", dimensions: [("name", "Asha")], factory: registry).increment()
        #expect(registry.prometheusText().isEmpty)
    }

    @Test func figuresOfTheProcessAreThere() {
        let registry = MetricRegistry()
        withMetricsFactory(registry) { ProcessFigures.take() }
        let text = registry.prometheusText()
        for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"] {
            #expect(text.contains("\nprocess_\(name) "), "\(name)")
        }
        #expect(PrometheusText.faults(text) == [])
    }

    @Test func namesFollowTheConventions() {
        for metric in Metric.all {
            #expect(metric.name.wholeMatch(of: #/(busbar|process)_[a-z_]+/#) != nil, "\(metric.name)")
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
        }
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
    }

    /// docs/watching.md and the alert rules name what there is, no more and no less.
    @Test func documentsAndRulesNameWhatThereIs() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().resolvingSymlinksInPath()
        let page = try String(contentsOf: root.appendingPathComponent("docs/watching.md"), encoding: .utf8)
        for metric in Metric.all {
            let labels = metric.labels.isEmpty ? "–" : metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            let row = "| `\(metric.name)` | \(metric.kind.name) | \(labels) | \(metric.help) |"
            #expect(page.contains(row), "docs/watching.md lacks this row:\n\(row)")
        }
        for (name, words) in LogField.all {
            #expect(page.contains("| `\(name)` | \(words) |"), "docs/watching.md lacks: | `\(name)` | \(words) |")
        }
        let names = Set(Metric.all.map(\.name))
        let rules = try String(
            contentsOf: root.appendingPathComponent("ops/prometheus/busbar.rules.yml"), encoding: .utf8)
        for text in [page, rules] {
            for match in text.matches(of: #/\b(?:busbar|process)_[a-z_]+/#) {
                let found = String(match.output).replacing(#/_(bucket|sum|count)$/#, with: "")
                #expect(
                    names.contains(String(match.output)) || names.contains(found), "\(match.output) is no figure")
            }
        }
    }
}

/// A strict reader of the text format 0.0.4, for machines without promtool.
enum PrometheusText {
    static func faults(_ text: String) -> [String] {
        var faults: [String] = []
        var types: [String: String] = [:]
        var seen: Set<String> = []
        let label = #"[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*""#
        let sample = try? Regex(
            #"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{\#(label)(?:,\#(label))*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)"#)
        guard let sample else { return ["the pattern does not parse"] }
        if !text.isEmpty && !text.hasSuffix("\n") { faults.append("no newline at the end") }
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# HELP ") { continue }
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ").map(String.init)
                if words.count != 4 || types.updateValue(words[3], forKey: words[2]) != nil {
                    faults.append("type: \(line)")
                }
                continue
            }
            guard let match = try? sample.wholeMatch(in: line), let name = match.output[1].substring else {
                faults.append("sample: \(line)")
                continue
            }
            let base = String(name).replacing(#/_(bucket|sum|count)$/#, with: "")
            if types[String(name)] == nil && types[base] != "histogram" { faults.append("untyped: \(line)") }
            let series = String(line.prefix(upTo: line.lastIndex(of: " ") ?? line.endIndex))
            if !seen.insert(series).inserted { faults.append("twice: \(line)") }
        }
        return faults
    }
}
