// What must be there before an endpoint can be probed, and how a probe is sent.
import Access
import CivilTime
import Clocks
import HeadEnd
import MeterData
import Meters
import SQL
import Testing

@testable import API

extension Fixture {
    /// A network of delivery in each company, and a meter that serves nobody.
    func addNetwork() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                for (offset, kind) in [(1, "nma"), (2, "plant"), (3, "stu")] as [(Int64, String)] {
                    try transaction.run(
                        """
                        INSERT INTO grid_node (org_id, node_id, kind, name) VALUES ($1, $2, $3, $4)
                        ON CONFLICT DO NOTHING
                        """, [.int(org), .int(400 + org * 100 + offset), .text(kind), .text("Probe of \(org)")])
                }
            }
            try Meter(
                meterID: 1078, serial: "head", host: "", port: 0, clientAddress: 0, authentication: "none",
                sealedKeys: nil, capturePeriodS: 1800
            ).create(Scope(orgID: 1), atMs: 0, in: transaction)
        }
    }
}

func limit(ofMeter meterID: String) -> [String: JSONValue] {
    [
        "matter": .string("load-limit"), "value": .string("3000"), "meterIDs": .array([.string(meterID)]),
        "reason": .string("a test of orders"),
    ]
}

extension Fixture {
    /// A finished import with a report in each company.
    func giveImports() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                let importID = try ImportRun.begin(
                    file: "load-of-\(org).csv", fileSHA256: Array(repeating: UInt8(org), count: 32), rowCount: 2,
                    valueCount: 1, refusals: [ImportRefusal(row: 2, what: "no", hint: "mend it", text: "x-of-\(org)")],
                    newID: 9200 + org, nowMs: 0, orgID: org, in: transaction)
                try ImportRun.finish(importID, report: "{\"format\":1}", nowMs: 0, orgID: org, in: transaction)
            }
        }
    }

    /// An order that waits for a second person in each company, given by nobody who is here.
    func giveOrders() async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run("UPDATE meter SET port = 4059 WHERE org_id = $1", [.int(org)])
                for orderID in [6000 + org] + (org == 1 ? Array(6101...6110) : []) {
                    try Self.giveOrder(orderID, org, in: transaction)
                }
            }
        }
    }

    /// Edits of another login, one in each company and some more in the first.
    func giveEdits(state: String = "proposed") async throws {
        try await site.money.write { transaction in
            for org in Int64(1)...2 {
                for editID in [7000 + org] + (org == 1 ? Array(7101...7110) : []) {
                    try transaction.run(
                        """
                        INSERT INTO reading_edit (org_id, edit_id, request_key, request_hash, meter_id, channel, tool,
                          detail, reason_code, reason, state, needs_approval, changed, net, first_day, last_day,
                          login_id, made_at_ms, note)
                        VALUES ($1, $2, $3, $4, $5, 1, 'zero', '', 'other', 'a test', $6, 0, 0, 0, 20450, 20450, 999, 0,
                          '') ON CONFLICT DO NOTHING
                        """,
                        [
                            .int(org), .int(editID), .text("k\(editID)"), .bytes([0]), .int(1070 + org), .text(state),
                        ])
                }
            }
        }
    }

    /// Requests for a second person: 8101 and 8102 of the companies, 8201… of who calls as the n-th, 8301… of another.
    func giveRequests() async throws {
        let logins = try Self.roles.map { try grant($0).session.actor.loginID }
        let target = targets[1]?.loginID ?? 0
        try await site.money.write { transaction in
            func give(_ requestID: Int64, _ org: Int64, by loginID: Int64) throws {
                try transaction.run(
                    """
                    INSERT INTO change_request (org_id, request_id, command, payload, content, content_hash,
                      subject_id, changes, login_id, source, why, made_at_ms, lapses_at_ms, state, note)
                    VALUES ($1, $2, 'payments.adjust', $3, $4, $5, $6, '[]', $7, 'test', 'a test', 0, $8, 'pending',
                      '') ON CONFLICT DO NOTHING
                    """,
                    [
                        .int(org), .int(requestID),
                        .text(#"{"accountID":\#(70 + org),"amountPaise":5,"reason":"a test","reference":"r"}"#),
                        .text("account=\(70 + org) of-\(org)"), .bytes([0]), .int(70 + org), .int(loginID),
                        .int(4_102_444_800_000),
                    ])
            }
            for org in Int64(1)...2 { try give(8100 + org, org, by: 999) }
            for number in 1...10 {
                try give(8200 + Int64(number), 1, by: number < 7 ? logins[(number - 1) % 3] : logins[2])
                try give(8300 + Int64(number), 1, by: target)
            }
        }
    }

    private static func giveOrder(_ orderID: Int64, _ org: Int64, in transaction: any SQLTransaction) throws {
        try transaction.run(
            """
            INSERT INTO meter_order (org_id, order_id, matter, desired, reason, meter_group, state, login_id,
              created_at_ms, expires_at_ms, wave_size, pause_ms, next_wave_ms)
            VALUES ($1, $2, 'load-limit', '3000', 'a test', 'meters', 'awaiting', 999, 0, $3, 5, 0, 0)
            ON CONFLICT (org_id, order_id) DO UPDATE SET state = 'awaiting'
            """, [.int(org), .int(orderID), .int(4_102_444_800_000)])
        try transaction.run(
            """
            INSERT INTO meter_order_target (org_id, order_id, meter_id, state, is_tried)
            VALUES ($1, $2, $3, 'waiting', 0) ON CONFLICT DO NOTHING
            """, [.int(org), .int(orderID), .int(1070 + org)])
    }
}

