// The pages as routes of the API's dispatcher, and what every route shares: the frame, the language, problems.
// Holds no rule: a route asks a read model or sends a command, as any program does through the API.
import API
import Access
import CivilTime
import Clocks
import Synchronization

public enum BusbarWeb {
    /// Everything a browser or a program can reach.
    /// - Parameter orgs: the companies of the site.
    public static func dispatcher(services: Services, orgs: [Org], version: String = "0.1.0") -> Dispatcher {
        dispatcher(services: services, companies: Companies(orgs), version: version)
    }

    /// The same with companies that may be added to while it serves.
    public static func dispatcher(services: Services, companies: Companies, version: String) -> Dispatcher {
        Dispatcher(services, pages: pages(services: services, companies: companies, version: version))
    }

    /// The pages alone.
    static func pages(services: Services, companies: Companies, version: String = "0.1.0") -> API.Pages {
        let desk = Desk(services: services, orgs: companies, version: version)
        let pages =
            desk.signInPages + desk.secondStepPages + desk.linePages + desk.queuePages + desk.jobPages + desk.runPages
            + desk.meterPages
            + desk.meterOrderPages + desk.commandPages + desk.collectionPages + desk.eventPages + desk.outagePages
            + desk.supplyPages + desk.editPages + desk.importPages + desk.rulesPages + desk.accountPages
            + desk.walletPages
            + desk.peoplePages + desk.keyPages + desk.approvalPages
            + desk.auditPages
            + desk.reportPages + desk.packPages + desk.calendarPages + desk.subscriptionPages + desk.simulatorPages
            + desk.assetPages
        return API.Pages(pages) { desk.problem($0, $1, $2) }
    }
}

/// The companies whose names and zones the pages show.
public final class Companies: Sendable {
    private let orgs: Mutex<[Int64: Org]>
    public init(_ orgs: [Org]) {
        self.orgs = Mutex(Dictionary(orgs.map { ($0.orgID, $0) }, uniquingKeysWith: { first, _ in first }))
    }
    public subscript(orgID: Int64) -> Org? { orgs.withLock { $0[orgID] } }
    public func add(_ org: Org) { orgs.withLock { $0[org.orgID] = org } }
    /// In order of their numbers.
    public var all: [Org] { orgs.withLock { $0.values.sorted { $0.orgID < $1.orgID } } }
    /// The one company of the site; nil when there are several.
    var only: Org? { orgs.withLock { $0.count == 1 ? $0.values.first : nil } }
}

/// What the routes have at hand.
struct Desk: Sendable {
    static let languageCookie = "busbar_language"

    let pages: Pages
    let services: Services
    let orgs: Companies
    let version: String
    /// Files that were looked at and may be stored.
    let held = HeldFiles()

    init(services: Services, orgs: Companies, version: String) {
        do {
            pages = try Pages()
        } catch {
            preconditionFailure("templates or messages in the binary do not parse: \(error)")
        }
        self.services = services
        self.orgs = orgs
        self.version = version
    }

    /// The whole page as an answer.
    func show(
        _ page: some Page, _ call: PageCall, _ place: PageFrame.Place, notice: PageFrame.Notice? = nil,
        status: Int = 200
    ) -> Answer {
        html(page, frame(call.call, call.session, place, notice), status: status)
    }

    private func html(_ page: some Page, _ frame: PageFrame, status: Int) -> Answer {
        var answer = Answer(status: status, "text/html; charset=utf-8", pages.html(page, in: frame))
        answer.headers["Content-Language"] = frame.language.rawValue
        answer.headers["Vary"] = "Cookie, Accept-Language"
        return answer
    }

    func zone(_ call: PageCall) -> Zone { call.session.flatMap { orgs[$0.actor.scope.orgID] }?.zone ?? .india }

    private func frame(
        _ call: Call, _ session: SignedIn?, _ place: PageFrame.Place, _ notice: PageFrame.Notice?
    ) -> PageFrame {
        let org = session.map { orgs[$0.actor.scope.orgID] } ?? orgs.only
        let rate = services.site.clocks.businessRate
        var frame = PageFrame(
            language: language(call, session),
            look: session.map { $0.actor.role == .consumer ? .portal : .console } ?? .portal,
            company: org?.name ?? "Busbar", zone: org?.zone ?? .india,
            businessTimeMs: services.site.clocks.businessNowMs(), version: version,
            path: call.query.isEmpty ? call.path : "\(call.path)?\(call.query)",
            csrfToken: session.map { Authentication.masked($0.csrfToken) } ?? "",
            person: session.map { session in
                .init(
                    name: session.name, ownAccount: session.actor.scope.accountID,
                    rights: Set(Permission.allCases.filter(session.actor.has)),
                    seesCompany: session.actor.scope.isWholeCompany)
            }, place: place,
            notice: notice, demoSpeed: rate > 1 ? Int(rate) : nil)
        frame.hasSimulator = services.simulator != nil
        return frame
    }

