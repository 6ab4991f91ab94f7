// Profile files: those of the program, a maker's deviation, what is refused, and the choice by the object list.
import DLMS
import Foundation
import IS15959
import Testing

private let deviation = """
    {
      "format": 1, "name": "acme-one", "base": "single-phase", "maker": "Acme", "title": "Acme One",
      "signs": {"has": ["import-energy", "acme-signal"], "lacks": ["current-y"]},
      "objects": [
        {"name": "acme-signal", "class": 3, "obis": "1.0.96.200.0", "title": "radio signal", "unit": ""},
        {"name": "average-voltage", "class": 3, "obis": "1.0.32.27.0"}
      ],
      "profiles": [
        {"name": "block-load", "columns": ["clock", "block-import-energy", "average-voltage"]},
        {"name": "self-check", "obis": "1.0.99.14.0", "columns": ["clock", "acme-signal"]}
      ],
      "without": ["events-control"],
      "events": [{"id": 205, "name": "terminal cover opened", "log": "non-rollover"}],
      "statusBits": [{"bit": 61, "name": "radio lost", "occurrence": 890}]
    }
    """

private func list(_ names: [String], of profile: MeterProfile = .singlePhase) -> ObjectList {
    ObjectList(
        names.compactMap { name in
            if let object = profile.object(name) { return ListedObject(classID: object.classID, obis: object.obis) }
            return profile.profile(name).map { ListedObject(classID: 7, version: 1, obis: $0.obis) }
        })
}

/// Everything a profile names, as the object list of such a meter would have it.
private func whole(_ profile: MeterProfile) -> ObjectList {
    let names = profile.profiles.flatMap(\.columns) + profile.others + profile.profiles.map(\.name)
    return list(names, of: profile)
}

/// The start of a deviation; what is wrong follows.
private let head = "{\"format\":1,\"name\":\"x\",\"base\":\"ht-ct\","

