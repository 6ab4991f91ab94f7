// The collection board, raw answers with their frames, and asking meters whether they are alive: pages and forms. Every
// action is a command, as the API sends it.
import API
import Access
import CivilTime
import Grid
import HeadEnd
import Jobs
import Meters
import SQL

extension Desk {
    var collectionPages: [API.Page] {
        let reading: EndpointAccess = .permission([.readMeters])
        let acting: EndpointAccess = .permission([.commandMeters])
        return [
            API.Page("GET", Paths.collection, access: reading) { try await collection($0) },
            API.Page("POST", Paths.collectionRun, access: acting) { try await callNow($0) },
            API.Page("POST", Paths.alive, access: acting) { try await askAlive($0) },
            API.Page("GET", "\(Paths.alive)/{id}", access: reading) { try await alive($0) },
            API.Page("GET", "\(Paths.meters)/{id}/reads/{batch}", access: reading) { call in
                guard let batchID = Int64(call.path["batch"] ?? "") else {
                    throw Problem.noSuchPath
                }
                let meterID = try id(call)
                let report = try await RawReport.of(
                    services.site, meterID: meterID, batchID: batchID,
                    day: call.query["day"].flatMap { CivilDay($0) }, try call.actor.scope)
                return show(FramesView(meterID: meterID, report: report), call, .meters)
            },
        ]
    }

    private static let latePage = 50
    private static let answersMax = 500

    private func collection(_ call: PageCall, refused: Refusal? = nil) async throws -> Answer {
        let actor = try call.actor
        let cause = call.query["cause"].flatMap { CollectionCause(rawValue: $0) }
        let placeID = call.query["place"].flatMap { Int64($0) }
        let after = call.query["after"].flatMap { Int64($0) } ?? 0
        let report = try await CollectionReport.of(services.site, actor.scope)
        let late = try await LateList.of(
            services.site, cause: cause, placeID: placeID, after: after, limit: Self.latePage, actor.scope)
        let (polls, places) = try await services.site.money.read { transaction in
            (
                try Liveness.polls(limit: 10, actor.scope, in: transaction),
                try Place.all(actor.scope, in: transaction)
            )
        }
        let page = CollectionView(
            report: report, late: late, cause: cause, placeID: placeID, polls: polls,
            places: places.filter { $0.kind != .pole }.prefix(200).map { ($0.placeID, $0.name) },
            mayAct: actor.has(.commandMeters), idempotencyKey: Self.newKey(), isFirstPage: after == 0)
        let notice =
            refused.map { PageFrame.Notice.refused($0) }
            ?? PageFrame.JobNotice(word: call.query["did"]).map { .jobs($0) }
        return show(
            page, call, .collection, notice: notice,
            status: refused.map { $0.code == .conflict ? 409 : 422 } ?? 200)
    }

    private func callNow(_ call: PageCall) async throws -> Answer {
        let command = CollectNow(
            meterID: call.form["meter"].flatMap { Int64($0) },
            cause: call.form["cause"].flatMap { CollectionCause(rawValue: $0) },
            placeID: call.form["place"].flatMap { Int64($0) })
        do {
            guard command.meterID != nil || command.cause != nil || command.placeID != nil else {
                throw Refusal(.invalid, "Name a meter, a reason or a place.")
            }
            _ = try await call.perform(command)
        } catch let refusal as Refusal where [.conflict, .invalid].contains(refusal.code) {
            return try await collection(call, refused: refusal)
        }
        return .seeOther(Paths.collection + "?did=asked")
    }

    private func askAlive(_ call: PageCall) async throws -> Answer {
        do {
            guard let placeID = call.form["place"].flatMap({ Int64($0) }), let key = Self.key(call) else {
                throw Refusal(.invalid, "Choose a place.")
            }
            let pollID = try await call.perform(PollLiveness(.place(placeID), reference: key))
            return .seeOther(Paths.alive(pollID))
        } catch let refusal as Refusal where [.conflict, .invalid, .tooMany].contains(refusal.code) {
            return try await collection(call, refused: refusal)
        }
    }

    private func alive(_ call: PageCall) async throws -> Answer {
        let pollID = try id(call)
        let scope = try call.actor.scope
        let (poll, found, serials) = try await services.site.money.read { transaction in
            let poll = try Liveness.polls(limit: 200, scope, in: transaction).first { $0.pollID == pollID }
            let found = try Liveness.answers(
                pollID: pollID, limit: Self.answersMax + 1, scope, in: transaction)
            let serials = try MeterListing.serials(
                Array(found.prefix(Self.answersMax).map(\.meterID)), scope, in: transaction)
            return (poll, found, serials)
        }
        guard let poll else { throw Refusal(.notFound, "Nobody was asked under this number.") }
        let order: [LivenessAnswer.State] = [.silent, .waiting, .refuses, .alive]
        let answers = found.prefix(Self.answersMax).sorted { a, b in
            (order.firstIndex(of: a.state) ?? 0, a.meterID) < (order.firstIndex(of: b.state) ?? 0, b.meterID)
        }
        return show(
            AliveView(
                poll: poll, answers: answers.map { ($0, serials[$0.meterID] ?? "") },
                isCut: found.count > Self.answersMax), call, .collection)
    }
}
