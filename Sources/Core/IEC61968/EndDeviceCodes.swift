// Events and controls of end devices: the 4-part codes of IEC 61968-9 annex E, and how event ids of IS 15959 stand for
// them. Many ids share a code, so a message always carries the id as a detail beside it.

/// `3.26.9.185`: type, domain, sub-domain, event or action.
public struct EndDeviceCode: Sendable, Hashable, CustomStringConvertible {
    public var type: Int16
    public var domain: Int16
    public var subdomain: Int16
    public var action: Int16

    public init(_ type: Int16, _ domain: Int16, _ subdomain: Int16, _ action: Int16) {
        (self.type, self.domain, self.subdomain, self.action) = (type, domain, subdomain, action)
    }

    /// Nil unless there are four whole numbers between points, each of at most 4 digits.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var numbers: [Int16] = []
        for part in parts {
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let number = Int16(part)
            else { return nil }
            numbers.append(number)
        }
        self.init(numbers[0], numbers[1], numbers[2], numbers[3])
    }

    public var description: String { "\(type).\(domain).\(subdomain).\(action)" }

    /// `power, power quality…` in the words of the code lists; a number without a word is shown as it is.
    public var name: String {
        [
            Self.domains[domain] ?? "domain \(domain)", subdomain == 0 ? nil : Self.subdomains[subdomain],
            Self.actions[action] ?? "action \(action)",
        ].compactMap { $0 }.joined(separator: ", ")
    }

    private static let domains: [Int16: String] = [
        0: "no domain", 2: "battery", 7: "configuration", 8: "demand", 11: "firmware", 17: "load control",
        20: "prepayment", 26: "power", 31: "relay", 33: "security", 35: "communication", 36: "time", 38: "installation",
    ]
    private static let subdomains: [Int16: String] = [
        1: "access", 7: "status", 9: "mains", 22: "charge", 28: "power factor", 38: "voltage", 116: "clock",
        131: "phase A", 132: "phase B", 133: "phase C", 136: "module", 139: "limit",
    ]
    private static let actions: [Int16: String] = [
        3: "activate", 13: "change", 18: "connect", 22: "disable", 23: "disconnect", 24: "changed", 26: "enable",
        28: "cleared", 37: "above the low limit again", 40: "lost", 42: "connected", 44: "cover opened",
        47: "last gasp", 68: "disconnected", 73: "back to normal", 79: "error", 85: "failed", 93: "over its limit",
        98: "unbalanced", 139: "reversed", 150: "under its limit", 185: "down", 213: "replaced", 214: "reset",
        215: "reset done", 216: "restored", 219: "flow reversed", 257: "tamper detected", 258: "tamper cleared",
        293: "missing",
    ]
}

/// Event ids of IS 15959 and the codes they are sent as.
public enum EndDeviceEventCodes {
    /// The name of the detail that carries the IS 15959 id beside the code.
    public static let detailName = "IS15959EventId"

    /// The code of an event id. What no list names is sent as an event of a domain not told (`3.0.0.79`, error), and is
    /// known by its detail.
    public static func code(of eventID: Int) -> EndDeviceCode { codes[eventID] ?? EndDeviceCode(3, 0, 0, 79) }

    /// True when the list names this id.
    public static func isListed(_ eventID: Int) -> Bool { codes[eventID] != nil }

    /// The event id a code without a detail stands for; nil when none does, or more than one.
    public static func eventID(of code: EndDeviceCode) -> Int? { only[code] }

    private static let codes: [Int: EndDeviceCode] = {
        var all: [Int: EndDeviceCode] = [:]
        for (text, ids) in idsByCode {
            for id in ids { all[id] = EndDeviceCode(text) }
        }
        return all
    }()

