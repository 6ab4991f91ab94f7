// What is refused is said whole on every page: what is wrong and how to mend it, in the language of the person, with a
// link to the field where there is one.
import API
import TestRetailer
import TestSupport
import Testing

@Suite struct RefusalPageTests {
    @Test func formsSayItInTheReadersLanguage() async throws {
        try await WebSite.with { web in
            let browser = try await web.browser("admin")
            _ = await browser.get("/language/hi")
            let commands = await browser.get("/commands")
            let (csrf, key) = (try commands.field("csrf"), try commands.field("key"))
            let cases: [(path: String, form: [String: String], words: String, field: String?)] = [
                (
                    "/people", ["username": "x", "name": "X", "role": "administrator", "language": "hi"],
                    "यूज़र नाम में 3 से 64 अक्षर हों: a-z, 0-9 और . - _ + @", "username"
                ),
                (
                    "/me/password", ["old": "wrong", "new": "zebra lamp onion kite"],
                    "वर्तमान पासवर्ड गलत है। प्रशासक नया पासवर्ड दे सकता है।", "old"
                ),
                (
                    "/commands", ["matter": "load-limit", "value": "many", "place": "\(web.one.place)", "key": key],
                    "load-limit के लिए यह नहीं माँगा जा सकता। वाट, 1 से 1000000 तक पूर्ण संख्या।", "value"
                ),
                (
                    "/commands", ["matter": "relay", "value": "open", "serials": "none-such", "key": key],
                    "मीटर none-such नहीं है।", "serials"
                ),
                ("/exceptions/readings", ["act": "take"], "कुछ भी चुना नहीं गया। कम से कम एक मामला चुनें, या सब मेल खाने वाले।", "act"),
                (
                    "/jobs/collect/pause", ["reason": "x"],
                    "कुछ नहीं किया गया: कारण नहीं दिया गया। 3 से 200 अक्षरों में कारण लिखें।", nil
                ),
                (
                    "/jobs/rate/days", ["from": "2025-12-31", "to": "2025-12-30"],
                    "दिन शुरू होने से पहले समाप्त होते हैं। दोनों को आपस में बदलें।", nil
                ),
            ]
            for (path, form, words, field) in cases {
                let answer = await browser.post(path, form.merging(["csrf": csrf]) { $1 })
                #expect(answer.status == 422, "\(path)")
                #expect(answer.text.contains(words), "\(path): \(words)")
                if let field { #expect(answer.text.contains("<a href=\"#\(field)\">\(words)"), "\(path) #\(field)") }
            }
        }
    }

    @Test func pagesForProblemsSayWhatAndWhere() async throws {
        try await WebSite.with { web in
            let admin = try await web.browser("admin")
            let day = await admin.get("/audit?from=yesterday")
            #expect(day.status == 400 && day.text.contains("This is no day. Write it as YYYY-MM-DD."))
            #expect(day.text.contains("Where: from"))
            let home = try await web.browser("home")
            let people = await home.get("/people")
            #expect(people.status == 403, "a consumer reads Hindi")
            #expect(people.text.contains("आपकी भूमिका में इसकी अनुमति नहीं है। इसके लिए logins.manage चाहिए।"))
            let nowhere = await home.get("/nowhere")
            #expect(nowhere.status == 404 && !nowhere.text.contains("class=\"note bad\""))
        }
    }
}
