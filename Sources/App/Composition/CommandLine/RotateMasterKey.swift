// `busbar key rotate-master`: a new master key, and everything sealed anew under it. Killed anywhere it goes on where
// it stopped: both keys lie beside each other until nothing needs the old one, and each sealed value names its key.
import Access
import Clocks
import Meters
import Payments
import SQL

/// Everything that is sealed at rest. A domain that keeps secrets joins here.
let sealedColumns: [SealedColumn] = [
    KeyVault.sealedColumn, MeterKeyChange.sealedColumn, SecondStep.sealedColumn, PaymentDesk.sealedColumn,
]

/// Changes the master key of a stopped installation.
/// - Parameter newKeyFile: where the new key goes when the current one came by the environment.
public func rotateMasterKey(_ site: SiteOptions, newKeyFile: String?, _ console: Console) async throws -> CommandStatus
{
    guard let files = MasterKey.files(site, newKeyFile: newKeyFile) else {
        throw Complaint(
            "the master key comes from \(MasterKey.place(site)), which this program cannot change",
            hint: "Say where the new key goes: busbar key rotate-master --new-key-file FILE", .usage)
    }
    guard newKeyFile == nil || files.current == nil else {
        throw Complaint(
            "--new-key-file is for a master key from the environment; this one is \(MasterKey.place(site))",
            hint: "Leave --new-key-file out: the new key takes the place of the old one.", .usage)
    }
    return try await withSite(site) { open in
        try await refuseOthers(open)
        return try await KeyRotation(
            money: open.site.money, current: MasterKey.current(site), files: files, columns: sealedColumns
        ).run(isAlone: { try await refuseOthers(open) }, console)
    }
}

/// A process that serves would go on sealing under the old key.
private func refuseOthers(_ open: OpenSite) async throws {
    let nowMs = open.site.clocks.systemNowMs()
    let mine = open.holder
    let others = try await open.site.money.read { try ProcessNumber.holders(systemNowMs: nowMs, in: $0) }
        .filter { $0 != mine }
    guard others.isEmpty else {
        throw Complaint(
            "\(others.count) other process(es) use this database: \(others.prefix(5).joined(separator: ", "))",
            hint: "Stop them and run this again. A process that was killed counts for one more minute.", .partly)
    }
}

/// One change of the master key.
struct KeyRotation {
    var money: any Database
    var current: [UInt8]
    var files: MasterKeyFiles
    var columns: [SealedColumn]
    /// Values to a transaction.
    var chunkRows = 200
    /// Called at each step that is not a statement, so that a test can end the process there.
    var reached: @Sendable (String) -> Void = { _ in }

    /// - Parameter isAlone: throws when another process uses the database.
    /// - Throws: ``Complaint`` when something does not open under the keys at hand; nothing has been changed then.
    func run(isAlone: () async throws -> Void, _ console: Console) async throws -> CommandStatus {
        let old = try KeyRing(current: current)
        let begun = try MasterKey.read(files.next)
        if let begun, begun == current { return finished(old, 0, console) }
        // Before anything is made: a wrong key must leave no trace.
        _ = try await look(try KeyRing(current: current, next: begun))
        reached("next key wanted")
        let next = try begun ?? MasterKey.make(files.next, like: files.current)
        reached("next key there")
        if begun != nil { console.note("A change that was begun goes on.") }
        let ring = try KeyRing(current: current, next: next)
        var count = 0
        for column in columns { count += try await seal(column, ring) }
        let left = try await look(ring)
        guard left == 0 else {
            throw Complaint(
                "\(left) secrets were sealed under the old key meanwhile", hint: "Run this again.", .partly)
        }
        try await isAlone()
        reached("all sealed")
        try MasterKey.retire(files, oldName: old.name, reached)
        reached("old key retired")
        return finished(ring, count, console)
    }

    private func finished(_ ring: KeyRing, _ count: Int, _ console: Console) -> CommandStatus {
        console.say("\(count) secrets sealed anew under key \(ring.name)")
        if let current = files.current {
            console.note(
                "\(current) holds the new key: back it up, apart from the databases. The old one lies beside it as "
                    + "\(current).retired-…; keep it as long as backups from before, then delete it.")
        } else {
            console.note(
                "\(files.next) holds the new key. Set master_key_file (BUSBAR_MASTER_KEY_FILE) to it and take "
                    + "BUSBAR_MASTER_KEY out before the next start; keep the old key as long as backups from before.")
        }
        return .done
    }

    /// How many values the newest key did not seal.
    /// - Throws: when one opens under none of the keys.
    private func look(_ ring: KeyRing) async throws -> Int {
        var count = 0
        for column in columns {
            try await walk(column) { values, _ in
                for value in values { _ = try opened(value, column, ring) }
                return values.count { !ring.isNewest($0.sealed) }
            } each: {
                count += $0
            }
        }
        return count
    }

    private func seal(_ column: SealedColumn, _ ring: KeyRing) async throws -> Int {
        var count = 0
        try await walk(column, writes: true) { values, transaction in
            let old = values.filter { !ring.isNewest($0.sealed) }
            for value in old {
                let text = try opened(value, column, ring)
                try column.replace(value, try ring.seal(text, binding: column.binding(value)), transaction)
            }
            return old.count
        } each: {
            count += $0
        }
        return count
    }

    private func opened(_ value: SealedValue, _ column: SealedColumn, _ ring: KeyRing) throws -> [UInt8] {
        guard let text = ring.open(value.sealed, binding: column.binding(value)) else {
            throw Complaint(
                "\(column.name): company \(value.orgID), id \(value.id) does not open under this master key",
                hint: "Start with the key that belongs to this database; a retired one lies beside it. "
                    + "`busbar doctor` tells whether a key fits.", .problems)
        }
        return text
    }

    /// All values of a column, so many to a transaction.
    private func walk(
        _ column: SealedColumn, writes: Bool = false,
        _ body: @escaping @Sendable ([SealedValue], any SQLTransaction) throws -> Int, each: (Int) -> Void
    ) async throws {
        var after = (orgID: Int64.min, id: Int64.min)
        while true {
            let (start, rows) = (after, chunkRows)
            let work: @Sendable (any SQLTransaction) throws -> (last: SealedValue?, count: Int) = { transaction in
                let values = try column.page(start, rows, transaction)
                return (values.last, try body(values, transaction))
            }
            let (last, count) = try await writes ? money.write(work) : money.read(work)
            guard let last else { return }
            after = (last.orgID, last.id)
            each(count)
        }
    }
}
