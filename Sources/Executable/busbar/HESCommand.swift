// `busbar hes`: the head-end. Its commands stand in HESCollection, HESEvents and HESExchange.
import ArgumentParser

struct HESCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hes", abstract: "The head-end: who is late, what meters say, and messages for other systems.",
        subcommands: [
            Late.self, Clocks.self, Ping.self, Frames.self, Events.self, Aside.self, Export.self, Import.self,
        ])
}
