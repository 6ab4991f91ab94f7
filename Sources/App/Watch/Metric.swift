// Every figure the process publishes, once: name, kind, labels, words. Call sites name a value of this list, so a name
// cannot drift from docs/watching.md, which a test holds against it. Labels never hold what people enter.
import CoreMetrics

/// One family of figures. Names and labels are stable: dashboards and alerts rest on them.
public struct Metric: Sendable {
    public enum Kind: Sendable, Equatable {
        case counter
        case gauge
        /// Upper bounds in seconds.
        case histogram([Double])

        public var name: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }
    public let name: String
    public let kind: Kind
    public let labels: [String]
    public let help: String

    init(_ name: String, _ kind: Kind, _ labels: [String] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }

    static let requestBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
    static let statementBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30]
    static let jobBounds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400]

    // MARK: requests

    public static let requests = Metric(
        "busbar_http_requests_total", .counter, ["route", "method", "status"],
        "Requests answered, by pattern of the route, method and class of the status.")
    public static let requestDuration = Metric(
        "busbar_http_request_duration_seconds", .histogram(requestBounds), ["route", "method"],
        "Time from the head of a request to its answer.")
    public static let sessions = Metric(
        "busbar_sessions", .gauge, ["company"], "Sessions that are neither ended nor run out.")

    // MARK: jobs

    public static let jobRuns = Metric(
        "busbar_job_runs_total", .counter, ["kind", "outcome"], "Runs of jobs: done, failed or stopped.")
    public static let jobDuration = Metric(
        "busbar_job_duration_seconds", .histogram(jobBounds), ["kind"], "Time a run of a job took.")
    public static let jobs = Metric(
        "busbar_jobs", .gauge, ["company", "kind", "state"], "Jobs by state: waiting, running, failed.")
    public static let jobSuccessAge = Metric(
        "busbar_job_last_success_age_seconds", .gauge, ["company", "kind"],
        "Business time since the job last ended well; 0 until it has.")
    public static let jobLate = Metric(
        "busbar_job_late_seconds", .gauge, ["company", "kind"],
        "Business time by which the job is past its due time and has not begun.")
    public static let conversations = Metric(
        "busbar_meter_conversations_total", .counter, ["outcome"],
        "Associations with meters: ok, or the kind of failure.")
    public static let conversationDuration = Metric(
        "busbar_meter_conversation_duration_seconds", .histogram(requestBounds), [], "Time an association took.")

    public static let pushes = Metric(
        "busbar_pushes_total", .counter, ["outcome"],
        "Pushes of meters: taken, or why they were kept aside.")
    public static let pushedEvents = Metric(
        "busbar_pushed_events_total", .counter, [], "Events that pushes told of and that were not known before.")
    public static let pushTrouble = Metric(
        "busbar_push_listener_total", .counter, ["what"],
        "What the listener met: connection, frame, refused-connection, over-rate, too-large, malformed, too-slow, "
            + "stopped, dropped.")

    // MARK: queues

    public static let outboxWaiting = Metric(
        "busbar_outbox_waiting", .gauge, ["company"], "Events not yet delivered.")
    public static let outboxAge = Metric(
        "busbar_outbox_oldest_age_seconds", .gauge, ["company"], "Business age of the oldest event not yet delivered.")
    public static let outboxGivenUp = Metric(
        "busbar_outbox_given_up", .gauge, ["company"], "Events that failed too often and wait for a person.")
    public static let rawWaiting = Metric(
        "busbar_raw_reads_waiting", .gauge, ["company"], "Answers of meters not yet validated.")

    public static let rawOpenAge = Metric(
        "busbar_raw_unacknowledged_age_seconds", .gauge, ["company"],
        "Business age of the oldest answer of a meter that meter data has not taken over.")

    // MARK: service clocks

    public static let serviceShare = Metric(
        "busbar_service_share_ratio", .gauge, ["company", "clock"],
        "Share done within its target, of the latest day that is judged, by service clock.")
    public static let serviceGoal = Metric(
        "busbar_service_goal_ratio", .gauge, ["company", "clock"], "Share that is to be reached.")
    public static let serviceTotal = Metric(
        "busbar_service_expected", .gauge, ["company", "clock"], "How much was to be done on that day.")

    // MARK: database

    public static let databaseInfo = Metric(
        "busbar_database_info", .gauge, ["engine"], "Always 1; the label names the engine.")
    public static let transactions = Metric(
        "busbar_database_transactions_total", .counter, ["store", "mode", "outcome"],
        "Transactions: ok, refused (rolled back by a rule), busy, or failed.")
    public static let transactionDuration = Metric(
        "busbar_database_transaction_duration_seconds", .histogram(statementBounds), ["store", "mode"],
        "Time from asking for a transaction to its end, waiting included.")
    public static let repeats = Metric(
        "busbar_database_repeats_total", .counter, ["store"],
        "Transactions run again because another one was faster.")
    public static let databaseWaiting = Metric(
        "busbar_database_waiting", .gauge, ["store"], "Transactions that wait for a database thread.")
    public static let databaseSize = Metric(
        "busbar_database_size_bytes", .gauge, ["store"], "Size of files, or of the whole PostgreSQL database.")
    public static let diskFree = Metric(
        "busbar_disk_free_bytes", .gauge, [], "Room left on the disk of the data folder.")

    // MARK: line and money

    public static let lineMeterDays = Metric(
        "busbar_line", .gauge, ["company", "station"],
        "Meter-days of yesterday at each station: expected, read, validated, completed, priced, charged.")
    public static let collectionLate = Metric(
        "busbar_collection_late", .gauge, ["company"],
        "Meter-days older than yesterday that are not completely read.")
    public static let collectionOldest = Metric(
        "busbar_collection_oldest_age_seconds", .gauge, ["company"],
        "Age of the oldest meter-day, counted from its end, that is late; 0 when there is none.")
    public static let needs = Metric(
        "busbar_needs", .gauge, ["company", "kind"], "What waits for a person, by kind.")
    public static let trialBalanceSum = Metric(
        "busbar_trial_balance_sum_paise", .gauge, ["company"], "Sum of all postings; anything but 0 is a fault.")
    public static let trialBalanceUnbalanced = Metric(
        "busbar_trial_balance_unbalanced_entries", .gauge, ["company"],
        "Entries whose postings do not sum to zero by themselves; anything but 0 is a fault.")
    public static let trialBalanceMismatches = Metric(
        "busbar_trial_balance_mismatches", .gauge, ["company"],
        "Accounts whose kept balance is not the sum of their postings; anything but 0 is a fault.")
    public static let statusRows = Metric(
        "busbar_status_rows", .gauge, ["company", "state"], "Rows of the page /status: good, attention, bad.")
    public static let backupAge = Metric(
        "busbar_backup_age_seconds", .gauge, [], "Age of the newest backup that is known; -1 when none is.")
    public static let sampleTime = Metric(
        "busbar_sample_timestamp_seconds", .gauge, ["company"], "When the figures of the company were last taken.")
    public static let sampleDuration = Metric(
        "busbar_sample_duration_seconds", .gauge, ["company"], "How long taking them took.")

    // MARK: process

    public static let buildInfo = Metric(
        "busbar_build_info", .gauge, ["version"], "Always 1; the label names the version.")
    public static let foldedSeries = Metric(
        "busbar_metric_series_folded_total", .counter, [],
        "Times a figure had too many label values and was counted under `other`.")
    public static let cpuSeconds = Metric(
        "process_cpu_seconds_total", .counter, [], "Time of processors used, user and system.")
    public static let residentBytes = Metric("process_resident_memory_bytes", .gauge, [], "Resident memory.")
    public static let openFiles = Metric("process_open_fds", .gauge, [], "Open file descriptors.")
    public static let maxFiles = Metric("process_max_fds", .gauge, [], "File descriptors the process may open.")
    public static let startSeconds = Metric(
        "process_start_time_seconds", .gauge, [], "When the process started, seconds since 1970.")

    /// In the order in which they are written.
    public static let all: [Metric] = [
        requests, requestDuration, sessions, jobRuns, jobDuration, jobs, jobSuccessAge, jobLate, conversations,
        conversationDuration, pushes, pushedEvents, pushTrouble, outboxWaiting, outboxAge, outboxGivenUp, rawWaiting,
        rawOpenAge, serviceShare, serviceGoal, serviceTotal, databaseInfo, transactions,
        transactionDuration, repeats, databaseWaiting, databaseSize, diskFree, lineMeterDays, collectionLate,
        collectionOldest, needs, trialBalanceSum, trialBalanceUnbalanced, trialBalanceMismatches, statusRows, backupAge,
        sampleTime, sampleDuration, buildInfo, foldedSeries, cpuSeconds, residentBytes, openFiles, maxFiles,
        startSeconds,
    ]
    static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}

extension Metric {
    /// The values go with ``labels``, in their order.
    public func increment(_ values: [String] = [], by amount: Int64 = 1) {
        Counter(label: name, dimensions: dimensions(values), factory: MetricsSystem.factory).increment(by: amount)
    }

    public func set(_ value: Int64, _ values: [String] = []) {
        Recorder(label: name, dimensions: dimensions(values), aggregate: false).record(value)
    }

    public func set(_ value: Double, _ values: [String] = []) {
        Recorder(label: name, dimensions: dimensions(values), aggregate: false).record(value)
    }

    public func observe(ns: Int64, _ values: [String] = []) {
        Timer(label: name, dimensions: dimensions(values), factory: MetricsSystem.factory).recordNanoseconds(ns)
    }

    private func dimensions(_ values: [String]) -> [(String, String)] {
        precondition(values.count == labels.count, "\(name) takes the labels \(labels)")
        return Array(zip(labels, values))
    }
}
