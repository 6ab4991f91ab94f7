// The chained trail of commands: every way to tamper with it is found and the row is named, on both engines.
import Access
import CivilTime
import Clocks
import SQL
import TestSupport
import Testing

/// A command of the test's own, with whatever changes it is given.
private struct Note: Command {
    static let name = "test.note"
    static let permissions: [Permission] = [.manageSettings]
    var subject: AuditSubject
    var changes: [(field: String, old: String?, new: String?, isPersonal: Bool)]
    var key: String? { nil }
    var content: String { "fields=\(changes.count)" }
    var subjectID: Int64 { subject.id }

    init(_ subject: AuditSubject, _ changes: [(String, String?, String?, Bool)]) {
        self.subject = subject
        self.changes = changes.map { (field: $0.0, old: $0.1, new: $0.2, isPersonal: $0.3) }
    }

    func run(in transaction: any SQLTransaction, _ context: CommandContext) throws -> Int64 {
        for change in changes {
            context.changed(subject, change.field, from: change.old, to: change.new, isPersonal: change.isPersonal)
        }
        return 1
    }
}

/// Ways to tamper, each as SQL with the id of the attacked row, and what must be found.
private struct Attack: Sendable {
    var name: String
    var sql: [String]
    var kind: AuditFinding.Kind
    /// Whether the finding names the row itself.
    var namesRow = true
}

private let attacks = [
    Attack(name: "who", sql: ["UPDATE audit SET login_id = 77 WHERE org_id = 1 AND audit_id = $1"], kind: .changed),
    Attack(name: "why", sql: ["UPDATE audit SET why = 'x' WHERE org_id = 1 AND audit_id = $1"], kind: .changed),
    Attack(
        name: "where from", sql: ["UPDATE audit SET source = '' WHERE org_id = 1 AND audit_id = $1"], kind: .changed),
    Attack(
        name: "what", sql: ["UPDATE audit SET content = '9' WHERE org_id = 1 AND audit_id = $1"], kind: .changed),
    Attack(
        name: "when", sql: ["UPDATE audit SET business_at_ms = business_at_ms + 1 WHERE org_id = 1 AND audit_id = $1"],
        kind: .changed),
    Attack(
        name: "old value",
        sql: ["UPDATE audit_change SET old_value = '1' WHERE org_id = 1 AND audit_id = $1 AND line = 1"],
        kind: .changed),
    Attack(
        name: "new value",
        sql: ["UPDATE audit_change SET new_value = NULL WHERE org_id = 1 AND audit_id = $1 AND line = 1"],
        kind: .changed),
    Attack(
        name: "a person's value",
        sql: ["UPDATE audit_change SET new_value = 'Mallory' WHERE org_id = 1 AND audit_id = $1 AND line = 2"],
        kind: .changed),
    Attack(
        name: "a value taken out", sql: ["DELETE FROM audit_change WHERE org_id = 1 AND audit_id = $1 AND line = 1"],
        kind: .changed),
    Attack(
        name: "a value put in",
        sql: [
            """
            INSERT INTO audit_change (org_id, audit_id, line, kind, subject_id, field, old_value, new_value)
            VALUES (1, $1, 9, 'account', 5, 'balance_paise', '1', '2')
            """
        ], kind: .changed),
    Attack(name: "deleted", sql: ["DELETE FROM audit WHERE org_id = 1 AND audit_id = $1"], kind: .deleted),
    Attack(
        name: "deleted with its link",
        sql: [
            "DELETE FROM audit_change WHERE org_id = 1 AND audit_id = $1",
            "DELETE FROM audit_link WHERE org_id = 1 AND audit_id = $1",
            "DELETE FROM audit WHERE org_id = 1 AND audit_id = $1",
        ], kind: .deleted, namesRow: false),
    Attack(
        name: "put in",
        sql: [
            """
            INSERT INTO audit (org_id, audit_id, system_at_ms, business_at_ms, login_id, role, source, command, why,
              subject_id, content) SELECT org_id, audit_id + 1, system_at_ms, business_at_ms, login_id, role, source,
              command, why, subject_id, content FROM audit WHERE org_id = 1 AND audit_id = $1
            """
        ], kind: .inserted, namesRow: false),
    Attack(
        name: "moved in the chain",
        sql: [
            "UPDATE audit_link SET number = -number WHERE org_id = 1 AND audit_id = $1",
            """
            UPDATE audit_link SET number = number - 1 WHERE org_id = 1 AND number = (SELECT 1 - number FROM
              audit_link WHERE org_id = 1 AND audit_id = $1) AND lane = (SELECT lane FROM audit_link
              WHERE org_id = 1 AND audit_id = $1)
            """,
            "UPDATE audit_link SET number = 1 - number WHERE org_id = 1 AND audit_id = $1",
        ], kind: .moved),
    Attack(
        name: "rehashed alone",
        sql: [
            "UPDATE audit SET login_id = 77 WHERE org_id = 1 AND audit_id = $1",
            "UPDATE audit_link SET row_hash = hash WHERE org_id = 1 AND audit_id = $1",
        ], kind: .changed),
]

