// Keys, firmware images, lost counters, the optical opening and the selection of rows: each machine driven to its end.
import CivilTime
import Cryptography
import DLMS
import Testing

@Suite struct TransferTests {
    @Test func keysThereAndBack() throws {
        let master = [UInt8](1...16)
        let keys = [
            KeyReplacement(.unicastEncryption, Array(20...35)), KeyReplacement(.authentication, Array(40...55)),
            KeyReplacement(.master, Array(60...75)),
        ]
        let parameter = try KeyTransfer.parameter(keys, masterKey: master)
        #expect(try KeyTransfer.keys(in: parameter, masterKey: master) == keys)
        #expect(KeyTransfer.method(OBIS(0, 0, 43, 0, 3)).method == 2)
        #expect(throws: DLMSError.deciphering("a wrapped key does not fit the master key")) {
            try KeyTransfer.keys(in: parameter, masterKey: Array(2...17))
        }
        guard case .array(var list) = parameter else { return }
        list[1] = list[0]
        #expect(throws: DLMSError.self) { try KeyTransfer.keys(in: .array(list), masterKey: master) }
        for bad in [DLMSData.null, .array([]), .array([.structure([.enumeration(9), .octetString([])])])] {
            #expect(throws: DLMSError.self) { try KeyTransfer.keys(in: bad, masterKey: master) }
        }
        #expect(throws: DLMSError.self) { try KeyTransfer.parameter([], masterKey: master) }
        #expect(throws: DLMSError.self) { try KeyTransfer.parameter(keys, masterKey: [1]) }
    }

    @Test func lostCounter() throws {
        var bench = Bench(Way.all[0])
        let counter = AttributeReference(1, OBIS(0, 0, 43, 1, 3))
        bench.objects.values[counter] = .doubleLongUnsigned(4711)
        var recovery = CounterRecovery(counter: counter)
        var request = try recovery.start()
        var found: UInt32?
        while found == nil {
            let answer = bench.answer(request, from: 16) ?? []
            switch try recovery.receive(answer) {
            case .send(let next): request = next
            case .finished(let last): found = last
            }
        }
        #expect(found == 4711)
        #expect(bench.server.associatedClient == nil, "released")
        var absent = CounterRecovery(counter: AttributeReference(1, OBIS(9, 9, 9, 9, 9)))
        let granted = bench.answer(try absent.start(), from: 16) ?? []
        let next = try absent.receive(granted)
        guard case .send(let get) = next else { return }
        let refusal = bench.answer(get, from: 16) ?? []
        #expect(throws: DLMSError.self) { try absent.receive(refusal) }
    }

    @Test func counterRules() {
        #expect(CounterVerdict(next: 5000, meterLast: 4999) == .ahead)
        #expect(CounterVerdict(next: 5000, meterLast: 5000) == .raised(next: 5001))
        #expect(CounterVerdict(next: 1, meterLast: 70_000, reserve: 10_000) == .raised(next: 70_001))
        #expect(CounterVerdict(next: 1, meterLast: .max) == .exhausted)
        #expect(CounterVerdict(next: .max - 5, meterLast: 1, reserve: 10_000) == .exhausted)
        #expect(CounterVerdict(next: .max - 1, meterLast: 1) == .ahead)
    }

    // MARK: Image

    /// Runs the steps against a meter; `breaks` says at which block transfer the line is cut.
    private func run(
        _ transfer: inout ImageTransfer, _ meter: inout ImageReceiver, breaksAfter: Int = .max,
        losing: Set<Int> = []
    ) -> (last: ImageTransfer.Step, blocks: Int) {
        var blocks = 0
        for _ in 0..<10_000 {
            switch transfer.next {
            case .get(let reference): transfer.received(meter.read(reference.attribute))
            case .set: transfer.received(nil)
            case .act(let method, let parameter):
                if method.method == 2 {
                    blocks += 1
                    if blocks > breaksAfter { return (.wait, blocks) }
                    // The meter says yes and loses it.
                    if losing.contains(blocks) {
                        transfer.received(nil)
                        continue
                    }
                }
                let result = meter.act(method.method, parameter) { $0.first == 0xF0 }
                if result == .success { transfer.received(nil) } else { transfer.failed(result) }
                if method.method == 4 { meter.activated(true) }
            case let last: return (last, blocks)
            }
        }
        return (.failed("no end"), blocks)
    }

    private let image: [UInt8] = [0xF0] + (0..<1999).map { UInt8(truncatingIfNeeded: $0) }

    @Test func imageWithLostBlocksAndResume() {
        var meter = ImageReceiver(blockBytes: 200)
        var first = ImageTransfer(identifier: [1, 2], image: image, mayResume: true, activates: true)
        #expect(run(&first, &meter, breaksAfter: 6, losing: [3]).blocks == 7)
        #expect(meter.status == .initiated && meter.read(4) == .doubleLongUnsigned(2))
        // A new run sends only what is missing: block 2 and the last four.
        var second = ImageTransfer(identifier: [1, 2], image: image, mayResume: true, activates: true)
        let end = run(&second, &meter)
        #expect(end.last == .done && end.blocks == 5)
        #expect(meter.image == image && meter.status == .activated && second.sentCount == 10)
        // Without a record of ours it starts anew.
        var third = ImageTransfer(identifier: [1, 2], image: image, mayResume: false, activates: false)
        #expect(run(&third, &meter, losing: [1, 10]).blocks == 12)
        #expect(meter.status == .verified)
    }

    @Test func imageThatIsNotSound() {
        var meter = ImageReceiver(blockBytes: 300)
        var bad = ImageTransfer(identifier: [1], image: [1] + image, mayResume: false, activates: true)
        guard case .failed(let why) = run(&bad, &meter).last else {
            Issue.record("a bad image went through")
            return
        }
        #expect(why.contains("other-reason") && meter.status == .verificationFailed)
        var empty = ImageTransfer(identifier: [1], image: [], mayResume: false, activates: true)
        guard case .failed = run(&empty, &meter).last else {
            Issue.record("an empty image went through")
            return
        }
        var small = ImageReceiver(maxImageBytes: 10)
        var large = ImageTransfer(identifier: [1], image: image, mayResume: false, activates: true)
        guard case .failed = run(&large, &small).last else {
            Issue.record("an image above the limit went through")
            return
        }
    }

    @Test func imageOfSlowAndStrangeMeters() {
        var slow = ImageTransfer(identifier: [7], image: image, mayResume: true, activates: true, maxPolls: 3)
        slow.received(.boolean(false))
        #expect(slow.next == .set(ImageTransferObject().isEnabled, .boolean(true)))
        slow.received(nil)
        slow.received(.doubleLongUnsigned(5000))
        slow.received(.enumeration(2))
        // It verifies already; it may take its time, but not for ever.
        for _ in 0..<3 {
            let isBusy = slow.received(.enumeration(2))
            #expect(isBusy)
        }
        var patient = slow
        _ = patient.received(.enumeration(2))
        guard case .failed = patient.next else {
            Issue.record("polls for ever")
            return
        }
        slow.received(.enumeration(3))
        slow.received(.array([.structure([.doubleLongUnsigned(9), .octetString([8]), .octetString([])])]))
        #expect(slow.next == .failed("the meter holds another image"))
        var liar = ImageTransfer(identifier: [7], image: image, mayResume: true, activates: true)
        for value in [
            DLMSData.boolean(true), .doubleLongUnsigned(500), .enumeration(1), .bitString([0x80], count: 400),
        ] {
            liar.received(value)
        }
        guard case .act(let method, _) = liar.next else {
            Issue.record("a count that does not fit is believed")
            return
        }
        #expect(method.method == 1)
    }

    // MARK: Optical port

    @Test func opticalOpening() throws {
        var opening = try #require(OpticalOpening(maxBaud: 9600))
        let request = opening.start()
        #expect(request == Array("/?!\r\n".utf8))
        #expect(try opening.receive(Array("/?!\r\n".utf8)).isEmpty, "an echo")
        let line = Array("/BBR6\\2METER 1\r\n".utf8)
        var events: [OpticalOpening.Event] = []
        for octet in line { events += try opening.receive([octet | 0x80]) }
        #expect(events == [.send([0x06, 0x32, 0x35, 0x32, 0x0D, 0x0A])])
        #expect(
            try opening.receive([0x06, 0x32, 0x35, 0x32, 0x0D, 0x0A])
                == [.setSpeed(baud: 9600, isHDLC: true), .ready(maker: "BBR", identification: "METER 1")])
        #expect(throws: DLMSError.self) { try opening.receive([0x41, 0x0D, 0x0A]) }
        for bad in ["/BBR5METER\r\n", "nonsense\r\n", "/BBRX\\2\r\n", String(repeating: "A", count: 80)] {
            var other = try #require(OpticalOpening())
            _ = other.start()
            #expect(throws: DLMSError.self) { try other.receive(Array(bad.utf8)) }
        }
        #expect(OpticalOpening(address: "12!") == nil)
    }

    // MARK: Selection

    private let columns = [CaptureObject(8, OBIS(0, 0, 1, 0, 0)), CaptureObject(3, OBIS(1, 0, 1, 29, 0))]
    private let rows: [[DLMSData]] = (1...5).map {
        [.octetString(COSEMDateTime(instantS: $0 * 1800, offsetS: 19800).bytes), .unsigned(UInt8($0))]
    }

    private func select(_ selector: Selector?) -> [Int64]? {
        let result = ProfileSelection.apply(selector, rows: rows, columns: columns) { try? $0.dateTime?.instantS() }
        guard case .success(let data) = result else { return nil }
        return data.elements?.compactMap { $0.elements?.last?.integer }
    }

    private func stamp(_ atS: Int64) -> COSEMDateTime { COSEMDateTime(instantS: atS, offsetS: 19800) }

    @Test func selection() {
        #expect(select(nil) == [1, 2, 3, 4, 5])
        #expect(select(.clockRange(from: stamp(3600), to: stamp(7200))) == [2, 3, 4])
        #expect(select(.clockRange(from: stamp(7200), to: stamp(3600))) == [])
        #expect(select(.entry(from: 4, to: 0)) == [4, 5])
        #expect(select(.entry(from: 2, to: 3, fromColumn: 2, toColumn: 2)) == [2, 3])
        #expect(select(.entry(from: 9, to: 12)) == [])
        #expect(select(.entry(from: 0, to: 3)) == nil && select(.entry(from: 3, to: 2)) == nil)
        #expect(select(.entry(from: 1, to: 1, fromColumn: 2, toColumn: 3)) == nil)
        let energy = Selector.range(
            by: columns[0], from: rows[0][0], to: rows[4][0], columns: [columns[1]])
        #expect(select(energy) == [1, 2, 3, 4, 5])
        let other = CaptureObject(3, OBIS(9, 9, 9, 9, 9))
        #expect(select(.range(by: other, from: rows[0][0], to: rows[1][0])) == nil)
        #expect(select(.range(by: columns[0], from: .null, to: rows[1][0])) == nil)
        #expect(select(.other(3, .null)) == nil)
    }

    @Test func planByEntry() {
        #expect(
            ProfileSelection.entries(count: 10, newest: 5, rowsPerPiece: 2) == [
                .entry(from: 6, to: 7), .entry(from: 8, to: 9), .entry(from: 10, to: 10),
            ])
        #expect(ProfileSelection.entries(count: 0, rowsPerPiece: 5).isEmpty)
        #expect(ProfileSelection.entries(count: 3, newest: 9, rowsPerPiece: 0).count == 3)
        let all = ProfileSelection.entries(count: .max, rowsPerPiece: 100_000)
        #expect(all.count == 3 && all.last == .entry(from: .max - 62_143, to: .max))
    }
}
