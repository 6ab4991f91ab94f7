// Every endpoint against every role: who gets in and who does not.
import Access
import CivilTime
import Clocks
import HeadEnd
import MeterData
import Meters
import SQL
import Testing

// Every endpoint × every role × own and other company. An endpoint without a row here fails the test.
@testable import API

/// How one endpoint is expected to behave.
struct Probe: Sendable {
    /// Nil: anyone, also without a session.
    var roles: Set<Role>?
    /// An input that works in the caller's own company. `number` is new for each request.
    var own: @Sendable (_ fixture: Fixture, _ number: Int) -> [String: JSONValue]
    /// The same, pointing into company 2. Must be there when the input holds an id.
    var other: (@Sendable (_ fixture: Fixture) -> [String: JSONValue])?
    /// Id fields that cannot point into another company, and why.
    var harmless: [String: String] = [:]
    /// What must be there before the input works.
    var prepare: (@Sendable (Fixture) async throws -> Void)?
}

let probes = [
    coreProbes, productProbes, outageProbes, supplyProbes, paymentProbes, packProbes, runProbes, requestProbes,
    subscriptionProbes,
].reduce(into: [:]) { $0.merge($1) { $1 } }

private let coreProbes: [String: Probe] = [
    "health.live": Probe(own: { _, _ in [:] }), "health.ready": Probe(own: { _, _ in [:] }),
    "problems.list": Probe(own: { _, _ in [:] }),
    "problems.read": Probe(own: { _, _ in ["code": .string("csrf")] }),
    "session.create": Probe(own: { _, _ in
        ["username": .string("operator-of-1"), "password": .string(Fixture.password), "use": .string("bearer")]
    }),
    "session.read": Probe(roles: [.consumer, .operator, .administrator], own: { _, _ in [:] }),
    "session.delete": Probe(roles: [.consumer, .operator, .administrator], own: { _, _ in [:] }),
    "session.second-step": Probe(
        own: { _, number in
            [
                "proof": .string(proof(number)), "code": .string("recovery-\(number)"), "use": .string("bearer"),
            ]
        }, prepare: { try await $0.giveSecondSteps(confirmed: true) }),
    "second-step.read": Probe(roles: everyone, own: { _, _ in [:] }),
    "second-step.begin": Probe(roles: everyone, own: { _, _ in [:] }),
    "second-step.confirm": Probe(
        roles: everyone, own: { fixture, _ in ["code": .string(fixture.code)] },
        prepare: { try await $0.giveSecondSteps(confirmed: false) }),
    "second-step.remove": Probe(
        roles: everyone,
        own: { fixture, _ in ["password": .string(Fixture.password), "code": .string(fixture.code)] },
        prepare: { try await $0.giveSecondSteps(confirmed: true) }),
    "logins.reset-second-step": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2)] }),
    "logins.list": Probe(
        roles: [.administrator], own: { _, _ in ["limit": .number("2")] },
        other: { fixture in ["after": .string(String((fixture.targets[2]?.loginID ?? 0) - 1))] }),
    "logins.add": Probe(
        roles: [.administrator],
        own: { _, number in
            [
                "username": .string("new-\(number)"), "name": .string("N"), "role": .string("operator"),
                "language": .string("hi"), "password": .string("nine blue tigers"),
            ]
        },
        other: { _ in
            [
                "username": .string("reaching"), "name": .string("N"), "role": .string("operator"),
                "language": .string("hi"), "placeID": .string("21"), "password": .string("nine blue tigers"),
            ]
        }),
    "keys.list": Probe(
        roles: [.administrator], own: { _, _ in ["limit": .number("2")] },
        other: { _ in ["after": .string("1")] }),
    "keys.add": Probe(
        roles: [.administrator], own: { _, number in newKey("new-\(number)") },
        other: { _ in newKey("reaching").merging(["placeID": .string("21")]) { $1 } }),
    "keys.revoke": Probe(
        roles: [.administrator], own: { fixture, _ in ["keyID": .string(String(fixture.keys[1]?.keyID ?? 0))] },
        other: { fixture in ["keyID": .string(String(fixture.keys[2]?.keyID ?? 0))] }),
    "logins.set-password": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2), "password": .string("nine blue tigers")] }),
    "logins.disable": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2)] }),
    "logins.enable": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2)] }),
    "sessions.list": Probe(roles: everyone, own: { _, _ in [:] }),
    "sessions.end": Probe(
        roles: everyone,
        own: { fixture, number in
            let role = Fixture.roles[max(0, number - 1) % Fixture.roles.count]
            return ["sessionID": .string(String(fixture.grants[1]?[role]?.session.sessionID ?? 0))]
        },
        other: { ["sessionID": .string(String($0.grants[2]?[.administrator]?.session.sessionID ?? 0))] }),
    "sessions.end-others": Probe(roles: everyone, own: { _, _ in [:] }),
    "session.password": Probe(
        roles: everyone,
        own: { _, _ in
            [
                "oldPassword": .string(Fixture.password), "password": .string("nine blue tigers"),
                "use": .string("bearer"),
            ]
        }),
    "logins.sessions": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2)] }),
    "logins.end-sessions": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2)] }),
    "logins.change": Probe(
        roles: [.administrator],
        own: { fixture, _ in
            ["loginID": target(fixture, 1), "role": .string("operator"), "language": .string("hi")]
        },
        other: { ["loginID": target($0, 2), "role": .string("administrator"), "language": .string("hi")] },
        harmless: [
            "accountID": "the login stays in its company, where another company's account does not exist",
            "placeID": "the login stays in its company, where another company's place does not exist",
        ]),
    "audit.list": Probe(
        roles: [.administrator], own: { _, _ in ["limit": .number("2")] },
        other: { ["subjectID": target($0, 2)] },
        harmless: ["before": "a place in the caller's own list, whatever it names"]),
    "settings.history": Probe(
        roles: [.administrator], own: { _, _ in ["name": .string("supply.warn-below-paise")] },
        harmless: ["before": "a place in the caller's own list, whatever it names"]),
    "settings.compare": Probe(
        roles: [.administrator],
        own: { _, _ in twoDays.merging(["name": .string("supply.warn-below-paise")]) { $1 } }),
    "logins.history": Probe(
        roles: [.administrator], own: { fixture, _ in ["loginID": target(fixture, 1)] },
        other: { ["loginID": target($0, 2)] },
        harmless: ["before": "a place in the caller's own list, whatever it names"]),
    "logins.compare": Probe(
        roles: [.administrator],
        own: { fixture, _ in twoDays.merging(["loginID": target(fixture, 1)]) { $1 } },
        other: { fixture in twoDays.merging(["loginID": target(fixture, 2)]) { $1 } }),
    "accounts.history": on("accountID", 70, staff),
    "accounts.compare": on("accountID", 70, staff, twoDays),
    "meters.history": on("meterID", 1070, staff),
    "meters.compare": on("meterID", 1070, staff, twoDays),
    "settings.list": Probe(roles: [.administrator], own: { _, _ in [:] }),
    "settings.set": Probe(
        roles: [.administrator],
        own: { _, number in ["name": .string("supply.warn-below-paise"), "value": .string("\(6000 + number)")] }),
]

