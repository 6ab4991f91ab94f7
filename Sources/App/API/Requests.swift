// Which commands of the product can wait for a second person, and how an endpoint answers that one waits.
import Access
import Clocks
import Packs
import Payments
import Rating
import Supply
import Watch

public enum BusbarRequests {
    /// A command under the mechanism stands here, or what is stored of it could not be read again.
    /// - Parameter settings: a stored change of a setting is read with it.
    public static func kinds(_ settings: SettingRegistry) -> ConfirmedKinds {
        ConfirmedKinds([
            ConfirmedKind(AdjustBalance.self), ConfirmedKind(StoreCalendar.self), ConfirmedKind(WriteOffArrears.self),
            ConfirmedKind(DecidePackDraft.self), ConfirmedKind(ReleaseCuts.self), SetSetting.stored(in: settings),
        ])
    }

    /// Their names, for the rule of who must ask whom.
    static var names: [String] { kinds(SettingRegistry([])).names }
}

extension Services {
    public var requests: RequestDesk { RequestDesk(site: site, kinds: BusbarRequests.kinds(settings)) }
}

/// The answer 202 of an endpoint that takes two: what was asked is kept.
struct Waits: Error {
    var request: ChangeRequest
}

extension EndpointContext {
    /// Runs a command that may take a second person. Only for an endpoint made ``Endpoint/forTwo``.
    /// - Throws: ``Waits``, which is the answer 202, when it is kept.
    func ask<C: ConfirmedCommand>(_ command: C, why: String = "") async throws -> C.Output {
        let actor = try actor
        let asked = try await Watch.span("command \(C.name)") {
            try await services.site.ask(
                command, as: actor, source: actor.source(address: call.remoteAddress), why: why)
        }
        switch asked {
        case .done(let output): return output
        case .waits(let request): throw Waits(request: request)
        }
    }
}
