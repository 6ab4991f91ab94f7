// Log lines: one object each, only known fields, nothing that a caller could plant.
import API
import Access
import Logging
import Synchronization
import Testing

@testable import Watch

final class Written: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
    func logger(_ format: LogFormat = .json, level: Logger.Level = .info) -> Logger {
        Logger(label: "test") { _ in
            LineLogHandler(format, level: level, nowMs: { 1_795_252_516_123 }, write: { self.add($0) })
        }
    }
}

@Suite struct LogTests {
    @Test func aLineIsOneObjectWithTimeLevelMessageAndKnownFields() throws {
        let written = Written()
        var log = written.logger()
        log[metadataKey: "org"] = "7"
        log.info("job ended", metadata: ["duration_ms": .stringConvertible(12), "job": "rate"])
        #expect(
            written.all == [
                #"{"time":"2026-11-21T09:15:16.123Z","level":"info","message":"job ended","duration_ms":12,"#
                    + #""job":"rate","org":"7"}"# + "\n"
            ])
    }

    @Test func noValueCanAddALineOrAField() throws {
        for format in LogFormat.allCases {
            let written = Written()
            written.logger(format).error(
                "a\nb\"c\\d\u{2028}\u{1}", metadata: ["error": "x\",\"level\":\"none\r\n{\"forged\":1}\u{7F}"])
            let line = try #require(written.all.first)
            #expect(written.all.count == 1 && line.hasSuffix("\n"))
            #expect(!line.dropLast().contains { $0.isNewline })
            if format == .json {
                let object = try JSONValue(parsing: Array(line.utf8))
                #expect(object["error"]?.text == "x\",\"level\":\"none\r\n{\"forged\":1}\u{7F}")
                #expect(object["level"]?.text == "error")
                #expect(object["message"]?.text == "a\nb\"c\\d\u{2028}\u{1}")
            }
        }
    }

    /// A library that logs a path or a name does so under a key of its own: the value is left out, the key is told.
    @Test func fieldsThatAreNotListedAreLeftOut() throws {
        let written = Written()
        written.logger().info("x", metadata: ["hb.request.path": "/accounts?q=9876543210", "status": "200"])
        let line = try #require(written.all.first)
        #expect(line.contains(#""status":"200","left_out":"hb.request.path""#) && !line.contains("9876543210"))
    }

    @Test func aLineHasABound() throws {
        let written = Written()
        written.logger().info("x", metadata: ["error": .string(String(repeating: "é", count: 100_000))])
        #expect(try #require(written.all.first).utf8.count < 5_000)
    }

    @Test func theLevelIsHeld() {
        let written = Written()
        let log = written.logger(level: .warning)
        log.info("no")
        log.warning("yes")
        #expect(written.all.count == 1)
    }

    @Test func linesCarryTheWorkAtHand() async throws {
        let written = Written()
        let log = written.logger()
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let headers: @Sendable (String) -> String? = { $0 == "traceparent" ? header : nil }
        await Watch.requestSpan("http", requestID: "r-1", header: headers) { log.info("inside") }
        log.info("outside")
        #expect(written.all[0].contains(#""request":"r-1","trace_id":"0af7651916cd43dd8448eb211c80319c""#))
        #expect(!written.all[1].contains("r-1"))
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-9876543210\n6cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ])
    func aTraceParentThatIsNoneIsPassedOver(text: String) { #expect(TraceParent(text) == nil) }

    @Test func aTraceParentOfALaterVersionIsRead() {
        let later = TraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes")
        #expect(later?.traceID == "0af7651916cd43dd8448eb211c80319c" && later?.parentID == "b7ad6b7169203331")
    }
}