private let everyone = Set(Fixture.roles)
private let twoDays: [String: JSONValue] = ["first": .string("2025-12-30"), "second": .string("2026-01-02")]
let staff: Set<Role> = [.operator, .administrator]
private let everybody: Set<Role> = [.consumer, .operator, .administrator]

private func newKey(_ name: String) -> [String: JSONValue] {
    [
        "name": .string(name), "permissions": .array([.string("meters.read")]), "until": .string("2026-05-01"),
    ]
}

private let someRules = #"{"format":2,"negative":true}"#
/// The spike that TestRetailer plants on the last day.
private func heldSpike(_ fixture: Fixture, _ meterID: Int64) -> String {
    "\(lastDay(fixture)).\(meterID).spike.20"
}
private func lastDay(_ fixture: Fixture) -> CivilDay {
    Zone.india.day(atS: fixture.site.clocks.businessNowMs() / 1000).advanced(by: -1)
}
private func validatedAgain(_ fixture: Fixture, _ meterID: Int64) -> [String: JSONValue] {
    [
        "meterIDs": .array([.string("\(meterID)")]), "fromDay": .string("\(lastDay(fixture))"),
        "toDay": .string("\(lastDay(fixture))"), "reason": .string("a test of rules"),
    ]
}

/// Accounts and meters of TestRetailer: 71 and 1071 are of company 1, 72 and 1072 of company 2.
private let productProbes: [String: Probe] = [
    "line.read": Probe(roles: staff, own: { _, _ in [:] }),
    "exceptions.list": Probe(roles: staff, own: { _, _ in [:] }),
    "reading-exceptions.list": Probe(
        roles: staff, own: { _, _ in ["meterID": .string("1081"), "placeID": .string("12")] },
        other: { _ in ["meterID": .string("1082")] },
        harmless: [
            "placeID": "asked with a meter, whose reach is proven first", "ownerID": "only narrows the own list",
        ]),
    "reading-exceptions.counts": Probe(
        roles: staff, own: { _, _ in ["placeID": .string("12")] }, other: { _ in ["placeID": .string("22")] },
        harmless: ["meterID": "as in reading-exceptions.list", "ownerID": "only narrows the own list"]),
    "reading-exceptions.read": Probe(
        roles: staff, own: { fixture, _ in ["id": .string(heldSpike(fixture, 1081))] },
        other: { ["id": .string(heldSpike($0, 1082))] }),
    "reading-exceptions.work": Probe(
        roles: staff,
        own: { fixture, _ in
            ["act": .string("take"), "ids": .array([.string(heldSpike(fixture, 1081))])]
        },
        other: { ["act": .string("take"), "ids": .array([.string(heldSpike($0, 1082))])] },
        harmless: [
            "placeID": "as in reading-exceptions.list", "meterID": "as in reading-exceptions.list",
            "ownerID": "only narrows the own list",
        ]),
    "validation.rules": Probe(roles: [.administrator], own: { _, _ in [:] }),
    "validation.set-rules": Probe(
        roles: [.administrator],
        own: { _, _ in ["group": .string("all"), "rules": .string(someRules)] },
        other: { _ in ["group": .string("place:20"), "rules": .string(someRules)] }),
    "validation.preview": Probe(
        roles: [.administrator],
        own: { _, _ in
            [
                "group": .string("all"), "rules": .string(someRules), "days": .number("3"),
            ]
        }),
    "estimation.plans": Probe(roles: [.administrator], own: { _, _ in [:] }),
    "estimation.set-plan": Probe(
        roles: [.administrator],
        own: { _, _ in ["group": .string("all"), "plan": .string("best")] },
        other: { _ in ["group": .string("place:20"), "plan": .string("best")] }),
    "validation.again": Probe(
        roles: staff, own: { fixture, _ in validatedAgain(fixture, 1081) },
        other: { validatedAgain($0, 1082) }, harmless: ["placeID": "Place.find proves its reach, as for lists"]),
    "validation.task": Probe(
        roles: staff, own: { _, _ in ["taskID": .string("5101")] }, other: { _ in ["taskID": .string("5102")] },
        prepare: { fixture in
            try await fixture.site.money.write { transaction in
                for org in Int64(1)...2 {
                    try transaction.run(
                        """
                        INSERT INTO vee_task (org_id, task_id, what, reason, login_id, asked_at_ms, items, item_count,
                          looked_count, done_count, done_at_ms) VALUES ($1, $2, 'take', '', 999, 0, '', 0, 0, 0, 0)
                        ON CONFLICT DO NOTHING
                        """, [.int(org), .int(5100 + org)])
                }
            }
        }),
    "jobs.list": Probe(roles: staff, own: { _, _ in [:] }),
    "jobs.runs": Probe(
        roles: staff, own: { _, _ in ["kind": .string("rate"), "limit": .number("2")] },
        other: { _ in ["kind": .string("rate"), "before": .string("9000000000000000000")] }),
    "jobs.run": Probe(roles: [.administrator], own: { _, _ in ["kind": .string("collect")] }),
    "jobs.pause": Probe(
        roles: [.administrator], own: { _, _ in ["kind": .string("rate"), "reason": .string("a test of pauses")] }),
    "jobs.resume": Probe(roles: [.administrator], own: { _, _ in ["kind": .string("rate")] }),
    "jobs.rerun-days": Probe(
        roles: [.administrator],
        own: { _, _ in
            ["kind": .string("rate"), "from": .string("2025-12-30"), "to": .string("2025-12-31")]
        }),
    "jobs.catch-up": Probe(roles: [.administrator], own: { _, _ in [:] }),
    "exceptions.retry": on("itemID", 5000, staff, ["kind": .string("command-failed")]),
    "exceptions.set-aside": on(
        "itemID", 5000, staff, ["kind": .string("command-failed"), "reason": .string("a test of orders")]),
    "status.read": Probe(roles: staff, own: { _, _ in [:] }),
    "trial-balance.read": Probe(roles: [.administrator], own: { _, _ in [:] }),
    "journal.balances": Probe(
        roles: [.administrator], own: { _, _ in ["limit": .number("2")] },
        harmless: ["after": "a place in the caller's own list, whatever it names"]),
    "meters.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("1")] }, other: { _ in ["set": .string("place:20")] }),
    "meters.read": on("meterID", 1070, staff),
    "meters.load": on(
        "meterID", 1070, everybody, ["from": .string("2025-12-30"), "to": .string("2025-12-31")]),
    "meters.set-profile": on(
        "meterID", 1070, [.administrator], ["profileName": .string("auto"), "reason": .string("a test of profiles")]),
    "meters.order-read": on("meterID", 1070, staff),
    "meters.reads": on("meterID", 1070, staff, ["day": .string("2025-12-31")]),
    "meters.frames": rawAnswer(on("meterID", 1070, staff, ["batchID": .string("7071")])),
    "meters.clock": on("meterID", 1070, staff),
    "meters.replace": spareMeter(
        on(
            "meterID", 1070, [.administrator],
            ["newMeterID": .string("1079"), "atMs": .number("\(Template.startMs - 86_400_000)")])),
    "collection.read": Probe(roles: staff, own: { _, _ in [:] }),
    "collection.late": Probe(
        roles: staff, own: { _, _ in ["cause": .string("waiting")] }, other: { _ in ["placeID": .string("20")] }),
    "collection.run": lateMeter(on("meterID", 1070, staff)),
    "service-clocks.read": Probe(roles: staff, own: { _, _ in [:] }),
    "liveness.ask": on("meterID", 1070, staff),
    "liveness.list": Probe(roles: staff, own: { _, _ in [:] }),
    "liveness.read": askedMeters(on("pollID", 9100, staff)),
    "meters.keys": on("meterID", 1070, staff),
    "meters.recover-counter": on(
        "meterID", 1070, [.administrator], ["lowers": .bool(false), "why": .string("a test of counters")]),
    "meter-keys.rotate": Probe(
        roles: [.administrator], own: { _, _ in ["placeID": .string("11")] },
        other: { _ in ["placeID": .string("21")] }, harmless: ["meterID": "given alone it is looked up as the place is"]
    ),
    "meter-keys.progress": Probe(roles: staff, own: { _, _ in [:] }),
    "events.list": Probe(
        roles: staff, own: { _, _ in ["severity": .string("warning")] },
        other: { _ in ["placeID": .string("20")] }, harmless: ["meterID": "filters rows of the own company"]),
    "events.aside": Probe(roles: staff, own: { _, _ in ["limit": .number("2")] }),
    "exchange.readings": on(
        "meterID", 1070, staff, ["from": .string("2025-12-30"), "to": .string("2025-12-31")],
        harmless: ["placeID": "not beside a meter; ExchangeTests point it elsewhere"]),
    "exchange.events": on(
        "meterID", 1070, staff, ["from": .string("2025-12-30"), "to": .string("2025-12-31")],
        harmless: ["placeID": "not beside a meter; ExchangeTests point it elsewhere"]),
    "exchange.controls": on(
        "meterID", 1070, staff, ["from": .string("2025-12-30"), "to": .string("2025-12-31")],
        harmless: ["placeID": "not beside a meter; ExchangeTests point it elsewhere"]),
    "exchange.take": Probe(roles: staff, own: { _, _ in [:] }),
    "exchange.order": Probe(roles: staff, own: { _, _ in [:] }),
    "exchange.replies": Probe(
        roles: staff, own: { _, _ in ["correlationID": .string("probe-1")] }, prepare: { try await $0.order() }),
    "imports.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("2")] }, other: { _ in ["before": .string("9000000")] }),
    "imports.report": on("importID", 9200, staff, prepare: { try await $0.giveImports() }),
    "imports.refused": on("importID", 9200, staff, prepare: { try await $0.giveImports() }),
    "imports.take": Probe(roles: staff, own: { _, _ in ["name": .string("load.csv")] }),
    "readings.enter": on(
        "meterID", 1070, staff,
        [
            "kind": .string("register"), "atMs": .number("1767000000000"), "value": .number("4218306"),
            "reason": .string("read on site"),
        ]),
    "meters.wishes": on("meterID", 1070, staff),
    "orders.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("1")] }, other: { _ in ["before": .string("9000000")] }),
    "orders.add": Probe(
        roles: staff, own: { _, _ in limit(ofMeter: "1071") }, other: { _ in limit(ofMeter: "1072") },
        harmless: ["placeID": "the meters under it are looked up in the caller's company"],
        prepare: { try await $0.giveOrders() }),
    "orders.read": on("orderID", 6000, staff, prepare: { try await $0.giveOrders() }),
    "orders.meters": on("orderID", 6000, staff, prepare: { try await $0.giveOrders() }),
    // One order for each caller: it can be approved and stopped once.
    "orders.approve": Probe(
        roles: staff, own: { _, number in ["orderID": .string("\(6101 + number)")] },
        other: { _ in ["orderID": .string("6002")] }, prepare: { try await $0.giveOrders() }),
    "orders.stop": Probe(
        roles: staff,
        own: { _, number in ["orderID": .string("\(6101 + number)"), "reason": .string("a test of stopping")] },
        other: { _ in ["orderID": .string("6002"), "reason": .string("a test of stopping")] },
        prepare: { try await $0.giveOrders() }),
    "edits.list": Probe(
        roles: staff, own: { _, _ in ["limit": .number("1")] }, other: { _ in ["before": .string("9000000")] },
        harmless: ["meterID": "filters edits of the own company"]),
    "edits.read": on("editID", 7000, staff, prepare: { try await $0.giveEdits() }),
    // A day for each caller, of a channel that has nothing.
    "edits.add": Probe(
        roles: staff, own: { _, number in zeros(ofMeter: "1071", number) },
        other: { _ in zeros(ofMeter: "1072", 1) }),
    "edits.approve": Probe(
        roles: [.administrator], own: { _, number in ["editID": .string("\(7101 + number)")] },
        other: { _ in ["editID": .string("7002")] }, prepare: { try await $0.giveEdits() }),
    // An operator may withdraw what is his own; these are of others.
    "edits.reject": Probe(
        roles: [.administrator],
        own: { _, number in ["editID": .string("\(7101 + number)"), "reason": .string("a test of edits")] },
        other: { _ in ["editID": .string("7002"), "reason": .string("a test of edits")] },
        prepare: { try await $0.giveEdits() }),
    "edits.undo": Probe(
        roles: staff,
        own: { _, number in ["editID": .string("\(7101 + number)"), "reason": .string("a test of edits")] },
        other: { _ in ["editID": .string("7002"), "reason": .string("a test of edits")] },
        prepare: { try await $0.giveEdits(state: "applied") }),
    "meters.register": on("meterID", 1070, staff, ["day": .string("2025-12-31")]),
    "estimates.list": Probe(
        roles: staff, own: { _, _ in ["from": .string("2025-12-01"), "to": .string("2025-12-31")] },
        other: { _ in
            ["from": .string("2025-12-01"), "to": .string("2025-12-31"), "meterID": .string("1072")]
        }, harmless: ["placeID": "only narrows what is seen of the own company"]),
    "estimates.accuracy": Probe(
        roles: staff, own: { _, _ in ["from": .string("2025-12-01"), "to": .string("2025-12-31")] },
        other: { _ in
            ["from": .string("2025-12-01"), "to": .string("2025-12-31"), "placeID": .string("20")]
        }),
    "firmware.list": Probe(roles: staff, own: { _, _ in [:] }),
    "firmware.add": Probe(
        roles: staff, own: { _, _ in ["version": .string("2.14"), "content": .string("QkJGVw==")] }),
    "accounts.list": Probe(
        roles: staff, own: { _, _ in ["balanceBelowPaise": .number("9000000")] },
        other: { _ in ["placeID": .string("20")] }),
    "accounts.balance": on("accountID", 70, everybody),
    "accounts.charges": on(
        "accountID", 70, everybody, ["from": .string("2025-12-01"), "to": .string("2025-12-31")]),
    "places.list": Probe(
        roles: staff, own: { _, _ in ["kind": .string("feeder")] }, other: { _ in ["under": .string("20")] }),
    "places.read": Probe(
        roles: staff, own: { _, _ in ["placeID": .string("11")] }, other: { _ in ["placeID": .string("21")] }),
    "places.add": Probe(
        roles: [.administrator],
        own: { _, number in ["name": .string("New \(number)"), "kind": .string("plant")] },
        other: { _ in ["name": .string("N"), "kind": .string("pole"), "parentID": .string("21")] }),
    "network.list": Probe(
        roles: staff, own: { _, _ in ["kind": .string("stu")] },
        harmless: ["after": "a place in a list of the own company"], prepare: { try await $0.addNetwork() }),
    "network.terms": Probe(
        roles: staff, own: { _, _ in [:] }, harmless: ["after": "a place in a list of the own company"]),
    "network.set": Probe(
        roles: [.administrator],
        own: { _, number in
            [
                "kind": .string("plant"), "name": .string("Plant \(number)a"), "fromDay": .string("2026-01-01"),
                "injectingSTU": .string("503"),
            ]
        },
        other: { _ in
            [
                "kind": .string("plant"), "name": .string("Of another"), "fromDay": .string("2026-01-01"),
                "injectingSTU": .string("603"),
            ]
        },
        harmless: ["drawingSTU": "looked up as injectingSTU is", "resID": "looked up as injectingSTU is"],
        prepare: { try await $0.addNetwork() }),
    "network.declare": Probe(
        roles: [.administrator],
        own: { _, _ in ["text": .string("node,term,from,value\n501,loss-percent,2026-04-01,3.5\n")] },
        other: { _ in ["text": .string("node,term,from,value\n601,loss-percent,2026-04-01,3.5\n")] },
        prepare: { try await $0.addNetwork() }),
    "network.assign": Probe(
        roles: [.administrator],
        own: { _, _ in
            ["placeID": .string("11"), "nmaID": .string("501"), "fromDay": .string("2026-01-01")]
        },
        other: { _ in
            ["placeID": .string("21"), "nmaID": .string("601"), "fromDay": .string("2026-01-01")]
        }, prepare: { try await $0.addNetwork() }),
    "network.plant": Probe(
        roles: [.administrator],
        own: { _, _ in
            ["packID": .string("DOM-TOU"), "plantID": .string("502"), "fromDay": .string("2026-01-01")]
        },
        other: { _ in
            ["packID": .string("DOM-TOU"), "plantID": .string("602"), "fromDay": .string("2026-01-01")]
        }, prepare: { try await $0.addNetwork() }),
    "network.meter": Probe(
        roles: [.administrator],
        own: { _, _ in
            ["placeID": .string("11"), "serial": .string("head"), "fromDay": .string("2026-01-01")]
        },
        other: { _ in
            ["placeID": .string("21"), "serial": .string("head"), "fromDay": .string("2026-01-01")]
        }, prepare: { try await $0.addNetwork() }),
    "network.virtual": Probe(
        roles: [.administrator],
        own: { _, number in
            [
                "name": .string("V \(number)"), "formula": .string("+place:11 -meter:1071"),
                "fromDay": .string("2026-01-01"),
            ]
        },
        other: { _ in
            ["name": .string("V"), "formula": .string("+place:21"), "fromDay": .string("2026-01-01")]
        }),
    "accounts.move": Probe(
        roles: [.administrator],
        own: { _, _ in
            ["accountID": .string("71"), "placeID": .string("11"), "fromDay": .string("2025-12-31")]
        },
        other: { _ in
            ["accountID": .string("72"), "placeID": .string("21"), "fromDay": .string("2025-12-31")]
        }),
    "aggregates.read": ofDays(["set": .string("place:11")], other: ["set": .string("place:21")]),
    "aggregates.parts": ofDays(["set": .string("place:11")], other: ["set": .string("place:21")]),
    "balances.read": ofDays([:]),
    "forecasts.read": ofDays(["set": .string("place:11")], other: ["set": .string("place:21")]),
    "forecasts.issues": Probe(roles: staff, own: { _, _ in [:] }),
    "reports.read": ofDays(
        ["report": .string("consumption"), "set": .string("place:11")],
        other: ["report": .string("consumption"), "set": .string("place:21")]),
    "accounts.read": on("accountID", 70, everybody),
    "accounts.statement": on("accountID", 70, everybody, ["limit": .number("3")]),
    "accounts.day": on("accountID", 70, everybody, ["day": .string("2025-12-31")]),
    "accounts.recharge": on("accountID", 70, everybody, ["amountPaise": .number("20000")]),
    "accounts.adjust": on(
        "accountID", 70, [.administrator], ["amountPaise": .number("-500"), "reason": .string("a test")]),
    "accounts.order-supply": on(
        "accountID", 70, staff, ["order": .string("cut"), "reason": .string("a test of orders")]),
]

