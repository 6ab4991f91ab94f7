// A command carried out and taken back: what it would change can be looked at before anybody decides on it. Leaves no
// trace; what a command itself does stands with the command.
import SQL

extension Site {
    /// Carries the looked-for out of a transaction that must not last.
    private struct TakenBack<Found: Sendable>: Error { var found: Found }

    /// Runs a command in a transaction that is rolled back.
    /// - Parameter look: is handed the transaction and the command's run, to look before and after it.
    /// - Returns: what `look` found.
    public func rehearse<C: Command, Found: Sendable>(
        _ command: C, as actor: Actor, source: String,
        _ look: @escaping @Sendable (any SQLTransaction, () throws -> C.Output) throws -> Found
    ) async throws -> Found {
        guard C.permissions.contains(where: actor.has) else {
            try actor.require(C.permissions[0])
            throw Refusal(.forbidden, "Your role does not allow this.")
        }
        do {
            try await money.write { transaction -> Void in
                let context = context(actor, source: source, why: "")
                let found = try look(transaction) { try command.run(in: transaction, context) }
                throw TakenBack(found: found)
            }
        } catch let taken as TakenBack<Found> {
            return taken.found
        }
        preconditionFailure("a rehearsal ends by being taken back")
    }
}
