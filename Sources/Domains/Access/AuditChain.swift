// Proves the audit trail: walks every lane from its first link, and finds what was changed, taken out, put in or moved.
// Reads only.
import Cryptography
import SQL

/// What is wrong, and with which row.
public struct AuditFinding: Sendable, Equatable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// The row, or a value before or after, is not what was chained.
        case changed
        case deleted
        /// A row or value that was never chained.
        case inserted
        /// The row is as it was, but stands in another place of the chain.
        case moved
        /// The chain is shorter than its head, or than a head kept elsewhere, says.
        case truncated
    }
    public var kind: Kind
    public var orgID: Int64
    /// Nil when no row can be named: the end of a lane is gone.
    public var auditID: Int64?
    /// Which link, value or time, in words.
    public var what: String
}

/// The state of one lane, to be kept where whoever can write the database cannot.
public struct AuditHead: Sendable, Equatable {
    public var orgID: Int64
    public var lane: Int64
    public var count: Int64
    public var hash: [UInt8]

    /// `1 7 1203 9f2c…`: company, lane, links, hash.
    public var line: String { "\(orgID) \(lane) \(count) \(Secret.hex(hash))" }

    public init(orgID: Int64, lane: Int64, count: Int64, hash: [UInt8]) {
        self.orgID = orgID
        self.lane = lane
        self.count = count
        self.hash = hash
    }

    /// Nil when the line is none.
    public init?(line: String) {
        let parts = line.split(separator: " ")
        guard parts.count == 4, let orgID = Int64(parts[0]), let lane = Int64(parts[1]), let count = Int64(parts[2]),
            count > 0, (0..<Int64(Audit.laneCount)).contains(lane), let hash = Hash.bytes(hex: String(parts[3])),
            hash.count == 32
        else { return nil }
        self.init(orgID: orgID, lane: lane, count: count, hash: hash)
    }
}

/// What a walk over the trail of a company found.
public struct AuditProof: Sendable, Equatable {
    public var rows: Int64 = 0
    public var values: Int64 = 0
    /// Texts that were erased together with their salt: their places in the chain still hold.
    public var erased: Int64 = 0
    /// Rows from before the chain, chained when this version first opened the site.
    public var older: Int64 = 0
    /// The first ``findingsMax``.
    public var findings: [AuditFinding] = []
    public var findingCount = 0
    public static let findingsMax = 1_000

    mutating func found(_ kind: AuditFinding.Kind, _ orgID: Int64, _ auditID: Int64?, _ what: String) {
        findingCount += 1
        guard findings.count < Self.findingsMax else { return }
        findings.append(AuditFinding(kind: kind, orgID: orgID, auditID: auditID, what: what))
    }
}

public struct AuditChain: Sendable {
    let money: any Database
    let orgID: Int64
    private static let pageSize = 500

    public init(money: any Database, orgID: Int64) {
        self.money = money
        self.orgID = orgID
    }

    /// Every lane that has a link.
    public func heads() async throws -> [AuditHead] {
        try await money.read { [orgID] transaction in
            try transaction.query(
                "SELECT lane, row_count, hash FROM audit_head WHERE org_id = $1 ORDER BY lane", [.int(orgID)]
            ) { AuditHead(orgID: orgID, lane: try $0.int(0), count: try $0.int(1), hash: try $0.bytes(2)) }
        }
    }

    /// Walks the whole trail. May run while commands are written: what comes after the start is not looked at.
    /// - Parameters:
    ///   - kept: heads kept elsewhere; those of other companies are passed over.
    ///   - progress: called with the rows walked so far.
    public func verify(against kept: [AuditHead] = [], progress: (Int64) -> Void = { _ in }) async throws
        -> AuditProof
    {
        var proof = AuditProof()
        let kept = kept.filter { $0.orgID == orgID }
        for lane in Int64(0)..<Int64(Audit.laneCount) {
            try await walk(lane, kept.filter { $0.lane == lane }, &proof, progress)
        }
        try await strangers(&proof)
        return proof
    }

