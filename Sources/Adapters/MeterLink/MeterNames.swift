// By which names a meter is spoken to: those of the profile it is entered with, and where that is not known or names
// what the meter does not have, those that its own object list gives (IEC 62056-6-2 class 15). Reads only.
import DLMS
import IS15959
import MeterPort

/// The profile a conversation goes by.
struct MeterNames {
    private let book: ProfileBook
    /// What it was entered with, when there is such a profile.
    private(set) var profile: MeterProfile
    /// Nobody knows what the meter is until it was asked.
    fileprivate var isUnknown: Bool
    fileprivate var isAsked = false

    /// - Parameter name: one of the book's, or any other: then the meter is asked.
    init(_ name: String, in book: ProfileBook) {
        self.book = book
        let known = book.named(name)
        (profile, isUnknown) = (known ?? .singlePhase, known == nil)
    }

    fileprivate func matching(_ list: ObjectList) -> MeterProfile? {
        MeterProfile.matching(list, among: book.profiles)
    }

    fileprivate mutating func go(by profile: MeterProfile) {
        self.profile = profile
        isUnknown = false
    }
}

extension DLMSConversation {
    /// Runs what goes by the names of a profile. When the meter has no such object it is asked once what it has, and
    /// where that fits another profile the body runs again; the meter changed nothing for an object that is not there.
    func byNames<Value: Sendable>(
        _ body: @Sendable (isolated DLMSConversation) async throws -> Value
    ) async throws -> Value {
        if names.isUnknown {
            do {
                names.go(by: try await ownProfile())
            } catch let error as MeterError where !broken && error.code != .other {
                // Makers deviate in few things: what this one lacks it says itself.
                names.go(by: .singlePhase)
            }
        }
        do {
            return try await body(self)
        } catch let error as MeterError where error.code == .objectUndefined && !names.isAsked && !broken {
            let before = names.profile
            do {
                names.go(by: try await ownProfile())
                return try await body(self)
            } catch let other as MeterError where !broken {
                // What the meter lacks by its own list too; its profile stays what people entered.
                names.go(by: before)
                throw other.code == .objectUndefined || other.code == .badAnswer ? error : other
            }
        }
    }

    /// The profile that the meter is entered with; of a meter of which nobody knows it, the one that fits it.
    public func fittingProfile() async throws -> MeterProfile { try await byNames { $0.profile } }

    /// The profile that fits what the meter itself says it has; asked once per serial number and firmware.
    private func ownProfile() async throws -> MeterProfile {
        names.isAsked = true
        let key = try await knownIdentity().map { "\($0)/\(clientAddress)" }
        if let key, let known = memory.profile(key) { return known }
        let list: ObjectList
        do {
            list = try ObjectList(await get(AttributeReference(15, OBIS(0, 0, 40, 0, 0), 2)))
        } catch let error as ProfileError {
            throw MeterError(.badAnswer, "\(error)")
        }
        guard let found = names.matching(list) else {
            throw MeterError(
                .badAnswer, "the meter's \(list.objects.count) objects fit no profile: give it one, or write a file")
        }
        if let key { memory.keep(found, key) }
        return found
    }
}