func zeros(ofMeter meterID: String, _ number: Int) -> [String: JSONValue] {
    [
        "meterID": .string(meterID), "channel": .string("exportWh"), "from": .string("2025-12-\(30 - number)"),
        "tool": .string("zero"), "baseVersions": .array([.number("0")]), "reasonCode": .string("other"),
        "reason": .string("a test of edits"),
    ]
}

func target(_ fixture: Fixture, _ org: Int64) -> JSONValue {
    .string(String(fixture.targets[org]?.loginID ?? 0))
}

extension Fixture {
    /// An order of another system that was taken, so that there is something to answer.
    func order() async throws {
        let document = """
            <RequestMessage xmlns="http://iec.ch/TC57/2011/schema/message"><Header><Verb>get</Verb>
            <Noun>MeterReadings</Noun><CorrelationID>probe-1</CorrelationID></Header><Request>
            <g:GetMeterReadings xmlns:g="http://iec.ch/TC57/2011/GetMeterReadings#"><g:EndDevice><g:Names>
            <g:name>BB1071</g:name></g:Names></g:EndDevice></g:GetMeterReadings></Request></RequestMessage>
            """
        let answer = await send(
            "POST", "/api/v1/exchange/orders",
            headers: try bearer(.administrator) + [("Content-Type", "application/xml")], body: document)
        #expect(answer.status == 200, "\(answer.text)")
    }

    /// Puts the fields where the endpoint takes them.
    func send(_ endpoint: AnyEndpoint, _ input: [String: JSONValue], headers: [(String, String)]) async -> Answer {
        var path = endpoint.path
        var query: [String] = []
        var body: [String: JSONValue] = [:]
        for (name, value) in input {
            let text = value.text ?? value.compact
            switch endpoint.place(of: name) {
            case .path:
                path = path.split(separator: "{\(name)}", omittingEmptySubsequences: false).joined(separator: text)
            case .query: query.append("\(name)=\(text)")
            case .body: body[name] = value
            }
        }
        var headers = headers
        if endpoint.idempotency == .keyed {
            // A key of each caller's own: the same key with another content would be refused.
            let caller = headers.first { $0.0 == "Authorization" }?.1.suffix(8) ?? "nobody"
            let size = JSONValue.object(input).compact.utf8.count
            headers.append(("Idempotency-Key", "key-\(size)-\(caller)"))
        }
        if let document = endpoint.documents?.takes["application/xml"] {
            return await send(
                endpoint.method, path, query.joined(separator: "&"),
                headers: headers + [("Content-Type", "application/xml")], body: document)
        }
        if let document = endpoint.documents?.takes["text/csv"] {
            return await send(
                endpoint.method, path, query.joined(separator: "&"), headers: headers + [("Content-Type", "text/csv")],
                body: document)
        }
        if let document = endpoint.documents?.takes["application/json"] {
            return await send(endpoint.method, path, headers: headers + (await signature(document)), body: document)
        }
        return await send(
            endpoint.method, path, query.joined(separator: "&"), headers: headers,
            body: endpoint.takesBody ? JSONValue.object(body).compact : nil)
    }
}

