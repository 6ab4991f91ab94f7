// `busbar settings`: every setting there is, as a configuration file to start from, or as JSON for scripts. Shows what
// may be set; what holds is the doctor's to show.

private struct KeyRow: Encodable {
    var name: String
    var variable: String
    var argument: String?
    var form: String
    var standard: String?
    var secret: Bool
    var summary: String
}

public func listSettings(json: Bool, _ console: Console) throws -> CommandStatus {
    for key in SettingKey.all {
        if json {
            try console.say(
                json: KeyRow(
                    name: key.name, variable: key.variable, argument: key.argument, form: key.form,
                    standard: key.standard, secret: key.isSecret, summary: key.summary))
            continue
        }
        let places = [key.variable, key.argument].compactMap { $0 }.joined(separator: ", ")
        console.say("# \(key.summary) (\(key.form)); also \(places)")
        console.say(
            key == .masterKey ? "# A secret: never in this file.\n" : "#\(key.name) = \(key.standard ?? "")\n")
    }
    return .done
}
