// Forms with a file: read as browsers send them, refused when anything about them is off.
import Testing

@testable import API

@Suite struct MultipartTests {
    private static func part(_ name: String, _ value: String, file: String? = nil) -> String {
        let fileName = file.map { "; filename=\"\($0)\"" } ?? ""
        return "--x\r\nContent-Disposition: form-data; name=\"\(name)\"\(fileName)\r\n\r\n\(value)\r\n"
    }
    private static func read(_ body: String) -> (fields: [String: String], file: FormFile?)? {
        Multipart.read(Array(body.utf8), boundary: "x")
    }

    @Test func fieldsAndOneFile() throws {
        let body =
            Self.part("a", "1\r\n2") + Self.part("file", "x,y\r\n--\r\n--y\r\n", file: "..\\up/load%22.csv")
            + Self.part("b", "") + "--x--\r\n"
        let form = try #require(Self.read(body))
        #expect(form.fields == ["a": "1\r\n2", "b": ""])
        #expect(form.file == FormFile(name: "load\".csv", bytes: Array("x,y\r\n--\r\n--y\r\n".utf8)))
        // A field for a file that was left empty is no file.
        #expect(try #require(Self.read(Self.part("file", "", file: "") + "--x--")).file == nil)
        let bytes: [UInt8] = (0...255).map { $0 }
        let raw =
            Array("--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"b\"\r\nA: b\r\n\r\n".utf8) + bytes
            + Array("\r\n--x--".utf8)
        #expect(Multipart.read(raw, boundary: "x")?.file?.bytes == bytes)
    }

    @Test(arguments: [
        "", "--x", "--x--x", "preamble\r\n--x--", "--y\r\n", "--x\r\n\r\nno name\r\n--x--",
        part("a", "1"), part("a", "1") + part("a", "2") + "--x--",
        part("f", "1", file: "a") + part("g", "2", file: "b") + "--x--", part("a", "\0") + "--x--",
        part("", "1") + "--x--", part("a", String(repeating: "a", count: 16_385)) + "--x--",
        part(String(repeating: "n", count: 3_000), "1") + "--x--",
        (0..<50).map { part("n\($0)", "1") }.joined() + "--x--", "--x\r\nContent-Type: text/plain\r\n\r\n1\r\n--x--",
    ])
    func anythingElseIsRefused(body: String) {
        let form = Self.read(body)
        #expect(form == nil, "\(body.prefix(60))")
    }

    /// Hostile bytes never trap: every prefix of a good body, and each with a byte flipped.
    @Test func brokenBodiesNeverTrap() {
        let body = Array((Self.part("a", "1") + Self.part("file", "x\r\n", file: "a") + "--x--\r\n").utf8)
        for end in body.indices {
            _ = Multipart.read(Array(body[..<end]), boundary: "x")
            var flipped = body
            flipped[end] ^= 0x55
            _ = Multipart.read(flipped, boundary: "x")
        }
        #expect(Multipart.read(body, boundary: "x") != nil)
    }

    @Test func theBoundaryIsOfTheMediaType() {
        #expect(Multipart.boundary("multipart/form-data; boundary=----ab") == "----ab")
        #expect(Multipart.boundary("multipart/form-data; charset=utf-8; Boundary=\"a b\"") == nil)
        #expect(Multipart.boundary("multipart/form-data; boundary=\"ab\"") == "ab")
        for type in [nil, "", "multipart/form-data", "multipart/form-data; boundary=", "x; boundary=a\u{1}"] {
            #expect(Multipart.boundary(type) == nil)
        }
        #expect(Multipart.boundary("x; boundary=" + String(repeating: "a", count: 71)) == nil)
    }
}
