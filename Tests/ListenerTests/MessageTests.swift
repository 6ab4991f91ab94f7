// Reading a push by its shape, counters in a window, words in order: the pure parts.
import CivilTime
import DLMS
import IS15959
import Testing

@Suite struct PushMessageTests {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.filter { $0 != " " })
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }

    /// The alert of a foreign stack (metering.md, 1.2): last gasp of BBR00001 on 21 November 2026 at 09:00 UTC.
    @Test func readsTheAlertOfAForeignStack() throws {
        let apdu = bytes(
            """
            0F C0000001 0C 07EA0B15FF09000000000000 0203 0908 4242523030303031 0906 0004190900FF 048180 \
            00000000000000000000 04 0000000000
            """)
        let message = try PushMessage(apdu: apdu)
        #expect(message.deviceID == "BBR00001" && message.setup == PushMessage.alertSetup)
        #expect(message.statusWord == EventStatusWord([EventStatusWord.lastGasp]))
        #expect(message.confirmation == [0x10, 0xC0, 0, 0, 1, 0])
        #expect(message.atS(zone: .india) == 1_795_251_600)
    }

    @Test func findsEventIdsWhereverTheyStand() throws {
        let id = DLMSData.text("BB100001")
        let pair = DLMSData.structure([.obis(OBIS(0, 0, 96, 11, 4)), .longUnsigned(201)])
        #expect(PushMessage(DataNotification(longInvoke: 1, body: .structure([id, pair]))).codes == [201])
        #expect(
            PushMessage(
                DataNotification(longInvoke: 1, body: PushMessage.alert(deviceID: "BB100001", code: 251))
            ).codes == [251])
        // Volts of the instantaneous push are no event.
        let instant = DLMSData.structure([id, .obis(OBIS(0, 0, 25, 9, 0)), .longUnsigned(205)])
        #expect(PushMessage(DataNotification(longInvoke: 1, body: instant)).codes == [])
        let event = EventNotification(
            reference: AttributeReference(1, OBIS(0, 0, 96, 11, 2)), value: .longUnsigned(101))
        #expect(try PushMessage(apdu: APDU.eventNotification(event).bytes).codes == [101])
    }

    @Test func deepAndLongPushesAreReadWithinLimits() {
        var deep = DLMSData.text("BB1")
        for _ in 0..<12 { deep = .structure([deep]) }
        #expect(PushMessage(DataNotification(longInvoke: 1, body: deep)).deviceID == nil)
        let long = DLMSData.structure([DLMSData](repeating: .longUnsigned(201), count: 5_000))
        #expect(PushMessage(DataNotification(longInvoke: 1, body: long)).codes.isEmpty)
    }

    @Test func anotherServiceIsNoPush() {
        for tag in [0x60, 0xC0, 0xC4, 0xD8] as [UInt8] {
            #expect(throws: DLMSError.self) { try PushMessage(apdu: [tag, 0, 0, 0]) }
        }
        #expect(throws: DLMSError.self) { try PushMessage(apdu: []) }
    }
}

@Suite struct ReplayWindowTests {
    @Test func everyCounterOnceAndNothingTooOld() {
        var window = ReplayWindow()
        let order: [(UInt32, Bool)] = [
            (10, true), (10, false), (9, true), (12, true), (11, true), (11, false), (74, true), (10, false),
            (12, false), (13, true), (.max, true), (74, false), (.max, false), (.max - 63, true), (.max - 64, false),
        ]
        for (counter, expected) in order { #expect(window.take(counter) == expected, "\(counter)") }
    }

    @Test func survivesStoring() {
        var window = ReplayWindow()
        for counter in [5, 70, 68] as [UInt32] { _ = window.take(counter) }
        var stored = ReplayWindow(highest: window.highest, seen: window.seen)
        #expect(!stored.take(68) && !stored.take(70) && stored.take(69))
        // The bits survive the signed column of the database.
        #expect(UInt64(bitPattern: Int64(bitPattern: window.seen)) == window.seen)
    }
}

@Suite struct StatusHistoryTests {
    @Test func tellsWhatCameAndWentOnceEach() {
        var history = StatusHistory()
        #expect(
            history.place(EventStatusWord([81, 84]), atMs: 10).codes == [201], "how long the relay was open is open")
        #expect(history.place(EventStatusWord([81, 84]), atMs: 10) == StatusHistory.News())
        #expect(history.place(EventStatusWord([83, 84]), atMs: 30).codes == [251, 202])
        let late = history.place(EventStatusWord([81, 83, 84]), atMs: 20)
        #expect(late.codes == [] && late.earlier.map(\.code) == [251] && late.earlier.map(\.fromMs) == [30])
        #expect(history.place(EventStatusWord([85]), atMs: 40).codes == [101, 302])
        #expect(history.place(EventStatusWord([85]), atMs: 50).codes == [101])
        #expect(history.place(EventStatusWord([61]), atMs: 60).codes == [1061])
    }

    /// A meter says two things within a second by two words.
    @Test func aSecondWordOfTheSameTimeTellsWhatTheFirstDidNot() {
        var history = StatusHistory()
        #expect(history.place(EventStatusWord([81]), atMs: 10).codes == [201])
        #expect(history.place(EventStatusWord([85]), atMs: 10).codes == [101])
        #expect(history.place(EventStatusWord([85]), atMs: 10) == StatusHistory.News())
        #expect(history.place(EventStatusWord([81]), atMs: 10) == StatusHistory.News())
        #expect(history.place(EventStatusWord([81, 83]), atMs: 20).codes == [251])
    }

    @Test func keepsEightAndSurvivesStoring() {
        var history = StatusHistory()
        for number in 0..<20 { _ = history.place(EventStatusWord([number]), atMs: Int64(number) * 1_000 - 5_000) }
        #expect(history.entries.count == StatusHistory.limit && history.entries.first?.atMs == 7_000)
        #expect(StatusHistory(bytes: history.bytes) == history)
        #expect(StatusHistory(bytes: [1, 2, 3]) == nil)
    }
}
