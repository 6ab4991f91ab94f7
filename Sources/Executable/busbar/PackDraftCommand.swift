// `busbar packs list|show|drafts|draft|submit|withdraw|approve|reject|whatif|compare`: arguments only; the work is in
// Composition.
import ArgumentParser
import Composition

extension PacksCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists published versions of packs.",
            discussion: """
                Try it: busbar packs list --standing in-force --category domestic
                Exit codes: 0 listed, 1 no such company, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "Part of the id or the name.") var query: String?
        @Option(help: "base or add-on.") var kind: String?
        @Option(help: "coming, in-force or past.") var standing: String?
        @Option(help: "Open to this category.") var category: String?
        @Option(help: "In force on this day, YYYY-MM-DD.") var on: String?
        @Flag(help: "JSON lines.") var json = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                let options = PackListOptions(
                    orgID: company.orgID, query: query, kind: kind, standing: standing, category: category, on: on,
                    json: json)
                return try await listPacks(shared.site, options, $0)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draws the price sheet of a pack.",
            discussion: """
                Try it: busbar packs show LT-DOMESTIC
                Exit codes: 0 shown, 1 no such pack, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The pack.") var pack: String
        @Option(help: "Its version; the one in force when left out.") var version: Int64?
        @Flag(help: "The tariff file as it was published.") var text = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await showPack(
                    shared.site, orgID: company.orgID, packID: pack, version: version, text: text, $0)
            }
        }
    }

    struct Drafts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists drafts of packs, newest first.",
            discussion: """
                Try it: busbar packs drafts --state submitted
                Exit codes: 0 listed, 1 no such company, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "draft, submitted, approved, rejected or withdrawn.") var state: String?
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving { try await listPackDrafts(shared.site, orgID: company.orgID, state: state, $0) }
        }
    }

    struct Draft: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begins a draft from a tariff file, or changes one.",
            discussion: """
                The file must read as a tariff and fit what is published; what is wrong is told with its line.
                Try it: busbar packs draft examples/tariffs/slab.yaml --note "Next year"
                Exit codes: 0 stored, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "Tariff file.", completion: .file()) var file: String
        @Option(help: "The draft to change; a new one when left out.") var draft: Int64?
        @Option(help: "What people should know of it.") var note: String?
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await savePackDraft(
                    shared.site, orgID: company.orgID, file: file, draftID: draft, note: note, try person.person(),
                    $0)
            }
        }
    }

    struct Submit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hands a draft in for a second person.",
            discussion: """
                Try it: busbar packs submit 7001
                Exit codes: 0 handed in, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The draft.") var draft: Int64
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await movePackDraft(
                    shared.site, orgID: company.orgID, draftID: draft, .submit, try person.person(), $0)
            }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Withdraws a draft for good.",
            discussion: """
                Try it: busbar packs withdraw 7001
                Exit codes: 0 withdrawn, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The draft.") var draft: Int64
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await movePackDraft(
                    shared.site, orgID: company.orgID, draftID: draft, .withdraw, try person.person(), $0)
            }
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Agrees to a draft: its version is published.",
            discussion: """
                Who wrote some of a draft cannot approve it. Where consumers hold the pack, a change begins after the
                days of notice (packs.notice-days), unless --without-notice says otherwise, with a reason.
                Try it: busbar packs approve 7001 --as bela --password-file secret.txt
                Exit codes: 0 published, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The draft.") var draft: Int64
        @Option(help: "Why.") var reason = ""
        @Flag(help: "Publish though the first day is nearer than the notice.") var withoutNotice = false
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await movePackDraft(
                    shared.site, orgID: company.orgID, draftID: draft,
                    .approve(reason: reason, withoutNotice: withoutNotice), try person.person(), $0)
            }
        }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuses a draft that waits.",
            discussion: """
                Try it: busbar packs reject 7001 --reason "Peak hours are wrong"
                Exit codes: 0 rejected, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Argument(help: "The draft.") var draft: Int64
        @Option(help: "Why.") var reason: String
        @OptionGroup var person: PersonOptions
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await movePackDraft(
                    shared.site, orgID: company.orgID, draftID: draft, .reject(reason: reason),
                    try person.person(), $0)
            }
        }
    }

    struct WhatIf: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "whatif", abstract: "Prices a draft or a pack over past loads; nothing is posted.",
            discussion: """
                Both sides are priced anew from the same readings: the pack, and what each consumer held (or one pack
                for all), without add-on packs. Prints gainers and losers, by use and by component.
                Try it: busbar packs whatif --pack LT-DOMESTIC --from 2026-08 --to 2026-10 --sample 500
                Exit codes: 0 priced, 1 refused, 2 wrong call, 3 in use or out of reach.
                """)
        @Option(help: "A published tariff.") var pack: String?
        @Option(help: "Its version; the latest when left out.") var version: Int64?
        @Option(help: "A draft, instead of a pack.") var draft: Int64?
        @Option(help: "Another pack for all, instead of what each held.") var against: String?
        @Option(help: "The first month, YYYY-MM.") var from: String
        @Option(help: "The last month.") var to: String
        @Option(help: "Only this account number.") var account: String?
        @Option(help: "Only consumers at this place or under it.") var place: Int64?
        @Option(help: "Only this category.") var category: String?
        @Option(help: "Only who held this base pack.") var held: String?
        @Option(help: "How many consumers at most, 1 to 5000.") var sample = 200
        @Flag(help: "A line a consumer.") var csv = false
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                let options = WhatIfOptions(
                    orgID: company.orgID, pack: pack, version: version, draftID: draft, against: against, from: from,
                    to: to, account: account, placeID: place, category: category, held: held, sample: sample,
                    csv: csv)
                return try await whatIf(shared.site, options, $0)
            }
        }
    }

    struct Compare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compares the packs open to a consumer over the own past, cheapest first.",
            discussion: """
                Try it: busbar packs compare --account BB-000101 --months 3
                Exit codes: 0 compared, 1 refused, 2 wrong call, 3 too few readings, in use or out of reach.
                """)
        @Option(help: "The account number.") var account: String
        @Option(help: "1, 3 or 12.") var months = 3
        @OptionGroup var company: OrgOption
        @OptionGroup var shared: SharedOptions

        func run() async throws {
            try await leaving {
                try await comparePacks(shared.site, orgID: company.orgID, account: account, months: months, $0)
            }
        }
    }
}
