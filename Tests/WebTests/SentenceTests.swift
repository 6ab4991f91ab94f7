// What a domain says to a person on a page is said in every language: the sentences of refusals are read off the source
// and looked up as a page does it. Names and numbers in them are not judged.
import Access
import CivilTime
import Foundation
import LoadFiles
import Testing
import VEE

@testable import Web

@Suite struct SentenceTests {
    /// Where refusals come from that pages show, rows of imports with them.
    static let folders = ["Domains", "App/API", "App/Exchange", "App/Jobs", "App/Web", "Core/LoadFiles"]
    /// What makes them; the words are arguments.
    static let makers: Set<String> = [
        "Refusal", "Problem", "SimulatorError", "RowRefusal", "LoadFileError", "ImportRefusal", "refusal", "refuse",
    ]
    /// Arguments that are no words for people.
    static let silent: Set<String> = ["at", "place", "row", "text"]

    /// Files whose refusals no page shows. No page sends a command of theirs: the test below holds that.
    static let withoutPage: [(reason: String, paths: [String])] = [
        (
            "What the API alone answers, in the language of its description. The query, which pages share, is said.",
            ["App/API/Endpoint.swift", "App/API/Endpoints/", "App/API/InputReader.swift", "App/API/Schema/"]
        ),
        ("Probes of machines and the exchange with other systems.", ["App/API/Watching/", "App/Exchange/"]),
        (
            "Said when the program starts, at the terminal.",
            ["App/API/Server/TLS.swift", "Domains/Access/KeyRing.swift", "Domains/Access/ProcessNumber.swift"]
        ),
        (
            "Set up or tended at the terminal or by the API.",
            [
                "Core/LoadFiles/RegisterFile.swift", "Domains/Access/AddOrg.swift",
                "Domains/Access/SettingRegistry.swift", "Domains/Accounts/AccountPlace.swift",
                "Domains/Aggregation/VirtualMeters.swift", "Domains/Grid/AddPlace.swift",
                "Domains/Grid/GridNode.swift", "Domains/Grid/NodeTerm.swift", "Domains/Grid/SetGridNode.swift",
                "Domains/HeadEnd/FirmwareStore.swift", "Domains/HeadEnd/SetMeterProfile.swift",
                "Domains/MeterData/MonthKeeper.swift", "Domains/MeterData/OutageRules.swift",
                "Domains/MeterData/ReadingHold.swift", "Domains/MeterData/TamperAnalysis.swift",
                "Domains/Meters/GridMeter.swift", "Domains/Meters/MeterReplacement.swift",
                "Domains/Packs/DeliveryPaths.swift",
                "Domains/Packs/Packs.swift", "Domains/Packs/SetPackTerms.swift",
                "Domains/Supply/SupplyRules.swift",
            ]
        ),
    ]