@Suite("Profile files")
struct ProfileFileTests {
    @Test("the files of the program are read, and hold what IS 15959 asks of each kind")
    func embedded() {
        #expect(
            MeterProfile.all.map(\.name) == ["single-phase", "three-phase", "lt-ct", "ht-ct", "single-phase-wired"])
        for profile in MeterProfile.all {
            for name in ["instantaneous", "block-load", "daily", "billing", "name-plate", "events-power"] {
                #expect(profile.profile(name) != nil, "\(profile.name): \(name)")
            }
            #expect(profile.profile("billing")?.columns.contains("import-energy-tz8") == true)
            #expect(profile.profile("billing")?.columns.contains("max-demand-time") == true)
            #expect(profile.others.contains("balance") && profile.others.contains("event-status-word"))
        }
        // Meters of part 3 have no relay and no control log.
        for profile in [MeterProfile.ltCT, .htCT] {
            #expect(profile.profile("events-control") == nil && !profile.others.contains("relay"))
            #expect(profile.profile("block-load")?.columns.contains("block-reactive-energy-q4") == true)
        }
        #expect(MeterProfile.htCT.profile("name-plate")?.columns.contains("vt-ratio") == true)
        #expect(MeterProfile.ltCT.profile("name-plate")?.columns.contains("vt-ratio") == false)
        #expect(MeterProfile.singlePhaseWired.object("balance")?.obis == OBIS(0, 0, 94, 91, 24))
        #expect(MeterProfile.singlePhase.object("balance")?.obis == OBIS(0, 0, 94, 96, 24))
    }

    @Test("every object of the shared list that meters are said to have has a name here")
    func sharedList() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let base =
            ProcessInfo.processInfo.environment["BUSBAR_DATA"].map { URL(fileURLWithPath: $0) }
            ?? package.deletingLastPathComponent().appendingPathComponent("shared")
        let file = base.appendingPathComponent("domain/codes/is15959_objects.csv")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else {
            print("skipped: no domain/codes/is15959_objects.csv under BUSBAR_DATA")
            return
        }
        let kinds = ["single_phase": "single-phase", "three_phase": "three-phase", "lt_ct": "lt-ct", "ht_ct": "ht-ct"]
        let profiles = [
            "instantaneous": "instantaneous", "block_load": "block-load", "daily_load": "daily", "billing": "billing",
            "billing_export_tou_optional": "billing", "name_plate": "name-plate", "event_log_voltage": "events-voltage",
            "event_log_current": "events-current", "event_log_power": "events-power",
            "event_log_transaction": "events-transaction", "event_log_others": "events-others",
            "event_log_non_rollover": "events-non-rollover", "event_log_control": "events-control",
        ]
        var checked = 0
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard let kind = kinds[fields[1]].flatMap({ MeterProfile.named($0) }), let name = profiles[fields[0]],
                let obis = OBIS(fields[3]), let attribute = Int8(fields[5])
            else { continue }
            // Some makers' export demands by zone are codes without a place in the default lists.
            let object = try #require(kind.object(obis, attribute: attribute), "\(fields[0]) \(obis) \(attribute)")
            #expect(String(object.classID) == fields[4], "\(object.name)")
            if ["Wh", "VAh", "varh", "W", "VA", "var", "V", "A", "Hz", "min"].contains(fields[7]),
                ![70, 71].contains(object.classID)
            {
                #expect(ScalerUnit(0, object.unit).unitName == fields[7], "\(object.name)")
            }
            if fields[0] == "billing_export_tou_optional", object.name.hasPrefix("max-demand") { continue }
            let columns = kind.profile(name).map { $0.columns + $0.more } ?? []
            #expect(columns.contains(object.name), "\(kind.name) \(name): \(object.name)")
            checked += 1
        }
        #expect(checked > 700, "\(checked)")
    }

    @Test("a maker's deviation is a small file on top")
    func makersFile() throws {
        let acme = try MeterProfile(json: deviation)
        #expect(acme.maker == "Acme" && acme.name == "acme-one")
        #expect(acme.profile("block-load")?.columns == ["clock", "block-import-energy", "average-voltage"])
        #expect(acme.profile("block-load")?.scalerProfile == OBIS(1, 0, 94, 91, 4), "what is not named stays")
        #expect(acme.profile("daily") == MeterProfile.singlePhase.profile("daily"))
        #expect(acme.profile("events-control") == nil)
        #expect(acme.profile("self-check")?.obis == OBIS(1, 0, 99, 14, 0))
        #expect(acme.object("average-voltage")?.obis == OBIS(1, 0, 32, 27, 0))
        #expect(acme.object("average-voltage")?.unit == 35 && acme.object("serial") == ObjectNames.serial)
        #expect(acme.object(OBIS(1, 0, 12, 27, 0)) == nil, "it has moved")
        #expect(acme.object(OBIS(1, 0, 32, 27, 0))?.name == "average-voltage")
        #expect(acme.eventName(205) == "terminal cover opened" && acme.eventLog(205) == .nonRollover)
        #expect(acme.eventName(206) == EventIDs.name(206) && acme.eventLog(101) == .power)
        #expect(EventStatusWord([61, 62]).present(in: acme).map(\.name) == ["radio lost", "status bit 62"])
    }

    @Test("the example in docs/dlms.md is a profile file")
    func documented() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/dlms.md"), encoding: .utf8)
        let start = try #require(page.range(of: "```json\n"))
        let end = try #require(page.range(of: "```", range: start.upperBound..<page.endIndex))
        let example = try MeterProfile(json: String(page[start.upperBound..<end.lowerBound]))
        #expect(example.maker == "Acme" && example.profile("self-check") != nil)
    }

    @Test(
        "a file that does not fit is refused with the place",
        arguments: [
            ("{", "JSON"), ("[]", "type"), ("{\"format\":1}", "name is missing"),
            ("{\"format\":2,\"name\":\"x\",\"base\":\"ht-ct\"}", "format 2"),
            ("{\"format\":1,\"name\":\"X\",\"base\":\"ht-ct\"}", "small letters"),
            ("{\"format\":1,\"name\":\"x\"}", "profiles or a base"),
            ("{\"format\":1,\"name\":\"x\",\"base\":\"none\"}", "no base 'none'"),
            (head + "\"colour\":1}", "unknown key colour"),
            (
                head + "\"profiles\":[{\"name\":\"daily\",\"colums\":[]}]}",
                "colums"
            ),
            (
                head + "\"profiles\":[{\"name\":\"daily\",\"columns\":[\"no\"]}]}",
                "no object 'no'"
            ),
            (
                head + "\"profiles\":[{\"name\":\"own\",\"columns\":[\"clock\"]}]}",
                "needs an obis"
            ),
            (head + "\"without\":[\"nothing\"]}", "no profile 'nothing'"),
            (
                head + "\"objects\":[{\"name\":\"a\",\"class\":3,\"obis\":\"1.0\"}]}",
                "'1.0' is not an OBIS code"
            ),
            (
                head + "\"objects\":"
                    + "[{\"name\":\"a\",\"class\":3,\"obis\":\"1.0.1.1.1\",\"unit\":\"ell\"}]}", "unknown unit 'ell'"
            ),
            (head + "\"events\":[{\"id\":0,\"name\":\"a\"}]}", "id 0"),
            (
                head + "\"events\":[{\"id\":9,\"name\":\"a\",\"log\":\"b\"}]}",
                "no log 'b'"
            ),
            (
                head + "\"statusBits\":[{\"bit\":128,\"name\":\"a\"}]}",
                "bit 128"
            ),
        ])
    func refused(_ text: String, _ words: String) {
        do {
            _ = try MeterProfile(json: text)
            Issue.record("accepted: \(text)")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }

    @Test("a file above the limit is refused")
    func tooLong() {
        let text = String(repeating: " ", count: MeterProfile.maximumFileBytes) + deviation
        #expect(throws: ProfileError.self) { try MeterProfile(json: text) }
    }

    @Test("an unknown meter gets the profile of what is there")
    func choice() throws {
        for profile in MeterProfile.all {
            #expect(MeterProfile.matching(whole(profile))?.name == profile.name)
        }
        let acme = try MeterProfile(json: deviation)
        #expect(MeterProfile.matching(whole(acme), among: MeterProfile.all + [acme])?.name == "acme-one")
        #expect(MeterProfile.matching(whole(.singlePhase), among: MeterProfile.all + [acme])?.name == "single-phase")
        #expect(MeterProfile.matching(ObjectList([])) == nil)
        // What is not there is not asked for; what nobody knows is kept by its code.
        var some = list(["clock", "import-energy", "daily", "block-load", "relay"])
        some.objects.append(ListedObject(classID: 7, version: 1, obis: OBIS(1, 0, 99, 44, 0)))
        let cut = try #require(MeterProfile.matching(some))
        #expect(cut.profiles.map(\.name) == ["block-load", "daily", "1.0.99.44.0"])
        #expect(cut.profile("daily")?.scalerProfile == nil && cut.others == ["relay"])
    }

    @Test("an object list is read; a broken one is refused")
    func objectList() throws {
        let rights = DLMSData.structure([.array([]), .array([])])
        let entry = DLMSData.structure([
            .longUnsigned(3), .unsigned(1), .octetString([1, 0, 1, 8, 0, 255]), rights,
        ])
        #expect(
            try ObjectList(.array([entry])).objects == [
                ListedObject(classID: 3, version: 1, obis: OBIS(1, 0, 1, 8, 0))
            ])
        #expect(try ObjectList(.array([entry])).contains(OBIS(1, 0, 1, 8, 0)))
        for bad in [DLMSData.null, .array([.null]), .array([.structure([.longUnsigned(3), .unsigned(1), .null])])] {
            #expect(throws: ProfileError.self) { try ObjectList(bad) }
        }
    }

    @Test("the status word: bits in order, shorter words, changes")
    func statusWord() throws {
        let gasp = try #require(
            EventStatusWord(.bitString(Array(repeating: 0, count: 10) + [0x04, 0, 0, 0, 0, 0], count: 128)))
        #expect(gasp.bits == [EventStatusWord.lastGasp] && EventStatusWord(gasp.data) == gasp)
        #expect(gasp.present().map(\.name) == ["last gasp"] && gasp.present().first?.occurrence == 101)
        #expect(EventStatusWord(.octetString([0x80]))?.bits == [0])
        let after = EventStatusWord([86, 0])
        #expect(after.changes(since: gasp).raised == [0, 86] && after.changes(since: gasp).cleared == [85])
        #expect(EventStatusWord(.null) == nil && EventStatusWord(.bitString([0], count: 129)) == nil)
        #expect(EventStatusWord(.octetString([])) == nil && EventStatusWord([-1, 128]).bits.isEmpty)
        for (bit, item) in EventStatusWord.standard {
            #expect(bit == item.bit)
            if let id = item.occurrence { #expect(EventIDs.name(id) != nil, "\(item.name)") }
        }
    }

    @Test("events that have an end know it")
    func pairs() {
        #expect(EventIDs.restoration(of: 101) == 102 && EventIDs.occurrence(of: 102) == 101)
        #expect(EventIDs.restoration(of: 301) == 302 && EventIDs.occurrence(of: 302) == 301)
        #expect(EventIDs.restoration(of: 102) == nil && EventIDs.restoration(of: 151) == nil)
        #expect(EventIDs.occurrence(of: 152) == nil && EventIDs.occurrence(of: 101) == nil)
    }

    @Test("associations have their counters and key setups")
    func associations() {
        #expect(Associations.invocationCounter(client: 48)?.obis == OBIS(0, 0, 43, 1, 3))
        #expect(Associations.securitySetup(client: 48) == OBIS(0, 0, 43, 0, 3))
        #expect(Associations.securitySetup(client: 16) == nil && Associations.securitySetup(client: 49) == nil)
    }
}