    // MARK: language

    /// The cookie's choice, else the login's language, else what the browser asks for.
    func language(_ call: Call, _ session: SignedIn?) -> Language {
        let cookies = call.headers.all("Cookie").flatMap { header in header.split(separator: ";") }
        let prefix = Self.languageCookie + "="
        let chosen = cookies.compactMap { cookie -> Language? in
            let text = String(cookie.trimmingPrefix { $0 == " " })
            return text.hasPrefix(prefix) ? Language(rawValue: String(text.dropFirst(prefix.count))) : nil
        }.first
        if let chosen { return chosen }
        if let session { return Language(rawValue: session.language.rawValue) ?? .english }
        let asked = (call.headers["Accept-Language"] ?? "").lowercased().split(separator: ",").compactMap { part in
            Language(rawValue: String(part.drop { $0 == " " }.prefix { $0.isLetter }))
        }
        return asked.first ?? .english
    }

    func chooseLanguage(_ call: PageCall) throws -> Answer {
        guard let language = Language(rawValue: call.path["code"] ?? "") else {
            throw Refusal(.notFound, "There is no such language.")
        }
        var answer = Answer.seeOther(Self.ownPath(call.query["back"]) ?? "/")
        let attributes = "Path=/; SameSite=Lax; Max-Age=31536000\(services.isHTTPS ? "; Secure" : "")"
        answer.headers.add("Set-Cookie", "\(Self.languageCookie)=\(language.rawValue); \(attributes)")
        return answer
    }

    /// A path of this server to go back to; nil for anything that could lead elsewhere.
    static func ownPath(_ text: String?) -> String? {
        guard let text, text.hasPrefix("/"), !text.hasPrefix("//"), text.utf8.count <= 2000,
            text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F && $0 != "\\" }),
            !text.hasPrefix("/language/"), !text.hasPrefix(Paths.signIn), !text.hasPrefix(Paths.signOut)
        else { return nil }
        return text
    }

    // MARK: problems

    func problem(_ problem: Problem, _ call: Call, _ session: SignedIn?) -> Answer {
        if problem.code == .unauthenticated {
            let path = call.query.isEmpty ? call.path : "\(call.path)?\(call.query)"
            let back = call.method == "GET" && call.path != "/" ? Self.ownPath(path) : nil
            return .seeOther(Paths.signIn + (back.map { "?back=\(Paths.encoded($0))" } ?? ""))
        }
        if problem.code == .forbidden, session?.mustSetUpSecondStep == true, call.method == "GET" {
            return .seeOther(Paths.me)
        }
        let kind: ProblemView.Kind =
            switch problem.code {
            case .notFound, .noSuchPath: .notFound
            case .forbidden, .csrf: .forbidden
            case .conflict: .conflict
            case .tooMany:
                .tooManyRequests(retryAfterMs: (problem.headers["Retry-After"].flatMap { Int64($0) } ?? 60) * 1000)
            case .invalid, .tooLarge, .unsupportedMediaType, .methodNotAllowed, .slowRequest:
                .badRequest
            default: .failed
            }
        // The words of the page say all of an address that is none, of too many requests and of our own faults.
        let isSaid = [.noSuchPath, .tooMany, .internal].contains(problem.code)
        let refusal = isSaid ? nil : Refusal(.invalid, problem.detail, hint: problem.hint, at: problem.at)
        return html(
            ProblemView(kind: kind, refusal: refusal, reference: call.requestID), frame(call, session, .none, nil),
            status: problem.code.status)
    }

    // MARK: assets

    var assetPages: [API.Page] {
        let byPath = Dictionary(Asset.all.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        return [
            API.Page("GET", "/assets/{name}", access: .anyone, rate: .uncounted) { call in
                guard let asset = byPath["/assets/\(call.path["name"] ?? "")"] else {
                    throw Refusal(.notFound, "There is no such file.")
                }
                var answer = Answer(status: 200, body: asset.bytes)
                answer.headers["Content-Type"] = asset.contentType
                // The address carries a hash of the content.
                answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
                return answer
            }
        ]
    }

    // MARK: small parts

    /// The number in a path; anything else is not found.
    func id(_ call: PageCall) throws -> Int64 {
        guard let text = call.path["id"], let id = Int64(text), id > 0, String(id) == text else {
            throw Problem.noSuchPath
        }
        return id
    }

    /// A form's own key: sent twice, it counts once.
    static func newKey() -> String { Secret.hex(Secret.bytes(16)) }

    /// Nil when the key of a form is not one that was made here.
    static func key(_ call: PageCall) -> String? {
        guard let key = call.form["key"], key.utf8.count == 32, key.allSatisfy(\.isHexDigit) else { return nil }
        return key
    }
}
