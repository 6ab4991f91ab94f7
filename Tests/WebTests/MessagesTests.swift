// MessagesTests: both languages hold the same keys with the same placeholders, and the code uses every one of them.
import Access
import CivilTime
import Foundation
import IS15959
import IntervalData
import Testing
import VEE

@testable import Web

@Suite struct MessagesTests {
    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/App/Web").resolvingSymlinksInPath()

    static func messages(_ language: Web.Language) throws -> Messages { try PagesTests.pages.messages(language) }

    static func placeholders(_ text: String) -> Set<String> {
        Set(text.matches(of: #/\{[a-zA-Z]+\}|\[[a-z]+\]/#).map { String($0.output) })
    }

    /// Every key that stands in quotes in the code or behind `t.` in a template.
    static func usedKeys() throws -> (exact: Set<String>, counted: Set<String>) {
        var (exact, counted): (Set<String>, Set<String>) = ([], [])
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        for case let file as URL in files {
            if file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                exact.formUnion(text.matches(of: #/"([a-z]+[a-zA-Z0-9._-]*)"/#).map { String($0.1) })
                counted.formUnion(text.matches(of: #/count\(\s*"([a-zA-Z.]+)"/#).map { String($0.1) })
                counted.formUnion(text.matches(of: #/"(drop\.[a-zA-Z]+)"/#).map { String($0.1) })
            } else if file.pathExtension == "mustache" {
                let text = try String(contentsOf: file, encoding: .utf8)
                exact.formUnion(text.matches(of: #/\{\{\{t\.([a-zA-Z0-9.]+)\}\}\}/#).map { String($0.1) })
            }
        }
        return (exact, counted)
    }

    /// Events of meters are looked up by number: in English they are the words of the standard's list, all of them.
    @Test func eventsHaveTheWordsOfTheList() throws {
        let wording = Wording(messages: try Self.messages(.english), zone: Samples.zone, nowMs: Samples.nowMs)
        let known = (1...320).filter { EventIDs.name($0) != nil }
        #expect(known.count > 80)
        for code in known { #expect(wording.event(code).plain == EventIDs.name(code)) }
        #expect(wording.event(999).plain == "event 999")
    }

    @Test func bothLanguagesSayTheSameThings() throws {
        let english = try Self.messages(.english).texts
        let hindi = try Self.messages(.hindi).texts
        #expect(Set(english.keys).symmetricDifference(hindi.keys).isEmpty)
        for (key, text) in english {
            #expect(Self.placeholders(text) == Self.placeholders(hindi[key] ?? ""), "\(key)")
            #expect(text.split(separator: "|").count == (hindi[key] ?? "").split(separator: "|").count, "\(key)")
            let tags = { (text: String) in text.matches(of: #/<\/?[a-z]+/#).map { String($0.output) }.sorted() }
            #expect(tags(text) == tags(hindi[key] ?? ""), "\(key): other tags")
            #expect(!text.hasSuffix(" ") && !(hindi[key] ?? " ").hasSuffix(" "), "\(key) ends in a blank")
        }
        #expect(english.count > 300)
    }

    @Test func noKeyIsUnused() throws {
        let used = try Self.usedKeys()
        for key in try Self.messages(.english).texts.keys {
            let isCounted =
                (key.hasSuffix(".one") || key.hasSuffix(".other"))
                && used.counted.contains(key.replacing(#/\.(one|other)$/#, with: ""))
            // Looked up by number.
            let isEvent = key.firstMatch(of: #/^meterEvent\.(\d+)$/#).flatMap { Int($0.1) }.map {
                EventIDs.name($0) != nil
            }
            // Known by its words: the test below holds them to the sentences of the domains.
            let isSentence = key.hasPrefix("said.")
            #expect(used.exact.contains(key) || isCounted || isEvent == true || isSentence, "\(key) is used nowhere")
        }
    }

    /// A translated sentence whose English words stand nowhere in the code would never be met again.
    @Test func sentencesOfTheDomainsAreStillSaid() throws {
        let folder = Self.sources.deletingLastPathComponent().deletingLastPathComponent()
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var code = ""
        for case let file as URL in files where file.pathExtension == "swift" {
            code += try String(contentsOf: file, encoding: .utf8)
        }
        // A sentence may be put together of two texts.
        code = code.replacing(#/"\s*\+ "/#, with: "").replacing("\\\"", with: "\"")
        var count = 0
        for (key, text) in try Self.messages(.english).texts where key.hasPrefix("said.") {
            count += 1
            guard !Self.assembled.union(SentenceTests.assembled).contains(key) else { continue }
            for part in text.split(separator: #/\{[a-z]\}/#) where part.utf8.count > 12 {
                #expect(code.contains(part), "\(key): nobody says '\(part)'")
            }
        }
        #expect(count > 100)
    }

    /// Sentences put together of parts; the test below has them made.
    static let assembled: Set<String> = [
        "said.lineStray", "said.lineType", "said.zeroRegister", "said.zeroAgreed", "said.zeroSilent",
        "said.runRegister", "said.runAgreed", "said.runSilent", "said.spikeThird", "said.clockAhead",
        "said.clockBehind", "said.meanWorking", "said.meanSaturday", "said.meanRest", "said.driftAhead",
        "said.driftBehind", "said.sumCheck", "said.sumCheckDays",
    ]

    @Test func findingsAreKnownByTheirWords() throws {
        let sayings = try Self.messages(.hindi).sayings
        var rules = ValidationRules.all
        rules.consecutiveZeroes = .init(minutes: 60)
        let flat = [Int32?](repeating: 100, count: 48)
        var spike = flat
        (spike[7], spike[8]) = (90_000, -5)
        let zeros = [Int32?](repeating: 0, count: 48)
        var inputs: [DayInput] = []
        for values in [
            flat, spike, zeros, zeros.dropLast(3) + [1, 1, 1], spike.dropLast(9) + .init(repeating: nil, count: 9),
        ] {
            for (start, end) in [(nil, nil), (0, 0), (0, 90_000)] as [(Int64?, Int64?)] {
                for drift in [-9_000, -200, 200, 9_000] {
                    inputs.append(
                        DayInput(
                            values: values, registerStartWh: start, registerEndWh: end, clockDriftS: drift,
                            sanctionedW: 3_000, periodS: 1_800))
                }
            }
        }
        var spanned = DayInput(values: flat, sanctionedW: 3_000, periodS: 1_800)
        spanned.span = RegisterSpan(days: 3, movedWh: 90_000, earlierWh: 9_600, hasGaps: false)
        inputs.append(spanned)
        var met: Set<String> = []
        for finding in inputs.flatMap({ validate($0, rules: rules) }) {
            let found = sayings.find(finding.message)
            #expect(found != nil, "'\(finding.message)' is said in English only")
            if let found { met.insert(found.key) }
        }
        for fault in [
            "no such setting; remove it or mend its spelling",
            "missing or of another type; compare with the standard settings",
        ] {
            if let found = sayings.find("Line 4: spike.x: \(fault).") { met.insert(found.key) }
        }
        met.formUnion(try Self.reasonsOfEstimates().compactMap { sayings.find($0)?.key })
        #expect(Self.assembled.subtracting(met).isEmpty, "\(Self.assembled.subtracting(met).sorted())")
    }

    /// Every reason an estimate can have, made by the plans and methods; parts put together stand apart.
    private static func reasonsOfEstimates() throws -> Set<String> {
        let first = CivilDay(number: 20_751)
        var found: Set<String> = []
        for missing in 20..<27 {
            var series = LoadSeries(from: first, through: first.advanced(by: 29), zone: Samples.zone, periodS: 1_800)
            let gap = missing * 48 + 10..<missing * 48 + 14
            for slot in 0..<series.count where !gap.contains(slot) {
                series.set(slot, Int64(100 + slot * 7 % 40 + slot / 48), .actual)
            }
            let knownWh = (series.slots(of: first.advanced(by: missing)) ?? 0..<0).reduce(0) { $0 + series.values[$1] }
            let startS = Samples.zone.startS(of: first.advanced(by: missing))
            for name in EstimationPlan.names {
                guard let plan = EstimationPlan(named: name) else { continue }
                for outages in [[], [startS + 18_000..<startS + 20_400]] {
                    for movedWh in [nil, knownWh, knownWh + 900] {
                        let registers = movedWh.map {
                            [
                                RegisterReading(atS: startS, registerWh: 0),
                                RegisterReading(atS: startS + 86_400, registerWh: $0),
                            ]
                        }
                        let made = estimate(series, registers: registers ?? [], outages: outages, plan: plan)
                        found.formUnion(made.filled.map(\.reason))
                    }
                }
            }
        }
        return found
    }

    @Test func reasonsOfEstimatesAreSaidInHindi() throws {
        let hindi = Wording(messages: try Self.messages(.hindi), zone: Samples.zone, nowMs: Samples.nowMs)
        let english = Wording(messages: try Self.messages(.english), zone: Samples.zone, nowMs: Samples.nowMs)
        let reasons = try Self.reasonsOfEstimates()
        #expect(reasons.count > 6)
        for reason in reasons {
            #expect(reasonWords(reason, english).plain == reason)
            let said = reasonWords(reason, hindi).plain.replacing("Wh", with: "")
            #expect(said.firstMatch(of: #/[a-z]{2,}/#) == nil, "'\(reason)' is said as '\(said)'")
        }
    }

    @Test func settingsOfChecksHaveANameForPeople() throws {
        let w = Wording(messages: try Self.messages(.hindi), zone: Samples.zone, nowMs: Samples.nowMs)
        #expect(settingWords("floorW", "1000", w).plain.hasPrefix("इस भार से नीचे नहीं, W: 1000"))
        for text in [ValidationRules.all.json(), EstimationPlan.best.json()] {
            let names = text.matches(of: #/"([a-zA-Z]+)":(?:\d|"warning")/#).map { String($0.1) } + ["shape"]
            for name in names where !["format", "severities"].contains(name) {
                #expect(settingWords(name, "1", w).plain.contains("<span"), "\(name) has no name for people")
            }
        }
    }

    @Test func aSentenceOfADomainIsSaidInTheLanguageOfThePage() throws {
        let hindi = Wording(messages: try Self.messages(.hindi), zone: Samples.zone, nowMs: Samples.nowMs)
        let english = Wording(messages: try Self.messages(.english), zone: Samples.zone, nowMs: Samples.nowMs)
        let spike = "900 Wh is 1800 W on average; 1000 W is the limit and 30 Wh the third highest value"
        #expect(english.said(spike).plain == spike)
        #expect(hindi.said(spike).plain == "900 Wh औसतन 1800 W है; सीमा 1000 W है और तीसरा सबसे बड़ा मान 30 Wh")
        #expect(hindi.said("900 Wh is 1800 W on average; 1000 W is the limit").plain.hasSuffix("सीमा 1000 W है"))
        let refusal = Refusal(.invalid, "There is no unit <b>.", hint: "Never heard of.", at: "unit")
        #expect(hindi.refusal(refusal).html == "इकाई &lt;b&gt; नहीं है। Never heard of.")
        #expect(!english.refusal(refusal).plain.contains("unit:"))
    }

    @Test func everyTemplateKeyExists() throws {
        let texts = try Self.messages(.english).texts
        let folder = Self.sources.appendingPathComponent("Templates")
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: #/\{\{\{t\.([a-zA-Z0-9.]+)\}\}\}/#) {
                #expect(texts[String(match.1)] != nil, "\(file.lastPathComponent): \(match.1)")
            }
            let name = file.lastPathComponent
            #expect(text.firstMatch(of: #/[^{]\{\{[a-zA-Z]/#) == nil, "\(name): values stand in {{{ }}}")
        }
    }

    @Test(arguments: [("key text", 1), ("a = 1\n= 2", 2), ("a = 1\n# c\na = 2", 3)])
    func aBrokenFileNamesItsLine(file: String, line: Int) {
        let fault = #expect(throws: Messages.Fault.self) { try Messages(language: .english, file: file) }
        #expect(fault?.line == line)
    }

    @Test func numbersAndTimesAreSaidByOwnRules() throws {
        let now = Samples.nowMs
        let en = Wording(messages: try Self.messages(.english), zone: Samples.zone, nowMs: now)
        let hi = Wording(messages: try Self.messages(.hindi), zone: Samples.zone, nowMs: now)
        #expect(en.moment(now).html == "Sat 21, 14:05" && hi.moment(now).html == "शनि 21, 14:05")
        #expect(en.moment(now - 40 * 86_400_000).html == "Mon 12 Oct 2026, 14:05")
        #expect(en.iso(now) == "2026-11-21T14:05:00+05:30")
        #expect(en.duration(800).html == "0.8 s" && en.duration(7_800_000).html == "2 h 10 min")
        #expect(en.duration(-5).html == "0.0 s" && en.duration(100_000_000).html == "1 d 3 h")
        #expect(en.longDay(Samples.day).html == "Saturday 21 November")
        #expect(hi.longDay(Samples.day).html == "शनिवार 21 नवंबर")
        #expect(en.aboutHour(Samples.at(Samples.day, 12, 40)).hour.html == "about 1 pm")
        #expect(en.aboutHour(Samples.at(Samples.day, 23, 40)).day.html == "Sunday 22 November")
        #expect(en.roundMoney(50_000) == "₹500" && en.roundMoney(-50_050) == "\u{2212}₹500.50")
        #expect(en.share(991_500) == "99.15%" && en.price(550_000) == "₹5.50")
        #expect(en.paise(micro: 885_500_000) == "885.50")
        #expect(en.count("meters.lede", 1).html == "1 meter" && en.count("meters.lede", 0).html == "0 meters")
    }

    @Test func aPlaceholderInAValueStaysText() throws {
        let said = try Self.messages(.english).say("age.ago", ["t": Markup(text: "{t}<b>")])
        #expect(said.html == "{t}&lt;b&gt; ago")
        #expect(Markup(text: "<&\"'>").plain == "<&\"'>")
    }
}