@Suite struct PolicyTests {
    @Test func everyEndpointIsClassified() {
        #expect(Set(probes.keys) == Set(Endpoints.all.map(\.name)))
        #expect(Set(Endpoints.all.map(\.name)).count == Endpoints.all.count)
        #expect(waitForASecond.isSubset(of: Endpoints.all.filter(\.takesTwo).map(\.name)))
    }

    @Test(arguments: Endpoints.all.map(\.name))
    func everyRoleGetsWhatItMayAndNoMore(_ name: String) async throws {
        let endpoint = try #require(Endpoints.all.first { $0.name == name })
        let probe = try #require(probes[name], "classify \(name) in PolicyTests.swift")
        // A session of each role is used once: signing out ends it.
        try await Fixture.with { fixture in
            try await probe.prepare?(fixture)
            let nobody = await fixture.send(endpoint, probe.own(fixture, 0), headers: [])
            if probe.roles == nil {
                #expect((200...299).contains(nobody.status), "\(nobody.text)")
            } else {
                #expect(nobody.status == 401 && nobody.problem == "unauthenticated", "\(nobody.text)")
                #expect(nobody.headers["WWW-Authenticate"] == "Bearer")
            }
            for (number, role) in Fixture.roles.enumerated() {
                let answer = await fixture.send(
                    endpoint, probe.own(fixture, number + 1), headers: try fixture.bearer(role))
                if probe.roles?.contains(role) ?? true {
                    let waits = waitForASecond.contains(name)
                    #expect(answer.status == (waits ? 202 : endpoint.status), "\(role): \(answer.text)")
                    if endpoint.documents == nil {
                        try (waits ? Schema.of(RequestView.self) : endpoint.output).check(try answer.json)
                    }
                } else {
                    #expect(answer.status == 403 && answer.problem == "forbidden", "\(role): \(answer.text)")
                }
                #expect(!answer.text.contains("-of-2"), "\(role) sees company 2")
            }
        }
    }