func with(_ probe: Probe, _ prepare: @escaping @Sendable (Fixture) async throws -> Void) -> Probe {
    var probe = probe
    probe.prepare = prepare
    return probe
}

/// A raw answer of meter 1071, taken over.
func rawAnswer(_ probe: Probe) -> Probe {
    with(probe) { fixture in
        let day = CivilDay(number: 20_433)
        try await fixture.site.readings.shard(day.month).write { transaction in
            let read = RawRead(
                day: day, meterID: 1071, batchID: 7071, readAtMs: 0, rows: [], registerStartWh: nil,
                registerEndWh: nil, clockDriftS: 0)
            try read.store(orgID: 1, in: transaction)
            try RawRead.acknowledge(throughChange: .max, month: day.month, orgID: 1, in: transaction)
        }
    }
}

func spareMeter(_ probe: Probe) -> Probe {
    with(probe) { fixture in
        try await fixture.site.money.write { transaction in
            try Meter(
                meterID: 1079, serial: "spare", host: "127.0.0.1", port: 1, clientAddress: 48,
                authentication: "none", sealedKeys: nil, capturePeriodS: 1800
            ).create(Scope(orgID: 1), atMs: 0, in: transaction)
        }
    }
}

func lateMeter(_ probe: Probe) -> Probe {
    with(probe) { fixture in
        _ = try await fixture.site.money.write { transaction in
            try transaction.run(
                """
                INSERT INTO collection (org_id, day, meter_id, state, expected_slots, have_slots, slots, attempt,
                  next_at_ms) VALUES (1, 20445, 1071, 'pending', 1, 0, '0', 0, 0)
                """)
        }
    }
}

func askedMeters(_ probe: Probe) -> Probe {
    with(probe) { fixture in
        try await fixture.site.money.write { transaction in
            for org in Int64(1)...2 {
                try transaction.run(
                    """
                    INSERT INTO liveness_poll (org_id, poll_id, poll_key, title, why, login_id, asked_at_ms, meters)
                    VALUES ($1, $2, 'k', 't', '', 0, 0, 1)
                    """, [.int(org), .int(9100 + org)])
                try transaction.run(
                    "INSERT INTO liveness (org_id, poll_id, meter_id, state) VALUES ($1, $2, $3, 'waiting')",
                    [.int(org), .int(9100 + org), .int(1070 + org)])
            }
        }
    }
}

/// A probe about one thing: `base` + 1 in the own company, `base` + 2 in the other.
func on(
    _ field: String, _ base: Int, _ roles: Set<Role>, _ more: [String: JSONValue] = [:],
    harmless: [String: String] = [:], prepare: (@Sendable (Fixture) async throws -> Void)? = nil
) -> Probe {
    Probe(
        roles: roles, own: { _, _ in more.merging([field: .string("\(base + 1)")]) { $1 } },
        other: { _ in more.merging([field: .string("\(base + 2)")]) { $1 } }, harmless: harmless,
        prepare: prepare)
}

/// A probe about two days.
func ofDays(_ own: [String: JSONValue], other: [String: JSONValue]? = nil) -> Probe {
    @Sendable func dated(_ input: [String: JSONValue]) -> [String: JSONValue] {
        input.merging(["from": .string("2025-12-30"), "to": .string("2025-12-31")]) { $1 }
    }
    var probe = Probe(roles: staff, own: { _, _ in dated(own) })
    if let other { probe.other = { _ in dated(other) } }
    return probe
}