    static func files(_ folder: String) throws -> [(path: String, text: String)] {
        let root = MessagesTests.sources.deletingLastPathComponent().deletingLastPathComponent()
        let found = try #require(
            FileManager.default.enumerator(at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil))
        return try found.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.map {
            (String($0.path.dropFirst(root.path.count + 1)), try String(contentsOf: $0, encoding: .utf8))
        }
    }

    static func isExempt(_ path: String) -> Bool {
        withoutPage.contains { $0.paths.contains { path.hasPrefix($0) } }
    }

    /// Known as a whole, or clause by clause as ``Wording/said(_:)`` says it.
    static func isKnown(_ sentence: String, _ sayings: Sayings) -> Bool {
        if let found = sayings.find(sentence), !found.values.contains(where: { $0.value.plain.contains("; ") }) {
            return true
        }
        return sentence.split(separator: #/[:;] /#).allSatisfy { clause in
            !clause.contains(where: \.isLetter) || sayings.find(String(clause)) != nil
        }
    }

    @Test func whatARefusalSaysIsSaidInEveryLanguage() throws {
        let sayings = try MessagesTests.messages(.hindi).sayings
        var count = 0
        for (path, text) in try Self.folders.flatMap({ try Self.files($0) }) where !Self.isExempt(path) {
            for (line, sentence) in RefusalReader.sentences(text, makers: Self.makers, silent: Self.silent) {
                count += 1
                let isKnown = Self.isKnown(sentence, sayings)
                #expect(
                    isKnown,
                    "\(path):\(line): '\(sentence)' is said in English only; add it under said. in Web/Messages")
            }
        }
        #expect(count > 400)
    }

    /// The exceptions above hold only while no page uses what they are about.
    @Test func noPageSendsWhatIsSaidInEnglish() throws {
        let pages = try Self.files("App/Web").map(\.text).joined()
        var count = 0
        for (reason, paths) in Self.withoutPage {
            for path in paths {
                let folder = path.hasSuffix("/") ? path : path.replacing(#/[^\/]*$/#, with: "")
                let files = try Self.files(folder).filter { $0.path.hasPrefix(path) }
                #expect(!files.isEmpty, "\(path) is no file any more: \(reason)")
                for file in files {
                    for match in file.text.matches(of: #/struct ([A-Za-z]+)[^{]*: [^{]*Command\b[^{]*\{/#) {
                        count += 1
                        #expect(!pages.contains("\(match.1)("), "a page sends \(match.1): translate \(file.path)")
                    }
                }
            }
        }
        #expect(count > 10)
    }

    @Test func thePlantedSentencesAreSeen() throws {
        let code = #"""
            throw Refusal(
                .invalid, "Never said \(names.map { "x, \($0)" }) by " + "anybody.", // "no"
                hint: day == nil ? "One \"thing\"." : "Two.", at: "field")
            throw RowRefusal(what: "there is no meter \(serial); never said")
            """#
        let found = RefusalReader.sentences(code, makers: Self.makers, silent: Self.silent)
        #expect(
            found.map(\.sentence)
                == [
                    "Never said 9 by anybody.", "One \"thing\".", "Two.", "there is no meter 9; never said",
                ])
        #expect(found.map(\.line) == [1, 1, 1, 4])
        let sayings = try MessagesTests.messages(.hindi).sayings
        let known = (found.map(\.sentence) + ["7: there is no meter A; its 3 days were not taken"]).map {
            Self.isKnown($0, sayings)
        }
        #expect(known == [false, false, false, false, true])
    }

    /// No sentence is taken for another one.
    @Test func everySentenceIsKnownAsItself() throws {
        let sayings = try MessagesTests.messages(.hindi).sayings
        for (key, text) in try MessagesTests.messages(.english).texts where key.hasPrefix("said.") {
            let found = sayings.find(text.replacing(#/\{[a-z]\}/#, with: "9 x"))?.key
            #expect(found == key, "\(text)")
        }
    }

    @Test func clausesAreSaidOneByOne() throws {
        let hindi = Wording(messages: try MessagesTests.messages(.hindi), zone: Samples.zone, nowMs: Samples.nowMs)
        #expect(hindi.said("load.csv:7: the file is empty").plain == "load.csv:7: फ़ाइल खाली है")
        #expect(
            hindi.said("there is no meter <b>; its 3 days were not taken").html
                == "मीटर &lt;b&gt; नहीं है; उसके 3 दिन नहीं लिए गए")
        let many = String(repeating: "a; ", count: 2_000)
        #expect(hindi.said(many).plain == many)
    }

    /// Sentences put together of parts that the source does not hold in one piece; made here.
    static let assembled: Set<String> = [
        "said.moreLine", "said.cellMuch", "said.cellNotKWh", "said.lineFormat", "said.lineChecks", "said.lineRule",
    ]

    @Test func sentencesPutTogetherAreKnown() throws {
        let sayings = try MessagesTests.messages(.hindi).sayings
        var said: [String] = []
        let all = ValidationRules.all.json()
        for (line, json) in [
            ("", #"{"format": 7}"#), ("Line 1: ", all.replacing("\"format\":2", with: "\"format\":1")),
            ("Line 1: ", #"{"format": 2, "severities": {"nonsense": "hard"}}"#),
        ] {
            let error = #expect(throws: RulesError.self, "\(json)") { try ValidationRules(json: json) }
            said.append("\(line)\(error?.description ?? "").")
        }
        var file = LoadFileParser(file: "load.csv", zone: .india)
        try file.feed(Array("t,A\n2026-11-21 00:00,1\n2026-11-21 00:30,x\n2026-11-21 01:00,9999999\n".utf8))
        said += try file.finish().refused.map(\.what)
        var limits = LoadFileLimits.standard
        limits.lineBytes = 10
        var narrow = LoadFileParser(file: "load.csv", zone: .india, limits: limits)
        let error = #expect(throws: LoadFileError.self) {
            try narrow.feed(Array("t,A\n2026-11-21 00:00,1\n".utf8))
            _ = try narrow.finish()
        }
        said.append(error?.what ?? "")
        let met = Set(said.compactMap { sayings.find($0)?.key })
        #expect(Self.assembled.subtracting(met).isEmpty, "\(said)")
    }
}

/// Reads the texts that calls of some names are given; what is put into a text stands as 9.
struct RefusalReader {
    private let bytes: [UInt8]
    private var at: Int

    static func sentences(
        _ code: String, makers: Set<String>, silent: Set<String>
    ) -> [(line: Int, sentence: String)] {
        let bytes = Array(code.utf8)
        var found: [(line: Int, sentence: String)] = []
        var (line, start) = (1, 0)
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
            case UInt8(ascii: "\n"): line += 1
            case UInt8(ascii: "(") where makers.contains(String(decoding: bytes[start..<index], as: UTF8.self)):
                var reader = RefusalReader(bytes: bytes, at: index + 1)
                found += reader.arguments(silent).filter { $0.contains(where: \.isLetter) }.map { (line, $0) }
            default: break
            }
            start = index + 1
        }
        return found
    }

    private init(bytes: [UInt8], at: Int) { (self.bytes, self.at) = (bytes, at) }

    private var current: UInt8 { at < bytes.count ? bytes[at] : UInt8(ascii: ")") }

    /// The texts of a call's arguments up to its closing parenthesis, without those of the labels.
    private mutating func arguments(_ silent: Set<String>) -> [String] {
        var found: [String] = []
        var (depth, word, label) = (1, "", "")
        while depth > 0, at < bytes.count {
            let byte = current
            switch byte {
            case UInt8(ascii: "\""):
                let text = joined()
                if depth == 1, !silent.contains(label) { found.append(text) }
                continue
            case UInt8(ascii: "/") where at + 1 < bytes.count && bytes[at + 1] == byte:
                while at < bytes.count, current != UInt8(ascii: "\n") { at += 1 }
                continue
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: ",") where depth == 1: label = ""
            case UInt8(ascii: ":") where depth == 1 && label.isEmpty: label = word
            default: break
            }
            let isLetter = (UInt8(ascii: "A")...UInt8(ascii: "z")).contains(byte)
            word = isLetter ? word + String(UnicodeScalar(byte)) : ""
            at += 1
        }
        return found
    }

    /// A text, and what is added to it by `+`.
    private mutating func joined() -> String {
        var text = literal()
        let end = at
        while [UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "+")].contains(current) { at += 1 }
        if current == UInt8(ascii: "\""), bytes[end..<at].contains(UInt8(ascii: "+")) {
            text += joined()
        } else {
            at = end
        }
        return text
    }

    /// From its opening quote to behind its closing one.
    private mutating func literal() -> String {
        var text: [UInt8] = []
        at += 1
        while at < bytes.count, current != UInt8(ascii: "\"") {
            if current == UInt8(ascii: "\\") {
                at += 1
                if current == UInt8(ascii: "(") {
                    at += 1
                    _ = arguments([])
                    text.append(UInt8(ascii: "9"))
                    continue
                }
            }
            text.append(current)
            at += 1
        }
        at += 1
        return String(decoding: text, as: UTF8.self)
    }
}
