// The message files agree, and each rule sees a planted offence.
import Testing

@Suite struct MessageTests {
    static let english = "# Words\ngreeting = Good morning, {name}\nmonths = Jan|Feb\nunit = kWh\n"

    static func offences(_ hindi: String) -> [String] {
        messageFindings(english: HouseFile("en.txt", english), translation: HouseFile("hi.txt", hindi)).map(\.message)
    }

    @Test func acceptsATranslation() {
        #expect(Self.offences("greeting = सुप्रभात, {name}\nmonths = जन|फ़र\nunit = kWh\n") == [])
    }

    @Test(arguments: [
        ("months = जन|फ़र\nunit = kWh", "greeting is not translated"),
        ("greeting = सुप्रभात\nmonths = जन|फ़र\nunit = kWh", "must hold the placeholders of en.txt: name"),
        ("greeting = सुप्रभात, {nam}\nmonths = जन|फ़र\nunit = kWh", "must hold the placeholders of en.txt: name"),
        ("greeting = सुप्रभात, {name}\nmonths = जन\nunit = kWh", "another number of parts"),
        ("greeting = Good morning, {name}\nmonths = जन|फ़र\nunit = kWh", "still the English sentence"),
        ("greeting = सुप्रभात, {name}\nmonths = जन|फ़र\nunit = kWh\nold = x", "does not stand in en.txt"),
        ("greeting = सुप्रभात, {name}\nmonths = जन|फ़र\nunit = kWh\nunit = x", "stands twice"),
        ("greeting = सुप्रभात, {name}\nmonths = जन|फ़र\nunit = kWh\nlost", "expected `key = text`"),
    ])
    func seesAPlantedOffence(hindi: String, message: String) {
        let messages = Self.offences(hindi)
        #expect(messages.count == 1 && messages[0].contains(message), "\(messages)")
    }

    @Test func theMessagesOfTheHouseAgree() throws {
        let files = try Tree.files().filter { $0.path.contains("/Messages/") && $0.path.hasSuffix(".txt") }
        let english = try #require(
            files.first { $0.path == "Sources/App/Web/Messages/en.txt" }, "there is no message file")
        let translations = files.filter { $0.path != english.path }
        #expect(translations.map(\.path) == ["Sources/App/Web/Messages/hi.txt"])
        for finding in translations.flatMap({ messageFindings(english: english, translation: $0) }) {
            Issue.record("\(finding)")
        }
    }
}
