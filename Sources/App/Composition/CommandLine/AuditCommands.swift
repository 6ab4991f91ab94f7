// `busbar audit verify|head`: whether the trail of commands is as it was written, and its heads to be kept elsewhere.
import Access
import Foundation
import SQL

private struct FindingRow: Encodable {
    var org: String
    var kind: String
    var auditID: String?
    var what: String
}

/// Walks the trail of one company or of all. `problems` when anything is not as it was written.
/// - Parameter against: a file of heads, as `audit head` printed them.
public func verifyAudit(
    _ site: SiteOptions, orgID: Int64?, against: String?, json: Bool, _ console: Console
) async throws -> CommandStatus {
    let kept = try against.map(keptHeads) ?? []
    return try await withInspection(site) { inspection in
        guard inspection.hasMoney else { throw pendingMigrations }
        let orgs = try await auditedOrgs(orgID, inspection.money)
        let progress = ProgressLine(console)
        var wrong = 0
        for org in orgs {
            let proof = try await AuditChain(money: inspection.money, orgID: org.orgID)
                .verify(against: kept) { progress.at("\(org.name): \($0) rows walked") }
            wrong += proof.findingCount
            for finding in proof.findings {
                if json {
                    try console.say(
                        json: FindingRow(
                            org: String(org.orgID), kind: finding.kind.rawValue,
                            auditID: finding.auditID.map { String($0) }, what: finding.what))
                } else {
                    console.say("\(finding.kind.rawValue.uppercased())  company \(org.orgID)  \(finding.what)")
                }
            }
            if !json { console.say(summary(proof, org)) }
        }
        let took = progress.end()
        for orgID in Set(kept.map(\.orgID)).subtracting(orgs.map(\.orgID)) {
            console.note("The file also holds heads of company \(orgID), which was not walked.")
        }
        console.note(wrong == 0 ? "the trail is as it was written, \(took)" : "\(wrong) findings, \(took)")
        guard wrong > 0 else { return .done }
        console.note("Keep a copy of the database as it is, and compare the rows named with a backup.")
        return .problems
    }
}

private func summary(_ proof: AuditProof, _ org: Org) -> String {
    var parts = ["\(proof.rows) rows", "\(proof.values) values"]
    if proof.older > 0 { parts.append("\(proof.older) from before the chain") }
    if proof.erased > 0 { parts.append("\(proof.erased) texts erased") }
    parts.append(proof.findingCount == 0 ? "all well" : "\(proof.findingCount) WRONG")
    return "company \(org.orgID), \(org.name): \(parts.joined(separator: ", "))"
}

/// Prints the head of every lane: company, lane, links, hash.
public func auditHeads(_ site: SiteOptions, orgID: Int64?, _ console: Console) async throws -> CommandStatus {
    try await withInspection(site) { inspection in
        guard inspection.hasMoney else { throw pendingMigrations }
        for org in try await auditedOrgs(orgID, inspection.money) {
            for head in try await AuditChain(money: inspection.money, orgID: org.orgID).heads() {
                console.say(head.line)
            }
        }
        console.note(
            "Keep these lines on another machine; `busbar audit verify --against FILE` holds the trail to them.")
        return .done
    }
}

private let pendingMigrations = Complaint(
    "migrations are pending, so the trail has no chain yet", hint: "`busbar db migrate` applies them.", .problems)

private func auditedOrgs(_ orgID: Int64?, _ money: any Database) async throws -> [Org] {
    let orgs = try await money.read { try Org.all(in: $0) }
    guard let orgID else { return orgs }
    guard let org = orgs.first(where: { $0.orgID == orgID }) else {
        throw Refusal(.notFound, "There is no company \(orgID) here.", hint: "`busbar org list` shows them.")
    }
    return [org]
}

private func keptHeads(_ path: String) throws -> [AuditHead] {
    let text = String(decoding: try readFile(path, limit: 20_000_000), as: UTF8.self)
    var heads: [AuditHead] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
        if line.isEmpty || line.hasPrefix("#") { continue }
        guard let head = AuditHead(line: String(line)) else {
            throw Complaint(
                "\(path):\(index + 1): no head of a trail", hint: "Give a file that `busbar audit head` wrote.", .usage)
        }
        heads.append(head)
    }
    guard !heads.isEmpty else {
        throw Complaint("\(path) holds no heads", hint: "Write one: `busbar audit head > FILE`.", .usage)
    }
    return heads
}
