// swift-tools-version:6.2
// The house in one list: every target, its layer (its folder under Sources/) and what it may import.
// Imports point down only: Executable > App > Domains > Adapters > Ports > Core > C shims. Tests/HouseTests holds the
// borders.
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func target(
    _ layer: String, _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", resources: resources,
        swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: strict)
}

func library(_ name: String, apt: String, pkgConfig: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/CShims/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let tls: [Target.Dependency] = [
    .product(name: "HummingbirdCore", package: "hummingbird"), .product(name: "HummingbirdTLS", package: "hummingbird"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracing: [Target.Dependency] = [
    .product(name: "Instrumentation", package: "swift-distributed-tracing"),
    .product(name: "Tracing", package: "swift-distributed-tracing"),
]
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

/// What every domain may use besides the domains it names.
let domainBase: [Target.Dependency] = ["SQL", "Outbox", "Clocks", "Quantities", "CivilTime", "Cryptography"]

let package = Package(
    name: "busbar",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "busbar", targets: ["busbar"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C shims: one module map each
        library("CSQLite", apt: "libsqlite3-dev", pkgConfig: "sqlite3"),
        library("CPQ", apt: "libpq-dev", pkgConfig: "libpq"),
        library("CArgon2", apt: "libargon2-dev", pkgConfig: "libargon2"),
        library("CCrypto", apt: "libssl-dev", pkgConfig: "libcrypto"),
        library("CZlib", apt: "zlib1g-dev", pkgConfig: "zlib"),

        // Core: pure, values in and values out
        target("Core", "Quantities"),
        target("Core", "CivilTime"),
        target("Core", "Cryptography", ["CCrypto", "CArgon2"]),
        target("Core", "Compression", ["CZlib"]),
        target("Core", "IntervalData", ["CivilTime", "Quantities"]),
        target("Core", "LoadFiles", ["IntervalData", "IEC61968", "CivilTime", "Quantities", "Compression"]),
        target("Core", "VEE", ["IntervalData", "CivilTime"]),
        target("Core", "Tariffs", ["Quantities", "CivilTime", .product(name: "Yams", package: "Yams")]),
        target("Core", "Subscriptions", ["Tariffs", "Quantities", "CivilTime"]),
        target("Core", "DLMS", ["Cryptography", "CivilTime"]),
        // Profile files are carried inside the binary.
        target("Core", "IS15959", ["DLMS", "CivilTime"], resources: [.embedInCode("Profiles")]),
        target("Core", "IEC61968", ["CivilTime"]),
        target("Core", "Reliability", ["CivilTime"]),
        target("Core", "Corridor"),
        target("Core", "Charts", ["Quantities", "CivilTime", "IntervalData"]),

        // Ports: what the domains ask of the outside
        target("Ports", "SQL", ["CivilTime"]),
        target("Ports", "Outbox", ["SQL", "CivilTime"]),
        target("Ports", "Clocks"),
        target("Ports", "MeterPort", ["IntervalData"]),
        target("Ports", "PaymentPort", ["Cryptography"]),

        // Adapters: one outside thing each
        target("Adapters", "SQLiteAdapter", ["SQL", "CivilTime", "CSQLite"]),
        target("Adapters", "PostgresAdapter", ["SQL", "CivilTime", "Clocks", "CPQ"]),
        target(
            "Adapters", "MeterLink",
            ["MeterPort", "DLMS", "IS15959", "IntervalData", "CivilTime", "Cryptography"] + nio),
        target("Adapters", "TestGateway", ["PaymentPort", "Cryptography"]),
        target("Adapters", "MeterListener", ["MeterPort", "DLMS", "Clocks"] + nio),
        target(
            "Adapters", "MeterFleet",
            ["DLMS", "IS15959", "IntervalData", "CivilTime", "Clocks", "LoadFiles", "Cryptography", "MeterPort"] + nio,
            resources: [.embedInCode("Scenarios")]),

        // Domains: the graph of docs/architecture.md
        target("Domains", "Access", domainBase),
        // Not "Network": a module of that name makes `canImport(Network)` true in NIO and Hummingbird, which then ask
        // for Apple's framework and do not compile.
        target("Domains", "Grid", domainBase + ["Access", "Corridor"]),
        target("Domains", "Accounts", domainBase + ["Access", "Grid"]),
        target("Domains", "Meters", domainBase + ["Access", "Grid", "Accounts"]),
        target(
            "Domains", "HeadEnd",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "MeterPort", "IntervalData", "Compression", "DLMS", "IS15959",
            ]),
        target(
            "Domains", "MeterData",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "IntervalData", "VEE", "LoadFiles", "Reliability",
            ]),
        target(
            "Domains", "Packs", domainBase + ["Access", "Grid", "Accounts", "Tariffs", "Subscriptions", "Corridor"]),
        target(
            "Domains", "Aggregation",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "MeterData", "Packs", "IntervalData", "Corridor", "Tariffs",
                "VEE",
            ]),
        target("Domains", "Journal", domainBase + ["Access"]),
        target("Domains", "Messaging", domainBase + ["Access"]),
        target(
            "Domains", "Rating",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "MeterData", "Packs", "Journal", "IntervalData", "Tariffs",
                "Corridor", "Subscriptions",
            ]),
        target("Domains", "Payments", domainBase + ["Access", "Accounts", "Journal", "PaymentPort"]),
        target("Domains", "Supply", domainBase + ["Access", "Grid", "Accounts", "Journal", "Meters", "Messaging"]),

        // App: the only place that knows everybody
        target("App", "Watch", ["SQL", "Clocks", "CivilTime", logging, metrics] + tracing),
        target(
            "App", "Jobs",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "HeadEnd", "MeterData", "Packs", "Journal", "Messaging",
                "Rating", "Payments", "Supply", "Tariffs", "MeterPort", "IntervalData", "Reliability", "Watch",
                "Aggregation", "Subscriptions", "VEE", logging, lifecycle,
            ]),
        target(
            "App", "Exchange",
            domainBase + [
                "Access", "Grid", "Meters", "HeadEnd", "MeterData", "Supply", "MeterPort", "IntervalData", "IEC61968",
            ]),
        target(
            "App", "API",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "HeadEnd", "MeterData", "Packs", "Journal", "Messaging",
                "Rating", "Payments", "Supply", "Jobs", "IntervalData", "IS15959", "Tariffs", "Subscriptions",
                "Compression",
                "MeterPort", "Watch", "Exchange", "IEC61968", "Aggregation", "Corridor", "VEE", "Reliability",
                "LoadFiles", "PaymentPort",
                hummingbird,
                logging,
            ] + nio + tls),
        // Pages carry their style, script, words and templates inside the binary, so that a copied binary works.
        target(
            "App", "Web",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "HeadEnd", "MeterData", "Packs", "Journal", "Rating",
                "Payments", "Supply", "Messaging", "Jobs", "API", "Charts", "IntervalData", "IS15959", "Tariffs",
                "MeterPort", "PaymentPort", "Aggregation", "Corridor", "VEE", "Reliability", "LoadFiles", mustache,
            ],
            resources: [.embedInCode("Assets"), .embedInCode("Messages"), .embedInCode("Templates")]),
        target(
            "App", "Composition",
            domainBase + [
                "Access", "Grid", "Accounts", "Meters", "HeadEnd", "MeterData", "Packs", "Journal", "Messaging",
                "Rating", "Payments", "Supply", "Watch", "Jobs", "API", "Web", "SQLiteAdapter", "PostgresAdapter",
                "MeterLink", "MeterListener", "MeterFleet", "MeterPort", "IntervalData", "LoadFiles", "Compression",
                "Tariffs", "Subscriptions", "VEE",
                "DLMS", "Reliability", "IS15959", "Exchange", "IEC61968", "Aggregation", "Corridor", "TestGateway",
                hummingbird, logging, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "busbar",
            dependencies: [
                "Composition", "CivilTime", "MeterFleet",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Executable/busbar", swiftSettings: strict),

        // Measurements against peers: `make bench`
        .executableTarget(
            name: "busbar-bench",
            dependencies: domainBase + [
                "API", "Access", "Accounts", "Composition", "DLMS", "Grid", "HeadEnd", "IntervalData", "Jobs",
                "Journal", "MeterData", "MeterFleet", "MeterLink", "MeterListener", "MeterPort", "Meters", "Packs",
                "Payments", "Rating", "Tariffs",
                "SQLiteAdapter", "PostgresAdapter", "CSQLite", "CPQ",
                hummingbird, logging, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + nio,
            path: "benchmarks/BusbarBench", swiftSettings: strict),

        // Tests
        .target(
            name: "TestSupport", dependencies: ["SQL", "CivilTime", "SQLiteAdapter", "PostgresAdapter"],
            path: "Tests/Support/TestSupport", swiftSettings: strict),
        .target(
            name: "TestRetailer",
            dependencies: domainBase + [
                "Access", "Accounts", "Grid", "IntervalData", "MeterData", "Meters", "Packs", "Payments", "Rating",
                "Supply", "Tariffs",
            ], path: "Tests/Support/TestRetailer", swiftSettings: strict),
        tests("SQL", ["SQL", "CivilTime", "SQLiteAdapter", "PostgresAdapter", "TestSupport"]),
        tests("House", []),
        tests(
            "Line",
            domainBase + [
                "API", "Access", "Accounts", "Composition", "Compression", "Grid", "HeadEnd", "IntervalData", "Jobs",
                "Journal",
                "LoadFiles", "Messaging", "MeterData", "MeterFleet", "MeterLink", "MeterPort", "Meters", "Packs",
                "Payments",
                "PostgresAdapter", "Rating", "SQLiteAdapter", "Supply", "VEE", "Aggregation",
                "Tariffs", "IS15959", "PaymentPort", "TestGateway", "TestRetailer", "TestSupport", logging,
            ]),
        tests("Tariffs", ["Tariffs", "Quantities", "CivilTime"]),
        tests("Subscriptions", ["Subscriptions", "Tariffs", "CivilTime"]),
        tests("IntervalData", ["IntervalData"]),
        tests(
            "OutageJob",
            domainBase + [
                "Access", "Accounts", "Grid", "HeadEnd", "IntervalData", "Jobs", "Journal", "Messaging", "MeterData",
                "MeterPort", "Meters", "Reliability", "Supply", "TestSupport",
            ]),
        tests("Reliability", ["Reliability", "CivilTime"]),
        tests("Corridor", ["Corridor"]),
        tests(
            "Aggregation",
            domainBase + [
                "Aggregation", "Access", "Grid", "Accounts", "Meters", "MeterData", "Packs", "Rating", "Journal",
                "IntervalData", "Corridor", "Tariffs", "VEE", "TestSupport",
            ]),
        tests("Compression", ["Compression"]),
        tests("LoadFiles", ["LoadFiles", "IntervalData", "Compression", "CivilTime"]),
        tests("VEE", ["VEE", "IntervalData", "LoadFiles", "Compression", "CivilTime"]),
        tests("RateOracle", ["Tariffs", "LoadFiles", "Compression", "CivilTime"]),
        tests("ReadCommand", ["Composition", "MeterFleet", "CivilTime"]),
        tests("IS15959", ["IS15959", "DLMS", "CivilTime"]),
        tests("IEC61968", ["IEC61968", "CivilTime"]),
        tests(
            "Exchange",
            domainBase + [
                "Exchange", "IEC61968", "Access", "Accounts", "Composition", "Compression", "Grid", "HeadEnd",
                "IntervalData",
                "MeterData", "MeterPort", "Meters", "Supply", "TestSupport", "SQLiteAdapter", "PostgresAdapter",
            ]),
        tests(
            "BadDays",
            domainBase + [
                "busbar", "Access", "Composition", "Jobs", "SQLiteAdapter", "PostgresAdapter", "TestSupport", logging,
            ]),
        tests(
            "MeterFleet",
            [
                "MeterFleet", "MeterLink", "MeterPort", "DLMS", "IS15959", "IntervalData", "Clocks", "CivilTime",
                "LoadFiles",
            ] + nio),
        tests(
            "Listener",
            domainBase + [
                "Access", "Accounts", "Composition", "DLMS", "Grid", "HeadEnd", "IS15959", "IntervalData", "Jobs",
                "MeterFleet", "MeterLink", "MeterListener", "MeterPort", "Meters", "TestSupport", logging,
            ] + nio),
        tests("DLMS", ["DLMS", "Cryptography", "CivilTime"]),
        tests("Access", ["Access", "SQLiteAdapter", "SQL", "Clocks", "CivilTime", "Cryptography", "TestSupport"]),
        tests(
            "API",
            domainBase + [
                "API", "Access", "Accounts", "Composition", "HeadEnd", "MeterData", "MeterPort", "Meters", "Payments",
                "Journal", "SQLiteAdapter", "PaymentPort", "TestGateway",
                "Supply", "TestRetailer", logging, lifecycle,
            ]),
        tests("Charts", ["Charts", "IntervalData"], exclude: ["Golden"]),
        tests(
            "Web",
            [
                "Web", "Access", "Aggregation", "Corridor", "Charts", "CivilTime", "Compression", "IntervalData",
                "IS15959", "LoadFiles", "MeterData", "MeterPort", "Packs", "Rating", "Subscriptions", "Tariffs", "VEE",
                "API", "Supply",
            ]),
        tests(
            "Supply",
            [
                "Supply", "Access", "Accounts", "CivilTime", "Clocks", "Grid", "Journal", "Messaging", "Meters",
                "Outbox", "SQL", "TestSupport",
            ]),
        tests("Journal", ["Journal", "Access", "SQL", "CivilTime", "TestSupport"]),
        tests(
            "Rating",
            domainBase + [
                "Rating", "Access", "Accounts", "Grid", "Meters", "MeterData", "Packs", "Journal", "IntervalData",
                "Tariffs", "TestSupport",
            ]),
        tests(
            "Runs",
            domainBase + [
                "API", "Access", "Accounts", "Aggregation", "Grid", "HeadEnd", "IntervalData", "Jobs", "Journal",
                "Messaging", "MeterData", "Meters", "Packs", "Payments", "Rating", "Supply", "TestRetailer",
                "TestSupport",
            ]),
        tests(
            "Packs",
            domainBase + ["Packs", "Subscriptions", "Accounts", "Grid", "Access", "Tariffs", "TestSupport"]),
        tests(
            "Payments",
            [
                "Payments", "Journal", "Accounts", "Grid", "Access", "Outbox", "Clocks", "SQL", "CivilTime",
                "Cryptography", "PaymentPort", "TestGateway", "TestSupport",
            ]),
        tests("Meters", ["Meters", "Access", "Cryptography"]),
        tests("Outbox", ["Outbox", "SQL", "CivilTime", "TestSupport"]),
        tests("Clocks", ["Clocks"]),
        tests(
            "Composition",
            domainBase + [
                "busbar", "Composition", "Access", "Accounts", "IntervalData", "Journal", "LoadFiles", "MeterData",
                "Meters",
                "Rating", "Compression", "Payments", "TestRetailer", "TestSupport", "API", "SQLiteAdapter",
                "PostgresAdapter", logging,
            ], exclude: ["Fixtures"]),
        tests(
            "WebRoutes",
            domainBase + [
                "API", "Access", "Composition", "HeadEnd", "IntervalData", "Journal", "MeterData", "MeterPort",
                "Packs", "Payments", "Rating", "Supply", "Tariffs", "TestGateway", "TestRetailer", "TestSupport", "VEE",
                "Web",
            ]),
        tests(
            "Watch",
            domainBase + [
                "API", "Access", "Composition", "Jobs", "SQLiteAdapter", "TestRetailer", "TestSupport", "Watch",
                "MeterPort", logging, metrics, .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ] + tracing),
        tests(
            "Editing",
            domainBase + [
                "Access", "Accounts", "Exchange", "Grid", "HeadEnd", "IEC61968", "IntervalData", "Journal", "LoadFiles",
                "MeterData", "Messaging", "Meters", "Packs", "Payments", "Rating", "Supply", "Tariffs", "TestRetailer",
                "TestSupport", "VEE",
            ]),
        tests(
            "Exceptions",
            domainBase + [
                "MeterData", "VEE", "IntervalData", "Meters", "Accounts", "Grid", "Access", "Reliability",
                "TestSupport",
            ]),
        tests(
            "MeterData",
            domainBase + [
                "MeterData", "IntervalData", "LoadFiles", "PostgresAdapter", "SQLiteAdapter", "TestSupport", "VEE",
                "Access", "Accounts", "Grid", "Meters", "Reliability",
            ]),
    ]
)
