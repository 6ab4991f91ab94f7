// Events are there exactly when their cause is, come in order, and give up after a while.
import Outbox
import SQL
import TestSupport
import Testing

@Suite struct OutboxTests {
    struct Undo: Error {}

    static func event(_ id: Int64, _ kind: OutboxKind = .notice) -> OutboxEvent {
        OutboxEvent(
            orgID: 1, eventID: id, kind: kind, subjectID: 100 + id, detail: "detail \(id)", businessAtMs: id * 10)
    }

    @Test(arguments: TestEngine.available)
    func anEventIsThereExactlyWhenItsCauseIs(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Outbox.migrations) { database in
            await #expect(throws: Undo.self) {
                try await database.write { transaction in
                    try Outbox.append(Self.event(1), in: transaction)
                    throw Undo()
                }
            }
            #expect(try await database.read { try Outbox.pending(limit: 10, in: $0) } == [])
            try await database.write { try Outbox.append(Self.event(2, .balanceChanged), in: $0) }
            // The work of an event and its delivery are one: when the work fails the event waits on.
            await #expect(throws: Undo.self) {
                try await database.write { transaction in
                    _ = try Outbox.take(2, in: transaction)
                    throw Undo()
                }
            }
            let waiting = try await database.read { try Outbox.pending(limit: 10, in: $0) }
            #expect(waiting == [Self.event(2, .balanceChanged)])
            #expect(try await database.write { try Outbox.take(2, in: $0) })
            #expect(try await database.read { try Outbox.pending(limit: 10, in: $0) } == [])
        }
    }

    @Test(arguments: TestEngine.available)
    func eventsComeInOrderOfIdAndNoMoreThanAsked(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Outbox.migrations) { database in
            try await database.write { transaction in
                for (index, id) in [5, 3, 9, 1, 7].enumerated() {
                    try Outbox.append(
                        Self.event(Int64(id), OutboxKind.allCases[index % OutboxKind.allCases.count]), in: transaction)
                }
            }
            #expect(try await database.read { try Outbox.pending(limit: 3, in: $0).map(\.eventID) } == [1, 3, 5])
            #expect(try await database.read { try Outbox.pending(limit: 9, in: $0).map(\.eventID) } == [1, 3, 5, 7, 9])
        }
    }

    @Test(arguments: TestEngine.available)
    func anEventThatFailsTooOftenWaitsForAPersonAndHoldsUpNobody(_ engine: TestEngine) async throws {
        try await withDatabase(engine, migrations: Outbox.migrations) { database in
            try await database.write { transaction in
                try Outbox.append(Self.event(1), in: transaction)
                try Outbox.append(Self.event(2), in: transaction)
            }
            for attempt in 1...Outbox.attemptLimit {
                let oldest = try await database.read { try Outbox.pending(limit: 1, in: $0).map(\.eventID) }
                #expect(oldest == [1], "\(attempt)")
                let error = String(repeating: "é", count: 600)
                try await database.write { try Outbox.failed(1, error: error, nowMs: 0, in: $0) }
            }
            let kept = try await database.read { transaction in
                #expect(try Outbox.pending(limit: 9, in: transaction).map(\.eventID) == [2])
                return try transaction.first("SELECT attempt, last_error FROM outbox WHERE event_id = 1", []) {
                    (try $0.int(0), try $0.text(1))
                }
            }
            #expect(kept?.0 == Int64(Outbox.attemptLimit) && kept?.1 == String(repeating: "é", count: 500))
        }
    }

    @Test func aKindOfANewerReleaseWaitsForThatReleaseAndStopsNobody() async throws {
        try await withDatabase(.sqlite, migrations: Outbox.migrations) { database in
            try await database.write { transaction in
                try Outbox.append(Self.event(1), in: transaction)
                try transaction.run("UPDATE outbox SET kind = 'tomorrow'")
                try Outbox.append(Self.event(2), in: transaction)
            }
            let waiting = try await database.read { try Outbox.pending(limit: 10, in: $0) }
            #expect(waiting == [Self.event(2)])
            let stored = try await database.read { try $0.query("SELECT COUNT(*) FROM outbox", []) { try $0.int(0) } }
            #expect(stored == [2], "the event of the newer release is kept")
        }
    }
}
