// What the kernel says about this process, read from /proc when somebody asks. Linux only; elsewhere it says nothing.
import Foundation

public enum ProcessFigures {
    /// Sets the figures of the process. Costs a few small reads.
    public static func take() {
        if let cpu = cpuSeconds() { Metric.cpuSeconds.set(cpu) }
        if let pages = fields("/proc/self/statm").dropFirst().first.flatMap({ Int64($0) }) {
            Metric.residentBytes.set(pages * Int64(sysconf(Int32(_SC_PAGESIZE))))
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            Metric.openFiles.set(Int64(open))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            Metric.maxFiles.set(Int64(clamping: limit.rlim_cur))
        }
        if let start = startSeconds() { Metric.startSeconds.set(start) }
    }

    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// Field 22 of `stat` counts ticks since the machine started, and `btime` is when that was. The name of the
    /// program, field 2, may hold blanks and brackets.
    private static func startSeconds() -> Double? {
        guard let stat = text("/proc/self/stat"), let end = stat.lastIndex(of: ")"),
            let boot = text("/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let bootS = Double(boot.dropFirst(6))
        else { return nil }
        let rest = stat[stat.index(after: end)...].split(separator: " ")
        guard rest.count > 19, let ticks = Double(rest[19]) else { return nil }
        return bootS + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func fields(_ path: String) -> [Substring] { text(path)?.split(separator: " ") ?? [] }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
