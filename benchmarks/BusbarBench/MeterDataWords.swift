// The words of the command line for `MeterDataSpeed`.
import Foundation

extension MeterDataSpeed {
    static let usage = """
        busbar-bench mdm csv FILE METERS DAYS SLOTS sorted|shuffled GAP_EVERY
               busbar-bench mdm import FILE FOLDER|URL hot|closed plain|estimates [SERVER_PID]
               busbar-bench mdm xml FILE METER_DAYS | mdm read-xml FILE
               busbar-bench mdm year FOLDER METERS | mdm draw FOLDER METERS RUNS warm|cold
               busbar-bench mdm aggregate FOLDER METERS RUNS
        """

    static func line(_ words: [String]) async throws -> String {
        func number(_ index: Int) throws -> Int {
            guard index < words.count, let number = Int(words[index]), number >= 0 else { throw BenchError(usage) }
            return number
        }
        switch (words.first, words.count) {
        case ("csv", 7):
            try makeCSV(
                words[1], meters: number(2), days: number(3), slots: number(4), shuffled: words[5] == "shuffled",
                gapEvery: number(6))
            return "{}"
        case ("import", 5...6):
            return try await importCSV(
                words[1], into: words[2], isHot: words[3] == "hot", estimates: words[4] == "estimates",
                serverPID: words.count > 5 ? number(5) : nil)
        case ("xml", 3):
            try makeXML(words[1], meterDays: number(2))
            return "{}"
        case ("read-xml", 2): return try readXML(words[1])
        case ("year", 3): return try await makeYear(words[1], meters: number(2))
        case ("draw", 5):
            return try await drawYear(words[1], meters: number(2), runs: number(3), isCold: words[4] == "cold")
        case ("aggregate", 4): return try await aggregate(words[1], meters: number(2), runs: number(3))
        default: throw BenchError(usage)
        }
    }
}