    private struct Link: Sendable {
        var number: Int64
        var auditID: Int64
        var salt: [UInt8]?
        var marks: [UInt8]
        var rowHash: [UInt8]
        var hash: [UInt8]
        var row: AuditRow?
        var lines: [AuditLine] = []

        /// `row 123 (payments.adjust of login 5)`
        var name: String {
            row.map { "row \(auditID) (\($0.command), login \($0.loginID))" } ?? "row \(auditID)"
        }
    }

    private func walk(
        _ lane: Int64, _ kept: [AuditHead], _ proof: inout AuditProof, _ progress: (Int64) -> Void
    ) async throws {
        let (head, last) = try await ends(of: lane)
        if let last, last > (head?.count ?? 0) {
            proof.found(.inserted, orgID, nil, "lane \(lane) has links behind its head, from \((head?.count ?? 0) + 1)")
        }
        var (number, hash): (Int64, [UInt8]) = (0, [])
        while number < head?.count ?? 0 {
            let links = try await page(lane, after: number, upTo: head?.count ?? 0)
            guard !links.isEmpty else { break }
            for link in links {
                if link.number != number + 1 {
                    proof.found(
                        .deleted, orgID, nil,
                        "links \(number + 1) to \(link.number - 1) of lane \(lane), before \(link.name)")
                    hash = []
                }
                check(link, lane, after: link.number == number + 1 ? hash : nil, &proof)
                for head in kept where head.count == link.number && head.hash != link.hash {
                    proof.found(
                        .changed, orgID, link.auditID,
                        "\(link.name): lane \(lane) was written anew up to here, the head kept elsewhere differs")
                }
                (number, hash) = (link.number, link.hash)
                proof.rows += 1
            }
            progress(proof.rows)
        }
        if number < head?.count ?? 0 {
            proof.found(
                .truncated, orgID, nil, "lane \(lane) ends after \(number) links, its head says \(head?.count ?? 0)")
        } else if let head, head.hash != hash {
            proof.found(.changed, orgID, nil, "the head of lane \(lane) does not fit its last link")
        }
        for head in kept where head.count > number {
            proof.found(
                .truncated, orgID, nil,
                "lane \(lane) has \(number) links, the head kept elsewhere says \(head.count)")
        }
    }

    /// The head and the number of the last link, seen at one moment.
    private func ends(of lane: Int64) async throws -> (head: AuditHead?, last: Int64?) {
        try await money.read { [orgID] transaction in
            let head = try transaction.first(
                "SELECT row_count, hash FROM audit_head WHERE org_id = $1 AND lane = $2", [.int(orgID), .int(lane)]
            ) { AuditHead(orgID: orgID, lane: lane, count: try $0.int(0), hash: try $0.bytes(1)) }
            let last = try transaction.first(
                "SELECT MAX(number) FROM audit_link WHERE org_id = $1 AND lane = $2", [.int(orgID), .int(lane)]
            ) { try $0.optionalInt(0) }
            return (head, last ?? nil)
        }
    }

    private func page(_ lane: Int64, after: Int64, upTo: Int64) async throws -> [Link] {
        try await money.read { [orgID] transaction in
            var links = try transaction.query(
                """
                SELECT l.number, l.audit_id, l.salt, l.marks, l.row_hash, l.hash, a.org_id, \(AuditRow.columns("a"))
                FROM audit_link AS l LEFT JOIN audit AS a ON a.org_id = l.org_id AND a.audit_id = l.audit_id
                WHERE l.org_id = $1 AND l.lane = $2 AND l.number > $3 AND l.number <= $4
                ORDER BY l.number LIMIT $5
                """, [.int(orgID), .int(lane), .int(after), .int(upTo), .int(Self.pageSize)]
            ) { row in
                Link(
                    number: try row.int(0), auditID: try row.int(1), salt: try row.optionalBytes(2),
                    marks: try row.bytes(3), rowHash: try row.bytes(4), hash: try row.bytes(5),
                    row: try row.optionalInt(6) == nil ? nil : AuditRow(row, from: 7))
            }
            guard !links.isEmpty else { return [] }
            var parameters: [SQLValue] = [.int(orgID)]
            let marks = parameters.bind(links.map(\.auditID))
            let lines = try transaction.query(
                """
                SELECT \(AuditLine.columns) FROM audit_change WHERE org_id = $1 AND audit_id IN (\(marks))
                ORDER BY audit_id, line
                """, parameters
            ) { (try $0.int(0), try AuditLine($0)) }
            let byRow = Dictionary(grouping: lines, by: \.0)
            for index in links.indices { links[index].lines = (byRow[links[index].auditID] ?? []).map(\.1) }
            return links
        }
    }

