// The message files of the languages, held against each other: `key = text`, `{placeholder}`, lists as `a|b|c`.

/// What is wrong between the English file, which leads, and a translation.
func messageFindings(english: HouseFile, translation: HouseFile) -> [Finding] {
    let (original, originalFaults) = messages(of: english)
    let (translated, faults) = messages(of: translation)
    var findings = originalFaults + faults
    func add(_ line: Int, _ message: String) {
        findings.append(Finding(path: translation.path, line: line, rule: "messages", message: message))
    }
    for (key, message) in original.sorted(by: { $0.value.line < $1.value.line }) {
        guard let other = translated[key] else {
            add(1, "\(key) is not translated")
            continue
        }
        if placeholders(in: message.text) != placeholders(in: other.text) {
            let wanted = placeholders(in: message.text).sorted().joined(separator: ", ")
            add(other.line, "\(key) must hold the placeholders of \(english.path): \(wanted.isEmpty ? "none" : wanted)")
        }
        if message.text.count(where: { $0 == "|" }) != other.text.count(where: { $0 == "|" }) {
            add(other.line, "\(key) is a list with another number of parts")
        }
        // A name, a unit or an order of placeholders may stay as it is; a sentence may not.
        let isOrder = message.text.split(separator: " ").allSatisfy { $0.hasPrefix("{") }
        if message.text == other.text, message.text.split(separator: " ").count > 2, !isOrder {
            add(other.line, "\(key) is still the English sentence")
        }
    }
    for (key, message) in translated where original[key] == nil {
        add(message.line, "\(key) does not stand in \(english.path)")
    }
    return findings
}

private func messages(of file: HouseFile) -> (texts: [String: (line: Int, text: String)], faults: [Finding]) {
    var texts: [String: (line: Int, text: String)] = [:]
    var faults: [Finding] = []
    for (index, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        if line.isEmpty || line.hasPrefix("#") { continue }
        guard let split = line.firstRange(of: " = "), split.upperBound < line.endIndex else {
            faults.append(Finding(path: file.path, line: index + 1, rule: "messages", message: "expected `key = text`"))
            continue
        }
        let key = String(line[..<split.lowerBound])
        if texts.updateValue((index + 1, String(line[split.upperBound...])), forKey: key) != nil {
            faults.append(Finding(path: file.path, line: index + 1, rule: "messages", message: "\(key) stands twice"))
        }
    }
    return (texts, faults)
}

private func placeholders(in text: String) -> Set<String> {
    Set(
        text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().map { String($0.prefix { $0 != "}" }) }
    )
}
