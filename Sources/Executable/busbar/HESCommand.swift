// `busbar hes`: the head-end. Its commands stand in files of their own.
import ArgumentParser

struct HESCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hes", abstract: "The head-end: what meters say.", subcommands: [Events.self, Aside.self])
}
