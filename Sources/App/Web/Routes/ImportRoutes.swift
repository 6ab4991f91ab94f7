// Imports of files of readings: the list, one with its report and what it refused, and a form that shows what a file
// would bring before it is stored. The commands are those of the API and of the command line.
import API
import Access
import Clocks
import Foundation
import LoadFiles
import MeterData
import Synchronization

/// Files that were looked at, kept for a while so that storing them needs no second upload. Bounded: the oldest give
/// way. A file that is gone is uploaded again.
final class HeldFiles: Sendable {
    static let bytesMax = 2 * ImportDesk.bytesMax
    static let forMs: Int64 = 15 * 60_000

    struct Held: Sendable {
        var key: String
        var owner: String
        var file: FormFile
        var options: [String: String]
        var atMs: Int64
    }
    private let held = Mutex<[Held]>([])

    /// - Returns: the name under which its owner finds it.
    func keep(_ file: FormFile, _ options: [String: String], owner: String, nowMs: Int64) -> String {
        let one = Held(key: Desk.newKey(), owner: owner, file: file, options: options, atMs: nowMs)
        held.withLock { held in
            held.removeAll { nowMs - $0.atMs > Self.forMs || ($0.owner == owner && $0.file == file) }
            held.append(one)
            while held.reduce(0, { $0 + $1.file.bytes.count }) > Self.bytesMax { held.removeFirst() }
        }
        return one.key
    }

    func find(_ key: String, owner: String, nowMs: Int64) -> Held? {
        held.withLock { held in
            held.removeAll { nowMs - $0.atMs > Self.forMs }
            return held.first { $0.key == key && $0.owner == owner }
        }
    }

    func drop(_ key: String) { held.withLock { $0.removeAll { $0.key == key } } }
}

extension Desk {
    var importPages: [API.Page] {
        let importing: EndpointAccess = .permission([.importReadings])
        return [
            API.Page("GET", Paths.imports, access: importing) { call in try await imports(call) },
            API.Page(
                "POST", Paths.imports, access: importing, rate: .heavy,
                bodyLimitBytes: ImportDesk.bytesMax + 65_536, takesFile: true
            ) { call in try await takeImport(call) },
            API.Page("GET", "\(Paths.imports)/{id}", access: importing) { call in try await importPage(call) },
            API.Page("GET", "\(Paths.imports)/{id}/refused.csv", access: importing, rate: .heavy) { call in
                let importID = try id(call)
                let after = max(0, call.query["after"].flatMap { Int64($0) } ?? 0)
                let text = try await importDesk(call).refusedCSV(of: importID, after: after)
                var answer = Answer("text/csv; charset=utf-8", text)
                answer.headers["Content-Disposition"] = "attachment; filename=\"refused-\(importID).csv\""
                return answer
            },
        ]
    }

    private func importDesk(_ call: PageCall) async throws -> ImportDesk {
        try await ImportDesk.of(services.site, try call.actor, address: call.call.remoteAddress)
    }

    private func imports(_ call: PageCall) async throws -> Answer {
        let notice: PageFrame.Notice? = call.query["did"] == "stored" ? .importStored : nil
        return show(try await importsView(call), call, .imports, notice: notice)
    }

    private func importsView(_ call: PageCall) async throws -> ImportsView {
        var view = ImportsView()
        let before = call.query["before"].flatMap { Int64($0) }
        if try call.actor.scope.isWholeCompany {
            let part = try await importDesk(call).list(before: before, limit: Self.listLimit)
            (view.rows, view.nextBefore) = (part.items.map { ImportsView.Row($0) }, part.next)
        } else {
            view.isListed = false
        }
        view.isFirstPage = before == nil
        return view
    }

    private static let importFields = ["unit", "channel", "multiplier", "meter", "stamps", "zone"]

    private static func uploadOptions(_ typed: [String: String]) throws -> UploadOptions {
        var options = UploadOptions()
        (options.unit, options.channel, options.multiplier) = (typed["unit"], typed["channel"], typed["multiplier"])
        (options.meter, options.zone) = (typed["meter"], typed["zone"])
        options.stamps = try typed["stamps"].map { word in
            guard let side = UploadOptions.StampSide(rawValue: word) else {
                throw Refusal(.invalid, "Stamps name the start or the end of their interval.", at: "stamps")
            }
            return side
        }
        return options
    }

    /// Looks at a file, or stores it: one that is sent, or one that was looked at before.
    private func takeImport(_ call: PageCall) async throws -> Answer {
        let desk = try await importDesk(call)
        let actor = try call.actor
        let owner = "\(actor.scope.orgID) \(actor.loginID)"
        let nowMs = services.site.clocks.systemNowMs()
        let held = call.form["held"].flatMap { self.held.find($0, owner: owner, nowMs: nowMs) }
        let typed =
            held?.options
            ?? call.form.filter { Self.importFields.contains($0.key) && !$0.value.isEmpty }
            .mapValues { String($0.prefix(100)) }
        func refused(_ refusal: Refusal) async throws -> Answer {
            var view = try await importsView(call)
            (view.typed, view.refusal) = (typed, refusal)
            return show(view, call, .imports, status: 422)
        }
        guard let file = call.file ?? held?.file else {
            let words = call.form["held"] == nil ? "No file was chosen." : "The file is not held any more."
            return try await refused(Refusal(.invalid, words, hint: "Choose the file and send it again.", at: "body"))
        }
        guard file.bytes.count <= ImportDesk.bytesMax else {
            return try await refused(
                Refusal(
                    .invalid, "The file is larger than 32 MiB.",
                    hint: "Compress it with gzip, cut it, or use busbar import on the server.", at: "body"))
        }
        do {
            let looked = try await desk.look(file.bytes, name: file.name, try Self.uploadOptions(typed))
            guard call.form["do"] == "store" else {
                var view = try await importsView(call)
                view.typed = typed
                view.looked = .init(
                    file: file.name, byteCount: file.bytes.count,
                    held: self.held.keep(file, typed, owner: owner, nowMs: nowMs), report: looked.report,
                    refusals: looked.refusals.prefix(Self.listLimit).map { ImportPage.Refused($0) },
                    refusedCount: looked.refusals.count, meters: looked.meters)
                return show(view, call, .imports)
            }
            let done = try await desk.store(looked, name: file.name)
            if let held { self.held.drop(held.key) }
            // Who is confined to places may not see the import's page.
            return .seeOther(
                actor.scope.isWholeCompany
                    ? Paths.importPage(done.importID ?? 0, after: nil) : "\(Paths.imports)?did=stored")
        } catch let refusal as Refusal where [.invalid, .unavailable].contains(refusal.code) {
            return try await refused(refusal)
        }
    }

    private func importPage(_ call: PageCall) async throws -> Answer {
        let importID = try id(call)
        let desk = try await importDesk(call)
        let run = try await desk.find(importID)
        let after = max(0, call.query["after"].flatMap { Int64($0) } ?? 0)
        let found = try await desk.refusals(of: importID, after: after, limit: Self.listLimit + 1)
        let shown = found.prefix(Self.listLimit)
        let report = run.report.flatMap { try? JSONDecoder().decode(ReadingReport.self, from: Data($0.utf8)) }
        return show(
            ImportPage(
                row: ImportsView.Row(run), report: report, refusals: shown.map { ImportPage.Refused($0) }, after: after,
                next: found.count > shown.count ? after + Int64(shown.count) : nil), call, .imports)
    }
}
