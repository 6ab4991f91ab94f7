// Lists of breached passwords: sorted sums searched in the file, and small lists of anything.
import Access
import Cryptography
import Foundation
import TestSupport
import Testing

@testable import Composition

@Suite struct BreachedPasswordsTests {
    private func list(_ lines: [String], _ body: (BreachedPasswords) throws -> Void) async throws {
        try await withFolder { folder in
            let path = folder + "/list.txt"
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
            try body(BreachedPasswords(path: path))
        }
    }

    private func sum(_ password: String) -> String { Secret.hex(Hash.sha1(Array(password.utf8))).uppercased() }

    @Test func everySumOfASortedListIsFoundAndNoOther() async throws {
        let known = (0..<3_000).map { "password number \($0)" }
        let lines = known.map(sum).sorted().enumerated().map { "\($1):\($0 * 37)" }
        try await list(lines) { list throws in
            for password in known { #expect(try list.contains(password), "\(password)") }
            for number in 0..<500 { #expect(try list.contains("another \(number)") == false) }
        }
    }

    @Test func unsortedAndPlainListsAreRead() async throws {
        try await list([sum("one two three"), "plain words here", sum("a") + ":5", ""]) { list throws in
            for known in ["one two three", "plain words here", "a"] { #expect(try list.contains(known)) }
            #expect(try list.contains("something else") == false)
        }
    }

    @Test func aSingleSumIsFound() async throws {
        try await list([sum("one two three")]) { list throws in
            #expect(try list.contains("one two three"))
            #expect(try list.contains("x") == false)
        }
    }

    @Test func whatCannotBeAListIsRefused() async throws {
        #expect(throws: Refusal.self) { try BreachedPasswords(path: "/nowhere/list") }
        try await withFolder { folder in
            let path = folder + "/large.txt"
            let line = Data("plain password that is no sum\n".utf8)
            var data = Data()
            while data.count <= BreachedPasswords.inMemoryBytesMax { data += line }
            try data.write(to: URL(fileURLWithPath: path))
            #expect(throws: Refusal.self) { try BreachedPasswords(path: path) }
        }
    }
}
