// Orders of another system: taken once, answered by their correlation id, believed only when the meter did it.
import Access
import CivilTime
import Exchange
import HeadEnd
import IEC61968
import Meters
import SQL
import Supply
import TestSupport
import Testing

@Suite struct OrdersTests {
    static func order(
        _ actions: [EndDeviceAction], _ devices: [String], correlation: String = "c-1", startMs: Int64? = nil
    ) -> [UInt8] {
        var writer = MessageWriter(
            .xml, MessageHeader(.request, .create, .endDeviceControls, source: "mdm", correlationID: correlation))
        for (index, action) in actions.enumerated() {
            writer.write(
                EndDeviceControl(
                    mRID: "o\(index)", code: action.code, reason: "not paid", startMs: startMs,
                    devices: devices.map { NamedThing(name: $0) }))
        }
        writer.finish()
        return writer.take()
    }

    private func relay(_ site: ExchangeSite, _ meterID: Int64) async throws -> RelayRecord? {
        try await site.site.money.read { try RelayRecord.find(meterID, Scope(orgID: 1), in: $0) }
    }

    @Test(
        "a disconnection is wanted, answered as waiting, and done when the meter says so",
        arguments: TestEngine.available)
    func disconnect(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            let document = Self.order([.disconnect], ["BB1", "NOBODY"])
            let report = try await site.take(document, .xml, .orders)
            #expect(report.orders.map(\.standing) == [.waiting, .failed])
            #expect(report.orders.map(\.code) == [.pending, .invalidMeter])
            #expect(try await relay(site, 1_001)?.wanted == .open)
            // Again: nothing more is asked for, and the answer is the present one.
            let orders = try await site.count("exchange_order")
            #expect(try await site.take(document, .xml, .orders).orders == report.orders)
            #expect(try await site.count("exchange_order") == orders && orders == 2)
            try await site.site.money.write { transaction in
                _ = try RelayRecord.confirm(
                    "open", meterID: 1_001, atMs: ExchangeSite.nowMs, changeID: 99, Scope(orgID: 1), in: transaction)
            }
            let answers = try await site.exchange.answers(to: "c-1")
            #expect(answers.map(\.standing) == [.done, .failed])
            let reply = try await site.exchange.reply(to: "c-1", .xml)
            var reader = MessageReader(.xml)
            let items = try reader.feed(reply)
            guard case .header(let header)? = items.first, case .reply(let told)? = items.last else {
                Issue.record("no reply")
                return
            }
            #expect(header.correlationID == "c-1" && header.envelope == .response && header.verb == .reply)
            #expect(told.result == .partial && told.faults.map(\.subject) == ["BB1", "NOBODY"])
            await #expect(throws: Refusal.self) { try await site.exchange.reply(to: "c-2", .xml) }
        }
    }

    @Test("what the rules refuse, and what is not done for others, is said so", arguments: TestEngine.available)
    func refused(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            // Nothing cuts this supply: there is no order to take back.
            let connect = try await site.take(Self.order([.connect], ["BB1"]), .xml, .orders)
            #expect(connect.orders.map(\.code) == [.refused])
            let others = try await site.take(
                Self.order([.disableLoadLimit, .upgradeFirmware], ["BB1"], correlation: "c-3"), .xml, .orders)
            #expect(others.orders.map(\.code) == [.unknownCode, .unknownCode])
            let later = try await site.take(
                Self.order([.disconnect], ["BB1"], correlation: "c-4", startMs: ExchangeSite.nowMs + 1), .xml, .orders)
            #expect(later.orders.map(\.standing) == [.failed])
            #expect(try await relay(site, 1_001)?.wanted == .closed)
            // Not at the door for readings.
            await #expect(throws: Refusal.self) {
                try await site.take(Self.order([.disconnect], ["BB1"]), .xml, .readingsAndEvents)
            }
            let reader = site.exchange(Actor(loginID: 5, role: .consumer, scope: Scope(orgID: 1)))
            await #expect(throws: Refusal.self) {
                try await reader.take(
                    DocumentSource(name: "d", bytes: Self.order([.disconnect], ["BB1"])), .xml, kind: .orders)
            }
        }
    }

    static func control(
        _ action: EndDeviceAction, _ value: String?, _ devices: [String], _ format: MessageFormat = .xml,
        correlation: String = "w-1", duration: String? = nil, reason: String? = "agreed"
    ) -> [UInt8] {
        var writer = MessageWriter(
            format, MessageHeader(.request, .create, .endDeviceControls, source: "mdm", correlationID: correlation))
        writer.write(
            EndDeviceControl(
                mRID: "x", code: action.code, reason: reason, value: value, duration: duration,
                devices: devices.map { NamedThing(name: $0) }))
        writer.finish()
        return writer.take()
    }

    /// Meters with an address, so that they can be told.
    private func reachable(_ site: ExchangeSite, _ serials: [String] = ["BB1", "BB2"]) async throws {
        try await site.site.money.write { transaction in
            for serial in serials {
                try transaction.run(
                    "UPDATE meter SET host = '127.0.0.1', port = 4059 WHERE serial = $1", [.text(serial)])
            }
        }
    }

    private func order(_ site: ExchangeSite) async throws -> MeterOrder? {
        try await site.site.money.read {
            try MeterOrder.page(before: nil, state: nil, limit: 9, Scope(orgID: 1), in: $0).first
        }
    }

    private func target(
        _ site: ExchangeSite, _ meterID: Int64, _ state: OrderTarget.State, _ answer: String?
    ) async throws {
        try await site.site.money.write {
            try $0.run(
                "UPDATE meter_order_target SET state = $1, answer = $2 WHERE meter_id = $3",
                [.text(state.rawValue), answer.map { .text($0) } ?? .null, .int(meterID)])
        }
    }

    @Test(
        "controls beside the relay become one order, as a person gives it, and are answered meter by meter",
        arguments: TestEngine.available, MessageFormat.allCases)
    func wishes(_ engine: TestEngine, _ format: MessageFormat) async throws {
        try await ExchangeSite.with(engine) { site in
            try await reachable(site)
            let document = Self.control(.setLoadLimit, "3000", ["BB1", "BB2", "BB3", "NOBODY"], format)
            let report = try await site.take(document, format, .orders)
            #expect(report.orders.map(\.code) == [.pending, .pending, .refused, .invalidMeter], "\(report.orders)")
            let given = try #require(try await order(site))
            #expect(given.matter == "load-limit" && given.desired == "3000" && given.reason == "agreed")
            #expect(given.state == .running)
            // Again the same document, and the same order in another: nothing more is ordered.
            #expect(try await site.take(document, format, .orders).orders == report.orders)
            let again = try await site.take(document + [10], format, .orders)
            #expect(again.orders == report.orders)
            let counts = [try await site.count("meter_order"), try await site.count("exchange_order")]
            #expect(counts == [1, 4])
            try await target(site, 1_001, .done, "done and read back")
            try await target(site, 1_002, .failed, "the meter said no")
            #expect(
                try await site.exchange.answers(to: "w-1").map(\.code) == [
                    .ok, .communication, .refused, .invalidMeter,
                ])
            try await target(site, 1_002, .skipped, "something else is wanted by now")
            #expect(try await site.exchange.answers(to: "w-1").map(\.code)[1] == .refused)
        }
    }

    @Test("each control that the house has an order for", arguments: TestEngine.available)
    func kinds(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            try await reachable(site)
            let controls: [(EndDeviceAction, String?, String, String)] = [
                (.setLoadLimit, "2500", "load-limit", "2500"), (.setBalance, "-4200", "balance", "-4200"),
                (.setPaymentMode, "prepaid", "payment-mode", "prepaid"), (.setClock, nil, "clock", "now"),
                (.resetDemand, nil, "reset.maximum-demand", "next"),
            ]
            for (action, value, matter, desired) in controls {
                let document = Self.control(action, value, ["BB1"], correlation: "k-\(matter)")
                let report = try await site.take(document, .xml, .orders)
                #expect(report.orders.map(\.standing) == [.waiting] && report.orders.first?.kind == matter)
                let given = try await order(site)
                #expect(given?.matter == matter && given?.desired == desired)
            }
            for (action, value, why) in [
                (EndDeviceAction.setLoadLimit, String?.none, "Watts"), (.setLoadLimit, "3 kW", "Watts"),
                (.setPaymentMode, "later", "prepaid"), (.setBalance, "4.5", "Paise"),
            ] {
                let document = Self.control(action, value, ["BB1"], correlation: "f-\(action)-\(value ?? "")")
                let told = try await site.take(document, .xml, .orders).orders
                #expect(told.map(\.code) == [.refused] && told.first?.what.contains(why) == true, "\(told)")
            }
            let brief = Self.control(.setLoadLimit, "2500", ["BB1"], correlation: "d", duration: "60")
            #expect(try await site.take(brief, .xml, .orders).orders.map(\.code) == [.unknownCode])
            let mute = Self.control(.setLoadLimit, "2500", ["BB1"], correlation: "r", reason: "x")
            #expect(try await site.take(mute, .xml, .orders).orders.map(\.code) == [.refused])
            #expect(try await site.count("meter_order") == 5)
        }
    }

    @Test("a limit for more meters than one may order alone waits for a second person", arguments: TestEngine.available)
    func twoPeople(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            try await reachable(site)
            try await site.site.money.write {
                try Setting.set(
                    CutLimit.setting, "1", from: CivilDay(number: 20_000), Scope(orgID: 1), in: $0)
            }
            let told = try await site.take(Self.control(.setLoadLimit, "3000", ["BB1", "BB2"]), .xml, .orders).orders
            #expect(told.map(\.code) == [.pending, .pending])
            #expect(told.allSatisfy { $0.what.contains("second person") })
            let given = try #require(try await order(site))
            #expect(given.state == .awaiting)
            _ = try await site.site.perform(
                ApproveOrder(orderID: given.orderID),
                as: Actor(loginID: 12, role: .operator, scope: Scope(orgID: 1)), source: "test")
            #expect(try await site.exchange.answers(to: "w-1").allSatisfy { $0.what == "on its way to the meter" })
            try await site.site.money.write { try $0.run("UPDATE meter_order SET state = 'expired'") }
            #expect(try await site.exchange.answers(to: "w-1").map(\.code) == [.refused, .refused])
        }
    }

    @Test("single cuts are no way around the second person", arguments: TestEngine.available)
    func cutsAreCounted(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            try await site.site.money.write {
                try Setting.set(CutLimit.setting, "1", from: CivilDay(number: 20_000), Scope(orgID: 1), in: $0)
            }
            let person = site.exchange(Actor(loginID: 12, role: .operator, scope: Scope(orgID: 1)))
            let document = DocumentSource(name: "cuts", bytes: Self.order([.disconnect], ["BB1", "BB2"]))
            let told = try await person.take(document, .xml, kind: .orders).orders
            #expect(told.filter { $0.code == .refused }.map { $0.what.contains("second person") } == [true], "\(told)")
            #expect(try await site.count("supply_order") == 1)
        }
    }

    @Test("cut, then connected again: the later order takes the first back", arguments: TestEngine.available)
    func thereAndBack(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            _ = try await site.take(Self.order([.disconnect], ["BB1"]), .xml, .orders)
            let back = try await site.take(Self.order([.connect], ["BB1"], correlation: "c-5"), .xml, .orders)
            #expect(back.orders.map(\.standing) != [.failed], "\(back.orders)")
            #expect(try await relay(site, 1_001)?.wanted == .closed)
        }
    }

    @Test("a request for readings is an order to read now", arguments: TestEngine.available, MessageFormat.allCases)
    func read(_ engine: TestEngine, _ format: MessageFormat) async throws {
        try await ExchangeSite.with(engine) { site in
            var writer = MessageWriter(
                format, MessageHeader(.request, .get, .meterReadings, source: "mdm", correlationID: "c-6"))
            writer.write(ReadingsRequest(devices: [NamedThing(name: "BB1"), NamedThing(name: "BB2")]))
            writer.finish()
            let document = writer.take()
            let report = try await site.take(document, format, .orders)
            #expect(
                report.orders.map(\.standing) == [.waiting, .waiting] && report.orders.map(\.kind) == ["read", "read"])
            _ = try await site.take(document, format, .orders)
            #expect(try await site.count("meter_command") == 2)
            try await site.site.money.write {
                try $0.run(
                    "UPDATE meter_command SET state = 'confirmed', answer = '12 intervals' WHERE meter_id = 1001")
                try $0.run("UPDATE meter_command SET state = 'failed', answer = 'silent' WHERE meter_id = 1002")
            }
            let answers = try await site.exchange.answers(to: "c-6")
            #expect(answers.map(\.code) == [.ok, .communication])
        }
    }

    @Test("orders given here go out as controls", arguments: TestEngine.available)
    func controls(_ engine: TestEngine) async throws {
        try await ExchangeSite.with(engine) { site in
            try await site.site.money.write {
                for (id, kind) in [(Int64(1), "disconnect"), (2, "reconnect"), (3, "read")] {
                    try $0.run(
                        """
                        INSERT INTO meter_command (org_id, command_id, command_key, meter_id, kind, state, why,
                          created_at_ms, next_at_ms, attempt)
                        VALUES (1, $1, $2, 1001, $2, 'confirmed', 'test', $3, 0, 1)
                        """, [.int(id), .text(kind), .int(ExchangeSite.nowMs)])
                }
            }
            var reader = MessageReader(.xml)
            let items = try reader.feed(try await site.whole(.controls, .xml))
            let codes = items.compactMap { if case .control(let control) = $0 { control.code } else { nil } }
            #expect(codes == [EndDeviceAction.disconnect.code, EndDeviceAction.connect.code])
        }
    }
}