    @Test(arguments: Endpoints.all.map(\.name))
    func nobodyReachesIntoAnotherCompany(_ name: String) async throws {
        let endpoint = try #require(Endpoints.all.first { $0.name == name })
        let probe = try #require(probes[name], "classify \(name) in PolicyTests.swift")
        let idFields = endpoint.input.fields.filter { field in
            if case .string(_, _, let pattern?, _) = field.schema.kind { pattern.contains("[1-9][0-9]") } else { false }
        }.map(\.name).filter { probe.harmless[$0] == nil }
        guard let other = probe.other else {
            #expect(idFields.isEmpty, "\(name) takes the ids \(idFields): say how they point elsewhere")
            return
        }
        try await Fixture.with { fixture in
            let before = try await state(of: 2, fixture)
            let answer = await fixture.send(endpoint, other(fixture), headers: try fixture.bearer(.administrator))
            #expect(
                answer.status == 404 || (200...299).contains(answer.status) && endpoint.method == "GET",
                "\(answer.text)")
            #expect(!answer.text.contains("-of-2"), "\(answer.text)")
            #expect(try await state(of: 2, fixture) == before)
        }
    }

    /// What company 2 owns, as one text.
    private func state(of org: Int64, _ fixture: Fixture) async throws -> [String] {
        try await fixture.site.money.read { transaction in
            try transaction.query(
                "SELECT login_id, password_hash, disabled_at_ms FROM login WHERE org_id = $1 ORDER BY login_id",
                [.int(org)]
            ) { "\(try $0.int(0)) \(try $0.text(1)) \(try $0.optionalInt(2) ?? 0)" }
                + transaction.query("SELECT name, value FROM setting WHERE org_id = $1 ORDER BY name", [.int(org)]) {
                    "\(try $0.text(0))=\(try $0.text(1))"
                }
                + [
                    "login_totp", "login_recovery", "login_half_open", "place", "api_key", "posting", "recharge",
                    "adjustment", "meter_command", "supply_order",
                    "change_request", "supply_decision", "outbox", "payment_order", "gateway_payment", "payment_event",
                ]
                .map {
                    let count = try transaction.first("SELECT COUNT(*) FROM \($0) WHERE org_id = $1", [.int(org)]) {
                        try $0.int(0)
                    }
                    return "\($0) \(count ?? -1)"
                }
        }
    }

    /// A key's role is its maker's; of that it may do what it names, and nothing that is for people.
    @Test(arguments: Endpoints.all.map(\.name))
    func aKeyGetsWhatItNamesAndNoMore(_ name: String) async throws {
        let endpoint = try #require(Endpoints.all.first { $0.name == name })
        let probe = try #require(probes[name], "classify \(name) in PolicyTests.swift")
        try await Fixture.with { fixture in
            try await probe.prepare?(fixture)
            for (number, granted) in [Permission.forKeys, [.readMeters]].enumerated() {
                let headers = try await fixture.keyHeaders(Array(granted))
                let answer = await fixture.send(endpoint, probe.own(fixture, number + 7), headers: headers)
                let isLetIn: Bool =
                    switch endpoint.access {
                    case .anyone: true
                    case .signedIn: false
                    case .permission(let permissions): !granted.isDisjoint(with: permissions)
                    }
                if isLetIn {
                    let status = waitForASecond.contains(name) ? 202 : endpoint.status
                    #expect(answer.status == status, "\(granted.count): \(answer.text)")
                } else {
                    #expect(answer.status == 403 && answer.problem == "forbidden", "\(granted.count): \(answer.text)")
                }
                #expect(!answer.text.contains("-of-2"))
            }
        }
    }

    /// What moves money asks for a key; nothing else does.
    @Test func endpointsThatMoveMoneyAreKeyed() {
        let moving: Set<Permission> = [.rechargeOwnAccount, .rechargeAccounts, .adjustAccounts]
        for endpoint in Endpoints.all {
            guard case .permission(let permissions) = endpoint.access else { continue }
            if !moving.isDisjoint(with: permissions) && endpoint.changesSomething {
                #expect(endpoint.idempotency == .keyed, "\(endpoint.name)")
            }
        }
    }
}
