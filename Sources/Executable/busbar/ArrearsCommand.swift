// `busbar arrears` and `busbar conversion`: arguments only; the work is in Composition.
import ArgumentParser
import Composition

/// Which account, who, and whether it is only a look.
struct ArrearsArguments: ParsableArguments {
    @Argument(help: "Number of the account.") var account: String
    @Option(help: "Of the act: the same one is booked once.") var reference: String?
    @Flag(help: "Says what would change, and changes nothing.") var dryRun = false
    @OptionGroup var person: PersonOptions
    @OptionGroup var org: OrgOption
    @OptionGroup var shared: SharedOptions

    func run(_ act: ArrearsAct) async throws {
        try await leaving {
            let options = ArrearsOptions(
                orgID: org.orgID, account: account, reference: reference, isTrial: dryRun, person: try person.person())
            return try await changeArrears(shared.site, options, act, $0)
        }
    }
}

/// Until when an old debt may be claimed, and supply cut for it.
struct ArrearsDates: ParsableArguments {
    @Option(help: "The last day it may be claimed on, YYYY-MM-DD.") var claimUntil: String?
    @Option(help: "The last day supply may be cut for it, YYYY-MM-DD.") var cutUntil: String?
}

private let codes = "Exit codes: 0 done, 1 refused, 2 wrong call, 3 in use or out of reach."

struct ArrearsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "arrears",
        abstract: "What an account owes from before: see it, put it on, pay it off, give it up.",
        subcommands: [
            Show.self, Put.self, Agree.self, Pause.self, Resume.self, Settle.self, WriteOff.self,
        ])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the old debts of an account, oldest first, and its instalments.",
            discussion: "Try it: busbar arrears show BB-000101\n\(codes)")
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws { try await arguments.run(.show) }
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts an old debt on an account, beside the wallet.",
            discussion: """
                Try it: busbar arrears put BB-000101 --paise 800000 --since 2024-04-01 --reason "Bills of 2024"
                \(codes)
                """)
        @Option(help: "How much.") var paise: Int64
        @Option(help: "Since when it is owed, YYYY-MM-DD.") var since: String
        @Option(help: "What it is; the consumer reads it.") var reason: String
        @OptionGroup var dates: ArrearsDates
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws {
            try await arguments.run(
                .put(
                    paise: paise, since: since, claimUntil: dates.claimUntil, disconnectUntil: dates.cutUntil,
                    reason: reason))
        }
    }

    struct Agree: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Agrees instalments: so much a day, or in so many days.",
            discussion: "Try it: busbar arrears agree BB-000101 --days 100 --reason \"as agreed\"\n\(codes)")
        @Option(help: "So much a day.") var paise: Int64?
        @Option(help: "Instead: in so many equal days.") var days: Int64?
        @Option(help: "The first day, YYYY-MM-DD; today when left out.") var from: String?
        @Option(help: "Why.") var reason: String
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws {
            try await arguments.run(.agree(dailyPaise: paise, days: days, from: from, reason: reason))
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stops the instalments of an account for a while.",
            discussion: "Try it: busbar arrears pause BB-000101 --reason \"in hospital\"\n\(codes)")
        @Option(help: "Why.") var reason: String
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws { try await arguments.run(.pause(true, reason: reason)) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets the instalments go on from today.",
            discussion: "Try it: busbar arrears resume BB-000101 --reason \"back at work\"\n\(codes)")
        @Option(help: "Why.") var reason: String
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws { try await arguments.run(.pause(false, reason: reason)) }
    }

    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Settles an old debt, in full or a part, with money that came for it or out of the wallet.",
            discussion: "Try it: busbar arrears settle BB-000101 --paise 50000 --dry-run\n\(codes)")
        @Option(help: "How much; all that is owed when left out.") var paise: Int64?
        @Flag(help: "Out of the wallet, as its owner wishes.") var fromWallet = false
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws { try await arguments.run(.settle(paise: paise, fromWallet: fromWallet)) }
    }

    struct WriteOff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives up an old debt, in full or a part; what a person asks takes a second one.",
            discussion: """
                Try it: busbar arrears write-off BB-000101 --paise 50000 --reason "barred by time" --dry-run
                \(codes)
                """)
        @Option(help: "How much.") var paise: Int64
        @Option(help: "Why.") var reason: String
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws { try await arguments.run(.writeOff(paise: paise, reason: reason)) }
    }
}

struct ConversionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conversion", abstract: "Turns an account from postpaid to prepaid, once in its life.",
        subcommands: [Begin.self, Post.self])

    struct Begin: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begins it: until it is posted, supply is not cut for the balance.",
            discussion: "Try it: busbar conversion begin BB-000101 --reason \"a smart meter was installed\"\n\(codes)")
        @Option(help: "Why.") var reason: String
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws { try await arguments.run(.beginConversion(reason: reason)) }
    }

    struct Post: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Posts it: deposit, what the postpaid books say, opening balance and old debt in one entry.",
            discussion: """
                Try it: busbar conversion post BB-000101 --deposit-paise 70000 --postpaid-paise=-130000 --dry-run
                \(codes)
                """)
        @Option(help: "The part of the deposit that is given back.") var depositPaise: Int64 = 0
        @Option(
            parsing: .unconditional,
            help: "What the last postpaid account says: positive is to the consumer's good, negative is owed.")
        var postpaidPaise: Int64 = 0
        @Flag(help: "The deposit pays what is owed before anything goes to the wallet.") var setOff = false
        @Option(help: "Since when what is owed is owed, YYYY-MM-DD; today when left out.") var since: String?
        @OptionGroup var dates: ArrearsDates
        @OptionGroup var arguments: ArrearsArguments
        func run() async throws {
            try await arguments.run(
                .convert(
                    depositPaise: depositPaise, postpaidPaise: postpaidPaise, setsDepositOff: setOff, since: since,
                    claimUntil: dates.claimUntil, disconnectUntil: dates.cutUntil))
        }
    }
}