    private static let only: [EndDeviceCode: Int] = {
        var all: [EndDeviceCode: Int] = [:]
        for (text, ids) in idsByCode where ids.count == 1 {
            if let code = EndDeviceCode(text) { all[code] = ids[0] }
        }
        // The radio of the meter says it too, when there is no mains left.
        all[EndDeviceCode(3, 26, 136, 47)] = 101
        all[EndDeviceCode(3, 26, 0, 47)] = 101
        all[EndDeviceCode(3, 26, 136, 216)] = 102
        return all
    }()

    private static let idsByCode: [String: [Int]] = [
        "3.26.131.293": [1],
        "3.26.131.216": [2],
        "3.26.132.293": [3],
        "3.26.132.216": [4],
        "3.26.133.293": [5],
        "3.26.133.216": [6],
        "3.26.38.93": [7],
        "3.26.38.73": [8],
        "3.26.38.150": [9],
        "3.26.38.37": [10],
        "3.26.38.98": [11],
        "3.26.38.28": [12],
        "3.38.1.139": [21],
        "3.38.1.28": [22],
        "3.33.1.219": [51, 53, 55],
        "3.33.1.28": [52, 54, 56],
        "3.33.1.257": [57, 59, 61, 65, 69, 81, 201, 203, 207, 209, 891],
        "3.33.1.258": [58, 60, 62, 66, 70, 82, 202, 204, 208, 210, 892],
        "3.26.0.98": [63],
        "3.26.0.28": [64, 68, 84, 216],
        "3.26.0.93": [67, 83, 215],
        "3.26.9.185": [101],
        "3.26.9.216": [102],
        "3.7.0.24": [
            124, 125, 126, 127, 128, 129, 130, 131, 132, 152, 153, 154, 155, 156, 158, 159, 160, 165, 167,
            168, 169, 170, 171, 172, 173, 174, 175, 176, 177, 178, 181, 182, 183, 191, 192, 211, 212, 213, 214,
        ],
        "3.36.116.24": [151],
        "3.11.7.213": [157],
        "3.33.0.24": [161, 162, 163, 164],
        "3.8.0.215": [166],
        "3.26.28.150": [205],
        "3.26.28.37": [206],
        "3.35.0.40": [889],
        "3.35.0.28": [890],
        "3.0.0.28": [896, 897, 898, 899],
        "3.0.0.79": [996, 997, 998, 999],
        "3.33.1.44": [251],
        "3.31.0.85": [253],
        "3.31.0.68": [301],
        "3.31.0.42": [302],
    ]
}

/// What may be asked of an end device, and its code.
public enum EndDeviceAction: String, Sendable, CaseIterable {
    case connect
    case disconnect
    case setLoadLimit = "set-load-limit"
    case enableLoadLimit = "enable-load-limit"
    case disableLoadLimit = "disable-load-limit"
    case setBalance = "set-balance"
    case setPaymentMode = "set-payment-mode"
    case upgradeFirmware = "upgrade-firmware"
    case setClock = "set-clock"
    case resetDemand = "reset-demand"

    public var code: EndDeviceCode {
        switch self {
        case .connect: EndDeviceCode(3, 31, 0, 18)
        case .disconnect: EndDeviceCode(3, 31, 0, 23)
        case .setLoadLimit: EndDeviceCode(3, 17, 139, 13)
        case .enableLoadLimit: EndDeviceCode(3, 17, 139, 26)
        case .disableLoadLimit: EndDeviceCode(3, 17, 139, 22)
        case .setBalance: EndDeviceCode(3, 20, 22, 13)
        case .setPaymentMode: EndDeviceCode(3, 20, 9, 13)
        case .upgradeFirmware: EndDeviceCode(3, 11, 0, 3)
        case .setClock: EndDeviceCode(3, 36, 116, 13)
        case .resetDemand: EndDeviceCode(3, 8, 0, 214)
        }
    }

    /// Matched by domain, sub-domain and action: products differ in the first number.
    public init?(_ code: EndDeviceCode) {
        let found = Self.allCases.first {
            $0.code.domain == code.domain && $0.code.subdomain == code.subdomain && $0.code.action == code.action
        }
        guard let found else { return nil }
        self = found
    }
}
