// Nothing that a program relies on disappears unsaid: the golden file against the description of the last release.
import Foundation
import Testing

@testable import API

@Suite struct BreakingChangeTests {
    private static let folder = OpenAPITests.golden.deletingLastPathComponent()

    private static func document(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: Array(Data(contentsOf: folder.appending(path: name))))
    }

    /// `rule: place: what # reason`, a line a break.
    static func accepted(_ text: String) -> (breaks: Set<String>, faults: [String]) {
        var breaks: Set<String> = []
        var faults: [String] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let sides = line.split(separator: " # ", maxSplits: 1).map(String.init)
            guard sides.count == 2, sides[1].count >= 10 else {
                faults.append("no reason: \(line)")
                continue
            }
            breaks.insert(sides[0])
        }
        return (breaks, faults)
    }

    @Test func nothingBreaksThatWasNotAccepted() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "accepted-breaks.txt"), encoding: .utf8)
        let (accepted, faults) = Self.accepted(text)
        #expect(faults.isEmpty, "\(faults)")
        let found = BreakingChanges.between(
            try Self.document("released.json"), and: try Self.document("busbar.json"))
        for change in found where !accepted.contains(change) {
            Issue.record(
                "breaks programs: \(change). Add instead, or accept it with a reason in openapi/accepted-breaks.txt.")
        }
        for line in accepted.subtracting(found).sorted() { Issue.record("accepted, but nothing breaks so: \(line)") }
    }

    @Test func linesWithoutAReasonAreRefused() {
        let (breaks, faults) = Self.accepted(
            "# a remark\nremoved: /a: the path is gone # nobody ever called it\nx: y\n")
        #expect(breaks == ["removed: /a: the path is gone"] && faults == ["no reason: x: y"])
    }

    // MARK: planted offences

    private static let small = #"""
        {"paths": {"/a/{id}": {
          "post": {"security": [{"bearer": []}], "description": "D. Takes the permission one or two.",
            "parameters": [
              {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[1-9]$"}},
              {"name": "limit", "in": "query", "required": false,
                "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 200}}],
            "requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["kind"],
              "properties": {"kind": {"type": "string", "enum": ["x", "y"]},
                "note": {"type": "string", "maxLength": 80},
                "list": {"type": "array", "maxItems": 9, "items": {"$ref": "#/components/schemas/LeafInput"}}}}}}},
            "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}},
              "404": {}}},
          "get": {"security": [], "description": "Open.", "responses": {"200": {}}}}},
         "components": {"schemas": {
           "LeafInput": {"type": "object", "properties": {"paise": {"type": "integer", "format": "int64"}}},
           "Out": {"type": "object", "required": ["state"], "properties": {
             "state": {"type": "string", "enum": ["on", "off"]},
             "items": {"type": "array", "items": {"type": "integer", "format": "int64"}}}}}}}
        """#

    struct Offence: Sendable, CustomTestStringConvertible {
        var text: String
        var by: String
        var expected: [String]
        var testDescription: String { "\(text) -> \(by)" }
        init(_ text: String, _ by: String, _ expected: String...) {
            (self.text, self.by, self.expected) = (text, by, expected)
        }
    }

    static let offences = [
        Offence("\"/a/{id}\"", "\"/b/{id}\"", "removed: /a/{id}: the path is gone"),
        Offence("\"get\"", "\"put\"", "removed: GET /a/{id}: the method is gone"),
        Offence("\"name\": \"limit\"", "\"name\": \"most\"", "removed: POST /a/{id}: query limit is gone"),
        Offence("\"note\": {", "\"remark\": {", "removed: POST /a/{id} body: note is gone"),
        Offence(
            "\"items\": {\"type\": \"array\"", "\"all\": {\"type\": \"array\"",
            "removed: POST /a/{id} 201: items is gone"),
        Offence(
            "\"int64\", \"minimum\"", "\"int32\", \"minimum\"",
            "type: POST /a/{id} query limit: integer int64 became integer int32"),
        Offence(
            "{\"paise\": {\"type\": \"integer\", \"format\": \"int64\"}", "{\"paise\": {\"type\": \"string\"}",
            "type: POST /a/{id} body.list[].paise: integer int64 became string"),
        Offence(
            "\"items\": {\"type\": \"integer\", \"format\": \"int64\"}", "\"items\": {\"type\": \"string\"}",
            "type: POST /a/{id} 201.items[]: integer int64 became string"),
        Offence("\"required\": false", "\"required\": true", "required: POST /a/{id}: query limit is required now"),
        Offence(
            "\"parameters\": [",
            #""parameters": [{"name": "n", "in": "query", "required": true, "schema": {"type": "string"}},"#,
            "required: POST /a/{id}: query n is new and required"),
        Offence("[\"kind\"]", "[\"kind\", \"note\"]", "required: POST /a/{id} body: note is required now"),
        Offence("[\"state\"]", "[]", "required: POST /a/{id} 201: state may be absent now"),
        Offence("\"minimum\": 1", "\"minimum\": 5", "narrowed: POST /a/{id} query limit: minimum is 5"),
        Offence("\"maximum\": 200", "\"maximum\": 100", "narrowed: POST /a/{id} query limit: maximum is 100"),
        Offence("\"maxLength\": 80", "\"maxLength\": 40", "narrowed: POST /a/{id} body.note: maxLength is 40"),
        Offence(
            "\"maxLength\": 80", "\"maxLength\": 80, \"minLength\": 3",
            "narrowed: POST /a/{id} body.note: minLength is 3"),
        Offence("\"maxItems\": 9", "\"maxItems\": 8", "narrowed: POST /a/{id} body.list: maxItems is 8"),
        Offence("^[1-9]$", "^[1-5]$", "narrowed: POST /a/{id} path id: the pattern changed"),
        Offence("[\"x\", \"y\"]", "[\"x\"]", "narrowed: POST /a/{id} body.kind: y is not taken any more"),
        Offence("[\"on\", \"off\"]", "[\"on\", \"off\", \"low\"]", "widened: POST /a/{id} 201.state: low is new"),
        Offence("\"201\"", "\"200\"", "status: POST /a/{id}: it does not answer 201 any more"),
        Offence("one or two", "two", "access: POST /a/{id}: one is not enough any more"),
        Offence("\"security\": []", "\"security\": [{\"bearer\": []}]", "access: GET /a/{id}: it was open to anyone"),
    ]

    @Test(arguments: offences) func anOffenceIsNamed(_ offence: Offence) throws {
        let old = try JSONValue(parsing: Array(Self.small.utf8))
        let changed = Self.small.replacing(offence.text, with: offence.by)
        #expect(changed != Self.small, "the offence was not planted")
        let new = try JSONValue(parsing: Array(changed.utf8))
        #expect(BreakingChanges.between(old, and: new) == offence.expected)
    }

    @Test(arguments: [
        ("\"404\": {}", "\"404\": {}, \"409\": {}"), ("\"maxLength\": 80", "\"maxLength\": 90"),
        ("\"maximum\": 200", "\"maximum\": 300"), ("[\"x\", \"y\"]", "[\"x\", \"y\", \"z\"]"),
        ("[\"on\", \"off\"]", "[\"on\"]"), ("one or two", "one or two or three"),
        ("\"note\": {", "\"new\": {\"type\": \"string\"}, \"note\": {"),
        ("\"state\": {\"type\"", "\"more\": {\"type\": \"string\"}, \"state\": {\"type\""),
        ("\"get\": {", "\"put\": {\"responses\": {}}, \"get\": {"),
    ]) func anAdditionIsNone(_ text: String, _ by: String) throws {
        let changed = Self.small.replacing(text, with: by)
        #expect(changed != Self.small)
        let found = BreakingChanges.between(
            try JSONValue(parsing: Array(Self.small.utf8)), and: try JSONValue(parsing: Array(changed.utf8)))
        #expect(found.isEmpty, "\(found)")
    }
}
