// PagesTests: every page in every state and both languages: whole, escaped, without inline style or script.
import CivilTime
import Compression
import Foundation
import Testing

import enum Access.Permission
import struct Access.Refusal

@testable import Web

@Suite struct PagesTests {
    static let hostile = "<script>alert('x')</script>&\"{n}⁦"

    static func render(_ sample: Sample, _ language: Language, word: String = "A. Khan") throws -> String {
        let person: PageFrame.Person? =
            sample.name.hasPrefix("signin")
            ? nil
            : sample.look == .portal
                ? .init(name: word, ownAccount: 7)
                : .init(name: word, rights: Set(Permission.allCases), seesCompany: true)
        let frame = Samples.frame(
            language, look: sample.look, place: sample.place, person: person,
            notice: sample.name == "home" ? .refused(Refusal(.invalid, word)) : nil, company: word)
        return try pages.html(sample.page, in: frame)
    }

    static var pages: Pages { get throws { try loaded.get() } }
    private static let loaded = Result { try Pages() }

    /// A template that is not carried inside the binary ends the process when its page is asked for.
    @Test func everyTemplateIsCarried() throws {
        let folder = MessagesTests.sources.appending(path: "Templates").path
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).map { $0.split(separator: ".")[0] }
        #expect(Set(files.map(String.init)) == Set(Pages.templates.map(\.0)))
    }

    @Test(arguments: Language.allCases) func everyPageIsWhole(language: Language) throws {
        for sample in Samples.all() {
            let html = try Self.render(sample, language)
            #expect(html.contains("<html lang=\"\(language.rawValue)\">"), "\(sample.name)")
            #expect(!html.contains("⟦"), "\(sample.name): a message or value is missing")
            #expect(html.contains("<h1 class=\"lede\">"), "\(sample.name) has no answer in one sentence")
            #expect(html.count { $0 == "\u{0}" } == 0)
            #expect(html.matches(of: #/<h1/#).count == 1, "\(sample.name)")
            let ids = html.matches(of: #/\sid="([^"]*)"/#).map { String($0.1) }
            #expect(Set(ids).count == ids.count, "\(sample.name): an id stands twice")
            for (_, words) in html.matches(of: #/aria-label="([^"]*)"/#).map(\.output) {
                #expect(!words.isEmpty, "\(sample.name)")
            }
        }
    }

    @Test(arguments: Language.allCases) func noPageNeedsInlineStyleOrScript(language: Language) throws {
        for sample in Samples.all() {
            let html = try Self.render(sample, language)
            #expect(html.firstMatch(of: #/\sstyle=|<style|\son[a-z]+=|javascript:/#) == nil, "\(sample.name)")
            let scripts = html.matches(of: #/<script type="module" src="\/assets\/[a-z]+-[0-9a-f]+\.js"><\/script>/#)
            #expect(scripts.count == (html.contains("data-upload") ? 2 : 1), "\(sample.name)")
            #expect(html.matches(of: #/<script/#).count == scripts.count, "\(sample.name)")
            #expect(html.contains("<script type=\"module\" src=\"/assets/busbar-"), "\(sample.name)")
            #expect(html.firstMatch(of: #/(?:src|href)="(?:https?:)?\/\//#) == nil, "\(sample.name) leaves the server")
        }
    }

    @Test(arguments: Language.allCases) func whatPeopleTypeIsOnlyText(language: Language) throws {
        for sample in Samples.all(Self.hostile) {
            let html = try Self.render(sample, language, word: Self.hostile)
            #expect(!html.contains("<script>alert"), "\(sample.name)")
            #expect(!html.contains("alert('x')"), "\(sample.name): a quote got through")
            #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)"), "\(sample.name)")
            #expect(!html.contains("&amp;lt;"), "\(sample.name): escaped twice")
        }
    }

    @Test func everyFormCarriesItsToken() throws {
        for sample in Samples.all() {
            let html = try Self.render(sample, .english)
            for form in html.matches(of: #/<form[^>]*method="post"[^>]*>(.*?)<\/form>/#.dotMatchesNewlines()) {
                #expect(form.1.contains("name=\"csrf\" value=\"tok-1\""), "\(sample.name)")
            }
        }
        let recharge = try Self.render(Samples.portal("x")[0], .english)
        #expect(recharge.contains("name=\"key\" value=\"k-4\""))
    }

    @Test func linksIntoThePageArrive() throws {
        for sample in Samples.all() {
            let html = try Self.render(sample, .english)
            for link in html.matches(of: #/href="#([^"]+)"/#) {
                #expect(html.contains("id=\"\(link.1)\""), "\(sample.name): #\(link.1) leads nowhere")
            }
        }
    }

    @Test func aConsumerSeesOnlyHisOwnWays() throws {
        let html = try Self.render(Samples.portal("x")[0], .english)
        #expect(html.contains("<body class=\"por\">") && !html.contains("console-"))
        for path in [Paths.line, Paths.meters, Paths.accounts + "\"", Paths.exceptions] {
            #expect(!html.contains("href=\"\(path)"), "\(path)")
        }
    }

    /// Few pages stand in the row; every page stands in the menu, for whom it opens alone.
    @Test func theMenuHoldsWhatARoleMayOpen() throws {
        func frame(_ rights: Set<Permission>, company: Bool) throws -> String {
            let person = PageFrame.Person(name: "x", rights: rights, seesCompany: company)
            var frame = Samples.frame(.english, look: .console, place: .outages, person: person)
            frame.path = "/reliability?from=2026-02-01"
            return try Self.pages.html(ProblemView(kind: .notFound, refusal: nil, reference: "r"), in: frame)
        }
        let all = try frame(Set(Permission.allCases), company: true)
        let row = try #require(all.firstMatch(of: #/<ul class="ways">(.*?)<\/ul>/#)).1
        #expect(row.matches(of: #/<li/#).count == 8, "seven pages and the present one")
        #expect(row.contains("<li><a href=\"/reliability\" aria-current=\"page\">"))
        #expect(all.matches(of: #/aria-current="page"/#).count == 2, "marked in the row and in the menu")
        for path in ["/runs", "/jobs", "/money", "/people", "/validation-rules", "/estimation-plans", "/tamper"] {
            #expect(all.contains("href=\"\(path)\""), "\(path)")
        }
        let confined = try frame([.readMeters, .readAccounts], company: false)
        for path in ["/runs", "/jobs", "/money", "/people", "/validation-rules", "/imports", "/audit"] {
            #expect(!confined.contains("href=\"\(path)\""), "\(path)")
        }
        #expect(confined.contains("href=\"/supply\"") && !all.contains("href=\"/simulator\""))
    }

    @Test func sameViewSameBytes() throws {
        for sample in Samples.all() { #expect(try Self.render(sample, .hindi) == Self.render(sample, .hindi)) }
    }

    @Test func pagesAreLight() throws {
        // Budget: HTML and CSS of a page at most 20 kB as they travel.
        let css = Asset.tokens.bytes + Asset.busbar.bytes + Asset.console.bytes
        for sample in Samples.all() {
            let sent = try Gzip.compress(Array(try Self.render(sample, .hindi).utf8) + css)
            #expect(sent.count < 20_000, "\(sample.name)")
        }
        #expect(Asset.script.bytes.count <= 5_000)
        #expect(Asset.upload.bytes.count <= 2_500)
    }

    @Test func countsThatDoNotFootAreSaidSo() throws {
        let samples = Samples.console("x")
        let good = try #require(samples.first { $0.name == "line" })
        let bad = try #require(samples.first { $0.name == "line-worst" })
        #expect(Samples.counts.foots)
        #expect(try !Self.render(good, .english).contains("do not add up"))
        #expect(try Self.render(bad, .english).contains("do not add up"))
    }

    @Test func sumsThatDoNotFootAreSaidSo() throws {
        let samples = Samples.all()
        for (name, isBroken) in [("day", false), ("day-broken", true), ("home", false), ("home-off", true)] {
            let sample = try #require(samples.first { $0.name == name })
            #expect(try Self.render(sample, .english).contains("add up.") == isBroken || name == "day", "\(name)")
        }
        let whole = try #require(samples.first { $0.name == "day" }?.page as? DayView)
        let broken = try #require(samples.first { $0.name == "day-broken" }?.page as? DayView)
        #expect(whole.foots && !broken.foots)
        #expect(StatementLine.foots(Samples.statementLines("x")))
    }

    @Test func theSamplesOfMeterDataAreThere() throws {
        let names = Set(try Samples.meterData("x").map(\.name))
        #expect(names.isSuperset(of: ["imports-looked", "import", "rules", "rules-wrong", "outages-plan"]))
        #expect(Samples.all().contains { $0.name == "imports-looked" })
        let looked = try #require(try Samples.meterData("x").first { $0.name == "imports-looked" })
        let html = try Self.render(looked, .english)
        #expect(html.contains("name=\"held\" value=\"aa\"") && html.contains("the first 2 of 60"))
        let page = try #require(try Samples.meterData("load.csv").first { $0.name == "import" })
        let stored = try Self.render(page, .english)
        #expect(stored.contains("load.csv:7") && stored.contains("/imports/2/refused.csv?after=10000"))
        #expect(stored.contains("40 meters together 60 minutes late"))
    }

    @Test func whatIsNotKnownIsNotNothing() throws {
        let samples = Samples.reports("x")
        let bare = try Self.render(try #require(samples.first { $0.name == "aggregation-unsummed" }), .english)
        #expect(bare.contains("x: there are no sums of these days yet") && !bare.contains("0.00"))
        #expect(bare.contains("2 days are not summed up yet") && bare.matches(of: #/<dd class="fig">–</#).count == 5)
        let partly = try Self.render(try #require(samples.first { $0.name == "aggregation-partly" }), .english)
        #expect(
            partly.contains("3 days are not summed up yet") && partly.matches(of: #/>not summed up yet</#).count == 3)
        #expect(partly.contains("no way to any of its meters is known"))
    }

    @Test func reportsKeepTheirScopeOnTheWay() throws {
        let samples = Samples.reports("x")
        let page = try Self.render(try #require(samples.first { $0.name == "report-data-availability" }), .english)
        let scope = "from=2026-11-12&amp;set=place%3A31&amp;to=2026-11-18"
        for path in ["/reports?", "/aggregation?", "/reports/consumption?", "/reports/energy-balance?"] {
            #expect(page.contains("href=\"\(path)\(scope)\""), "\(path)")
        }
        let days = "place=31&amp;from=2026-11-12&amp;to=2026-11-18"
        #expect(
            page.contains("/reliability?\(days)\"") && page.contains("/exceptions/readings?rule=spike&amp;\(days)\""))
        let others = try #require(page.firstRange(of: "The same days and place"))
        #expect(!page[others.lowerBound...].contains("/reports/data-availability"), "a report leads to itself")
        // A longer period than a report is made for is cut to its last days.
        let year = ReportScope(["from": "2025-11-19", "to": "2026-11-18"])
        #expect(year.asked(daysMax: 40)["from"] == "2026-10-10" && year.asked()["from"] == "2025-11-19")
    }

    @Test func whatIsSettledDoesNotWait() throws {
        let settled = try #require(Samples.console("x").first { $0.name == "queue-settled" })
        let html = try Self.render(settled, .english)
        #expect(html.contains("exceptions are settled") && !html.contains("exceptions wait"))
        #expect(html.contains("No rule of estimation can fill these intervals."))
        let waiting = try #require(Samples.console("x").first { $0.name == "queue" })
        let queue = try Self.render(waiting, .english)
        #expect(queue.contains("exceptions wait") && queue.contains("₹310.18") && queue.contains("₹484.20"))
        #expect(queue.contains("/meters/3/edit?day=") && queue.contains("href=\"/validation-rules\""))
    }

    @Test func correctionsNameWhatTheyCorrect() throws {
        let html = try Self.render(Samples.portal("x")[0], .english)
        #expect(html.contains("Taken back: <a class=\"id\" href=\"#e-J-1180\">J-1180</a>"))
        #expect(html.contains("instead of <a class=\"id\" href=\"#e-J-1180\">J-1180</a>"))
        #expect(html.contains("Taken back by <a class=\"id\" href=\"#e-J-77B1\">J-77B1</a>"))
    }

    @Test func errorsAreSaidTwiceAndInputIsKept() throws {
        let samples = Samples.problems("nimmi")
        let wrong = try Self.render(try #require(samples.first { $0.name == "signin-wrong" }), .english)
        #expect(wrong.contains("<title>Error: Sign in"))
        #expect(wrong.matches(of: #/do not go together/#).count == 2)
        #expect(wrong.contains("value=\"nimmi\"") && wrong.contains("aria-invalid=\"true\""))
        #expect(wrong.firstMatch(of: #/type="password"[^>]*value=/#) == nil)
        let limited = try Self.render(try #require(samples.first { $0.name == "signin-limited" }), .english)
        #expect(limited.contains("Wait 90 s"))
    }

    @Test func neverACutOnAnEstimate() throws {
        let sample = try #require(Samples.confirms("x").first { $0.name == "confirm-estimate" })
        let html = try Self.render(sample, .english)
        #expect(!html.contains("action=\"/meters/3/disconnect\""))
        #expect(html.contains("never cut on an estimate"))
    }
}
