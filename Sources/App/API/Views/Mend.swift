// Trying again, or setting aside with a reason, what waits for a person: one way in for the API and the pages.
import Access
import HeadEnd
import Jobs

/// What can be tried again or set aside; the words are those of ``NeedKind``.
public enum MendableKind: String, Sendable, Codable, CaseIterable {
    case jobFailed = "job-failed"
    case eventFailed = "event-failed"
    case commandFailed = "command-failed"

    public init?(_ kind: NeedKind) { self.init(rawValue: kind.rawValue) }

    /// What one must be allowed to.
    public var permission: Permission { self == .commandFailed ? .commandMeters : .runJobs }
}

public struct Mend: Sendable {
    public var kind: MendableKind
    public var itemID: Int64
    /// The reason to set it aside for; nil tries again.
    public var aside: String?

    public init(kind: MendableKind, itemID: Int64, aside: String? = nil) {
        self.kind = kind
        self.itemID = itemID
        self.aside = aside
    }

    public func perform(_ site: Site, as actor: Actor, source: String) async throws {
        let what: Mending
        switch kind {
        case .jobFailed: what = .job(itemID)
        case .eventFailed: what = .event(itemID)
        case .commandFailed:
            if let aside {
                _ = try await site.perform(
                    SetOrderAside(commandID: itemID, reason: aside), as: actor, source: source, why: aside)
            } else {
                _ = try await site.perform(RetryOrder(commandID: itemID), as: actor, source: source)
            }
            return
        }
        if let aside {
            _ = try await site.perform(SetFailedAside(what, reason: aside), as: actor, source: source, why: aside)
        } else {
            _ = try await site.perform(RetryFailed(what), as: actor, source: source)
        }
    }
}