    /// - Parameter previous: nil when the link before is gone, so that the place cannot be proven.
    private func check(_ link: Link, _ lane: Int64, after previous: [UInt8]?, _ proof: inout AuditProof) {
        guard let row = link.row else {
            proof.found(.deleted, orgID, link.auditID, "row \(link.auditID), link \(link.number) of lane \(lane)")
            return
        }
        var isSound = true
        if let salt = link.salt {
            isSound = row.marks(salt) == link.marks
        } else {
            isSound = row.source.isEmpty && row.why.isEmpty && row.content.isEmpty
            proof.erased += 1
        }
        for line in link.lines {
            proof.values += 1
            guard let marks = line.marks else { continue }
            if let salt = line.salt {
                guard AuditLine.marks(line.old, line.new, salt) != marks else { continue }
            } else if line.old == nil, line.new == nil {
                proof.erased += 1
                continue
            }
            isSound = false
            proof.found(.changed, orgID, link.auditID, "\(link.name): value \(line.number), \(line.field)")
        }
        let rowHash = row.hash(orgID: orgID, marks: link.marks, link.lines)
        if !isSound || rowHash != link.rowHash {
            proof.found(.changed, orgID, link.auditID, "\(link.name): the row or a value is not what was written")
        } else if let previous,
            AuditLink.hash(orgID: orgID, lane: lane, number: link.number, rowHash: rowHash, after: previous)
                != link.hash
        {
            proof.found(
                .moved, orgID, link.auditID, "\(link.name): not in the place \(link.number) of lane \(lane)")
        }
    }

    /// Rows and values outside the chain, seen at one moment.
    private func strangers(_ proof: inout AuditProof) async throws {
        let (rows, values, older) = try await money.read { [orgID] transaction in
            let prologue = try transaction.first(
                "SELECT row_count, last_audit_id, is_open FROM audit_prologue WHERE org_id = $1", [.int(orgID)]
            ) { (count: try $0.int(0), last: try $0.int(1), isOpen: try $0.flag(2)) }
            let rows = try transaction.query(
                """
                SELECT a.audit_id, a.command FROM audit AS a WHERE a.org_id = $1 AND a.audit_id > $2
                  AND NOT EXISTS (SELECT 1 FROM audit_link AS l WHERE l.org_id = a.org_id AND l.audit_id = a.audit_id)
                ORDER BY a.audit_id LIMIT $3
                """,
                [
                    .int(orgID), .int(prologue?.isOpen == true ? prologue?.last ?? 0 : Int64.min),
                    .int(AuditProof.findingsMax),
                ]
            ) { (try $0.int(0), try $0.text(1)) }
            let values = try transaction.query(
                """
                SELECT c.audit_id, c.field FROM audit_change AS c WHERE c.org_id = $1
                  AND NOT EXISTS (SELECT 1 FROM audit_link AS l WHERE l.org_id = c.org_id AND l.audit_id = c.audit_id)
                ORDER BY c.audit_id LIMIT $2
                """, [.int(orgID), .int(AuditProof.findingsMax)]
            ) { (try $0.int(0), try $0.text(1)) }
            return (rows, values, prologue?.count ?? 0)
        }
        proof.older = older
        for (auditID, command) in rows {
            proof.found(.inserted, orgID, auditID, "row \(auditID) (\(command)) was never chained")
        }
        for (auditID, field) in values {
            proof.found(.inserted, orgID, auditID, "a value of \(field) at row \(auditID), which was never chained")
        }
    }
}
