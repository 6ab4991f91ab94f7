// Profile files of a folder as one book: their order does not matter, they may stand on each other, and what is wrong
// is told with the file.
import IS15959
import Testing

@Suite struct ProfileBookTests {
    static func file(_ name: String, base: String, _ more: String = "") -> (file: String, text: String) {
        ("\(name).json", "{\"format\":1,\"name\":\"\(name)\",\"base\":\"\(base)\",\"maker\":\"Acme\"\(more)}")
    }

    static let moved = ",\"objects\":[{\"name\":\"average-voltage\",\"class\":3,\"obis\":\"1.0.32.27.0\"}]"

    @Test("a file may stand on another, in whatever order they are read")
    func order() throws {
        let files = [
            Self.file("c", base: "b"), Self.file("a", base: "single-phase", Self.moved), Self.file("b", base: "a"),
        ]
        for turn in 0..<3 {
            let book = try ProfileBook(files: Array(files[turn...] + files[..<turn]))
            #expect(book.names == ProfileBook.standard.profiles.map(\.name) + ["a", "b", "c", "auto"])
            #expect(book.named("c")?.object("average-voltage") == book.named("a")?.object("average-voltage"))
            #expect(
                book.named("c")?.object("average-voltage") != book.named("single-phase")?.object("average-voltage"))
            #expect(book.origin(of: "c")?.file == "c.json" && book.origin(of: "c")?.base == "b")
            #expect(book.origin(of: "ht-ct") == nil && book.named("auto") == nil && book.named("d") == nil)
        }
        #expect(try ProfileBook(files: []).names == ProfileBook.standard.names)
    }

    @Test(
        "what is wrong is told with the file",
        arguments: [
            ([file("a", base: "b"), file("b", base: "c"), file("c", base: "a")], "a on b on c on a"),
            ([file("a", base: "a")], "a on a"),
            ([file("a", base: "single"), file("b", base: "three-phase")], "a.json: there is no base 'single'"),
            ([file("a", base: "ht-ct"), ("x.json", file("a", base: "lt-ct").text)], "stands in a.json too"),
            ([file("ht-ct", base: "lt-ct")], "ht-ct.json: the name 'ht-ct' is taken"),
            ([file("auto", base: "lt-ct")], "the name 'auto' is taken"),
            ([("x.json", "{")], "x.json: profile file: The given data was not valid JSON"),
            ([("x.json", "[]")], "x.json: profile file"),
            ([file("a", base: "ht-ct", ",\"colour\":1")], "a.json: profile file: unknown key colour"),
            ([file("a", base: "ht-ct", ",\"without\":[\"no\"]")], "a.json: profile file a, without"),
            ((0...ProfileBook.maximumFiles).map { file("p\($0)", base: "ht-ct") }, "at most 200"),
        ])
    func wrong(_ files: [(file: String, text: String)], _ words: String) {
        do {
            _ = try ProfileBook(files: files)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }
}