@Suite struct AuditTests {
    /// Ten commands on one account, so that they share a lane; returns their rows in order.
    private func withTrail(
        _ engine: TestEngine, _ body: (Site, [Int64]) async throws -> Void
    ) async throws {
        try await withDatabase(engine, migrations: AccessSchema.migrations) { money in
            let clock = ManualClock(startMs: Fixture.startMs)
            let clocks = Clocks(businessNowMs: { clock.nowMs }, systemNowMs: { clock.nowMs }, businessRate: 0)
            let site = Site(
                money: money, readings: NoReadings(), clocks: clocks, ids: IDGenerator(processNumber: 0, clocks: clocks)
            )
            try await money.write { try Org(orgID: 1, name: "Ujjwal").create(in: $0) }
            for number in 0..<10 {
                clock.nowMs += 60_000
                _ = try await site.perform(
                    Note(
                        .account(5),
                        [
                            ("balance_paise", "\(number)", "\(number + 1)", false),
                            ("name", nil, "Asha \(number)", true),
                        ]),
                    as: .system(orgID: 1), source: "test 203.0.113.7", why: "because")
            }
            let rows = try await money.read {
                try $0.query("SELECT audit_id FROM audit WHERE org_id = 1 ORDER BY audit_id", []) { try $0.int(0) }
            }
            try await body(site, rows)
        }
    }

    private func proof(_ site: Site, _ kept: [AuditHead] = []) async throws -> AuditProof {
        try await AuditChain(money: site.money, orgID: 1).verify(against: kept)
    }

    @Test(arguments: TestEngine.available) func aTrailNobodyTouchedIsProven(_ engine: TestEngine) async throws {
        try await withTrail(engine) { site, rows in
            let proof = try await proof(site)
            #expect(rows.count == 10 && proof.rows == 10 && proof.values == 20)
            #expect(proof.findings.isEmpty && proof.erased == 0)
            let heads = try await AuditChain(money: site.money, orgID: 1).heads()
            #expect(heads.count == 1 && heads.first?.count == 10)
            let again = heads.compactMap { AuditHead(line: $0.line) }
            #expect(again == heads)
            // A head kept earlier still holds when more was written.
            _ = try await site.perform(Note(.account(5), []), as: .system(orgID: 1), source: "test")
            let later = try await self.proof(site, heads)
            #expect(later.findings.isEmpty && later.rows == 11)
        }
    }

