// Which passwords are refused: too short, made of what everybody tries first, or known from a breach. Values in, a
// refusal or nothing out; the list of breached ones is a file of the installation, searched elsewhere.

public enum PasswordRules {
    /// - Parameters:
    ///   - own: username, the person's name, names of companies: what a guesser knows.
    /// - Throws: ``Refusal`` that says what to do instead.
    public static func check(_ password: String, own: [String] = []) throws {
        guard Credentials.passwordLength.contains(password.count), password.utf8.count <= 512 else {
            throw Refusal(
                .invalid, "The password must have 12 to 128 characters.",
                hint: "Three or four words that do not belong together make a good one.", at: "password")
        }
        guard Set(password).count >= 5, !isWalk(password) else {
            throw Refusal(
                .invalid, "The password is too easy to guess: it repeats itself or follows the keyboard.",
                hint: "Three or four words that do not belong together make a good one.", at: "password")
        }
        guard lettersLeft(of: password, own: own) >= 5 else {
            throw Refusal(
                .invalid, "The password is too easy to guess: it is made of words that are tried first.",
                hint: "Leave out names, the company and words such as password; take words of your own.",
                at: "password")
        }
    }

    /// What guessers begin with; our own list. Longer ones first where one holds another.
    static let common = [
        "administrator", "electricity", "correcthorsebatterystaple", "changeme", "iloveyou", "password", "passwort",
        "passwd", "operator", "consumer", "customer", "computer", "internet", "football", "princess", "superman",
        "sunshine", "starwars", "trustno", "whatever", "letmein", "welcome", "monkey", "dragon", "master", "secret",
        "shadow", "cricket", "krishna", "bharat", "mumbai", "india", "delhi", "bijli", "vidyut", "busbar", "meter",
        "power", "company", "login", "admin", "guest", "hello", "summer", "winter", "spring", "autumn", "monday",
        "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april",
        "june", "july", "august", "september", "october", "november", "december", "test", "user", "root", "pass",
        "love", "abcd", "qwerty", "qwertz", "asdf", "zxcv", "the", "my",
    ]

    /// Letters that remain when known words are taken out, with `0` read as o, `@` as a and so on.
    static func lettersLeft(of password: String, own: [String]) -> Int {
        let likenesses: [Character: Character] = [
            "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i",
        ]
        func letters(_ text: String, readingLikenesses: Bool) -> String {
            String(
                text.lowercased().compactMap { character -> Character? in
                    let read = readingLikenesses ? likenesses[character] ?? character : character
                    return read.isLetter ? read : nil
                })
        }
        let words =
            (common + own.flatMap { name in [name] + name.split { !$0.isLetter && !$0.isNumber }.map(String.init) })
            .map { letters($0, readingLikenesses: false) }.filter { $0.count >= 2 }.sorted { $0.count > $1.count }
        return [true, false].map { reading in
            var rest = letters(password, readingLikenesses: reading)
            for word in words where word.count >= 3 || rest.count < 8 { rest = rest.replacing(word, with: "") }
            return rest.count
        }.min() ?? 0
    }

    private static let rows = [
        "qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "abcdefghijklmnopqrstuvwxyz",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    ].map { Array($0) }

    /// Three of four neighbours in the password are neighbours on the keyboard, in the alphabet, or the same.
    static func isWalk(_ password: String) -> Bool {
        let characters = Array(password.lowercased())
        let steps = zip(characters, characters.dropFirst()).count { first, second in
            first == second
                || rows.contains { row in
                    guard let place = row.firstIndex(of: first) else { return false }
                    return (place + 1 < row.count && row[place + 1] == second)
                        || (place > 0 && row[place - 1] == second)
                }
        }
        return steps * 4 >= (characters.count - 1) * 3
    }
}

extension PasswordHasher {
    /// - Throws: ``Refusal`` when the password breaks a rule or stands in the list of breached ones.
    public func refuseGuessable(_ password: String, username: String?, name: String?) async throws {
        try PasswordRules.check(password, own: [username, name].compactMap { $0 } + companyNames)
        guard let isBreached, try await onThread({ Result { try isBreached(password) } }).get() else { return }
        throw Refusal(
            .invalid, "This password is known from a breach elsewhere and is tried by everybody.",
            hint: "Choose one you use nowhere else.", at: "password")
    }
}
