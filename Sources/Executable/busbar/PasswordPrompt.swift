// Asks for a password on the terminal without showing it. A password is never an argument: others can see those.
import ArgumentParser
import Composition
import Foundation
import Glibc

struct PasswordOptions: ParsableArguments {
    @Option(help: "File with the password on its first line.") var passwordFile: String?
    @Flag(help: "Make a password up and print it once; also when no terminal is there to ask.") var generate = false

    /// From the file, or typed twice; nil: one is to be made up.
    func password() throws -> String? {
        if let passwordFile {
            guard !generate else {
                throw Complaint("--password-file and --generate exclude each other", hint: "Give one.", .usage)
            }
            return try Composition.password(fromFile: passwordFile)
        }
        guard !generate, isatty(STDIN_FILENO) == 1 else { return nil }
        let first = try typed("Password: ")
        guard try typed("Again: ") == first else {
            throw Complaint("the two passwords differ", hint: "Run the command again.", .usage)
        }
        return first
    }

    private func typed(_ prompt: String) throws -> String {
        var usual = termios()
        guard tcgetattr(STDIN_FILENO, &usual) == 0 else {
            throw Complaint("this terminal cannot hide a password", hint: "Use --password-file.", .usage)
        }
        var silent = usual
        silent.c_lflag &= ~tcflag_t(ECHO)
        FileHandle.standardError.write(Data(prompt.utf8))
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        guard let line = readLine(), !line.isEmpty else {
            throw Complaint("no password was typed", hint: "Use --generate to have one made up.", .usage)
        }
        return line
    }
}