    @Test(arguments: TestEngine.available) func everyTamperingIsFoundAndTheRowNamed(_ engine: TestEngine) async throws {
        for attack in attacks {
            try await withTrail(engine) { site, rows in
                let attacked = rows[4]
                try await site.money.write { transaction in
                    for sql in attack.sql {
                        let changed = try transaction.run(sql, [.int(attacked)])
                        #expect(changed == 1 || sql.hasPrefix("DELETE FROM audit_change"), "\(attack.name): \(sql)")
                    }
                }
                let proof = try await proof(site)
                let found = proof.findings.filter { $0.kind == attack.kind }
                #expect(!found.isEmpty, "\(attack.name): \(proof.findings)")
                if attack.namesRow {
                    #expect(found.contains { $0.auditID == attacked }, "\(attack.name): \(proof.findings)")
                }
                if attack.name == "put in" { #expect(found.contains { $0.auditID == attacked + 1 }) }
                if attack.name == "deleted with its link" {
                    #expect(found.contains { $0.what.contains("5 to 5") && $0.what.contains("row \(rows[5])") })
                }
            }
        }
    }

    @Test(arguments: TestEngine.available) func aTruncatedTailIsFound(_ engine: TestEngine) async throws {
        try await withTrail(engine) { site, rows in
            let kept = try await AuditChain(money: site.money, orgID: 1).heads()
            let last = rows[9]
            try await site.money.write { transaction in
                for table in ["audit_change", "audit_link", "audit"] {
                    try transaction.run("DELETE FROM \(table) WHERE org_id = 1 AND audit_id = $1", [.int(last)])
                }
            }
            let proof = try await proof(site)
            #expect(proof.findings.map(\.kind) == [.truncated])
            // Who also sets the head back is found by the head that is kept elsewhere.
            try await site.money.write { transaction in
                try transaction.run(
                    """
                    UPDATE audit_head SET row_count = 9, hash = (SELECT hash FROM audit_link WHERE org_id = 1 AND
                      number = 9) WHERE org_id = 1
                    """)
            }
            let quiet = try await self.proof(site)
            #expect(quiet.findings.isEmpty)
            let against = try await self.proof(site, kept)
            #expect(against.findings.map(\.kind) == [.truncated])
        }
    }

    @Test(arguments: TestEngine.available) func aTrailWrittenAnewIsFoundByTheKeptHead(_ engine: TestEngine) async throws
    {
        try await withTrail(engine) { site, rows in
            let kept = try await AuditChain(money: site.money, orgID: 1).heads()
            let (fifth, before) = (rows[4], rows[3])
            // Everything is chained again after the change: the prologue does it for the attacker.
            try await site.money.write { transaction in
                try transaction.run(
                    "UPDATE audit SET login_id = 77 WHERE org_id = 1 AND audit_id = $1", [.int(fifth)])
                for table in ["audit_change", "audit_link", "audit_head"] {
                    try transaction.run("DELETE FROM \(table) WHERE org_id = 1")
                }
                try transaction.run(
                    """
                    INSERT INTO audit_prologue (org_id, row_count, last_audit_id, is_open)
                    SELECT org_id, COUNT(*), MAX(audit_id), 1 FROM audit WHERE audit_id > $1 OR 1 = 1 GROUP BY org_id
                    """, [.int(before)])
            }
            try await Audit.chainOlderRows(in: site.money)
            let quiet = try await proof(site)
            #expect(quiet.findings.isEmpty && quiet.older == 10)
            let against = try await proof(site, kept)
            #expect(against.findings.contains { $0.kind == .changed && $0.what.contains("kept elsewhere") })
        }
    }

    @Test(arguments: TestEngine.available) func rowsFromBeforeTheChainAreChainedOnce(_ engine: TestEngine) async throws
    {
        let older = AccessSchema.migrations.filter { $0.number < 23 }
        try await withDatabase(engine, migrations: older) { money in
            let count: Int64 = 1_203
            try await money.write { transaction in
                try transaction.runMany(
                    """
                    INSERT INTO audit (org_id, audit_id, system_at_ms, business_at_ms, login_id, role, source, command,
                      why, subject_id, content) VALUES (1, $1, 1, 2, 3, 'system', 'cli', 'test', '', $2, '')
                    """, (1...count).map { [.int($0), .int($0 % 40)] })
            }
            try await Migrator.migrate(AccessSchema.migrations, store: .money, in: money)
            try await Audit.chainOlderRows(in: money)
            try await Audit.chainOlderRows(in: money)
            let proof = try await AuditChain(money: money, orgID: 1).verify()
            #expect(proof.rows == count && proof.older == count && proof.findings.isEmpty)
            try await money.write { try $0.run("UPDATE audit SET login_id = 4 WHERE org_id = 1 AND audit_id = 700") }
            let tampered = try await AuditChain(money: money, orgID: 1).verify()
            #expect(tampered.findings.map(\.auditID) == [700])
        }
    }

    @Test(arguments: TestEngine.available) func whatNamesAPersonCanBeErased(_ engine: TestEngine) async throws {
        try await withTrail(engine) { site, rows in
            let erased = rows[2]
            try await site.money.write { transaction in
                try transaction.run(
                    """
                    UPDATE audit_change SET old_value = NULL, new_value = NULL, salt = NULL
                    WHERE org_id = 1 AND audit_id = $1 AND marks IS NOT NULL
                    """, [.int(erased)])
                try transaction.run(
                    "UPDATE audit SET why = '', source = '', content = '' WHERE org_id = 1 AND audit_id = $1",
                    [.int(erased)])
                try transaction.run(
                    "UPDATE audit_link SET salt = NULL WHERE org_id = 1 AND audit_id = $1", [.int(erased)])
            }
            let proof = try await proof(site)
            #expect(proof.findings.isEmpty && proof.erased == 2)
        }
    }

    @Test(arguments: TestEngine.available) func manyAtOnceMakeOneChain(_ engine: TestEngine) async throws {
        try await withTrail(engine) { site, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        _ = try await site.perform(
                            Note(.account(Int64(number % 3)), [("n", nil, "\(number)", false)]),
                            as: .system(orgID: 1), source: "test")
                    }
                }
                try await group.waitForAll()
            }
            let proof = try await proof(site)
            #expect(proof.rows == 50 && proof.findings.isEmpty, "\(proof.findings)")
        }
    }

    @Test(arguments: TestEngine.available) func fieldsStandAsTheyStoodThen(_ engine: TestEngine) async throws {
        try await withTrail(engine) { site, _ in
            let scope = Scope(orgID: 1)
            func fields(_ minute: Int64) async throws -> [FieldState] {
                try await site.money.read {
                    try AuditTrail.fields(of: .account(5), atMs: Fixture.startMs + minute * 60_000, scope, in: $0)
                }
            }
            let before = try await fields(0)
            #expect(before == [FieldState(field: "balance_paise", value: "0"), FieldState(field: "name", value: nil)])
            let third = try await fields(3)
            #expect(third.map(\.value) == ["3", "Asha 2"])
            let page = try await site.money.read {
                try AuditTrail.history(of: .account(5), limit: 4, scope, in: $0)
            }
            #expect(page.map { $0.changes.first?.new } == ["10", "9", "8", "7"])
            #expect(page.allSatisfy { $0.why == "because" && $0.command == "test.note" && $0.changes.count == 2 })
            let next = try await site.money.read {
                try AuditTrail.history(
                    of: .account(5), field: "name", before: page.last?.auditID, limit: 4, scope, in: $0)
            }
            #expect(next.map { $0.changes.map(\.new) } == [["Asha 5"], ["Asha 4"], ["Asha 3"], ["Asha 2"]])
            let other = try await site.money.read {
                try AuditTrail.history(of: .account(5), limit: 4, Scope(orgID: 2), in: $0)
            }
            #expect(other.isEmpty)
        }
    }

    @Test func refusedActsAreRecordedUpToABound() async throws {
        try await Fixture.with { fixture in
            let login = try await fixture.add("asha")
            let actor = Actor(loginID: login.loginID, role: .operator, scope: Scope(orgID: 1))
            for _ in 0..<30 {
                let refusal = try await refusal {
                    _ = try await fixture.site.perform(
                        DisableLogin(loginID: login.loginID), as: actor, source: "test")
                }
                #expect(refusal?.code == .forbidden)
            }
            let count = try await fixture.count("SELECT COUNT(*) FROM audit WHERE command = 'access.refused'")
            #expect(count == 10)
        }
    }
}
