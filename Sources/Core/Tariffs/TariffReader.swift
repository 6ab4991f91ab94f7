// Reads a tariff file, YAML or JSON: head, calendars, then the components and their graph. The one way a `Tariff` comes
// to be; what it takes can be priced. It opens no file and prices nothing.
import CivilTime

public enum TariffReader {
    /// - Parameters:
    ///   - file: the name that errors carry.
    ///   - shared: the company's calendars, which the file may name instead of having its own.
    /// - Throws: with `file:line`, what is wrong and how to mend it.
    public static func read(
        _ bytes: [UInt8], file: String, calendars shared: SharedCalendars = SharedCalendars()
    ) throws(TariffError) -> Tariff {
        let text = try TariffText.read(bytes, file: file)
        var fields = try TariffFields(text, file: file, what: "the tariff")
        var tariff = Tariff()
        try head(&fields, &tariff)
        var calendars = CalendarReader(shared, from: tariff.validFrom)
        tariff.calendars = try calendars.calendars(&fields)
        let list = try fields.list(try fields.need("components"), "components", 1...60)
        try fields.finish()
        let graph = try ComponentNames(list, file: file)
        for (index, item) in list.enumerated() {
            var reader = try ComponentReader(
                item, index: index, tariff: tariff, calendars: calendars, graph: graph, file: file)
            tariff.components.append(try reader.read())
            (tariff.calendars, calendars) = (reader.tariff.calendars, reader.calendars)
        }
        tariff.sharedCalendars = calendars.used
        try checkBreaks(tariff, graph, file)
        try checkTogether(tariff, graph, file)
        try checkAddOns(tariff, graph, file)
        try checkPackChange(tariff, graph, file)
        tariff.order = try order(tariff, graph, file)
        return tariff
    }

    private static func head(_ fields: inout TariffFields, _ tariff: inout Tariff) throws(TariffError) {
        _ = try fields.integer(try fields.need("format"), "format", 1...1)
        tariff.id = try fields.text(try fields.need("id"), "id")
        tariff.version = Int(try fields.integer(try fields.need("version"), "version", 1...Int64(Int32.max)))
        tariff.name = try fields.text(try fields.need("name"), "name")
        if let found = fields.take("categories") {
            for item in try fields.list(found, "categories", 1...50) {
                tariff.categories.append(try fields.text(item, "categories"))
            }
        }
        if let found = fields.take("currency") {
            tariff.currency = try fields.text(found, "currency")
            guard tariff.currency.utf8.count == 3, tariff.currency.utf8.allSatisfy({ (65...90).contains($0) }) else {
                throw fields.error(
                    found.line, "currency \(tariff.currency)", remedy: "give three capitals of ISO 4217: INR")
            }
        }
        if let found = fields.take("minorDigits") {
            tariff.minorDigits = Int(try fields.integer(found, "minorDigits", 0...3))
        }
        tariff.validFrom = try fields.day(try fields.need("validFrom"), "validFrom")
        if let found = fields.take("validTo") {
            let day = try fields.day(found, "validTo")
            guard day >= tariff.validFrom else {
                throw fields.error(
                    found.line, "validTo \(day) is before validFrom", remedy: "give the last day, inclusive")
            }
            tariff.validTo = day
        }
        if let found = fields.take("billMonths") {
            let months = try fields.integer(found, "billMonths", 1...12)
            guard 12 % months == 0 else {
                throw fields.error(found.line, "billMonths \(months)", remedy: "give 1, 2, 3, 4, 6 or 12")
            }
            tariff.billMonths = Int(months)
        }
        if let found = fields.take("metering") {
            tariff.metering = try fields.word(found, "metering", Metering.self)
        }
        if let found = fields.take("packChange") {
            tariff.packChange = try fields.word(found, "packChange", PackChange.self)
        }
    }

    // MARK: Graph

    /// Depth first from each component; what is met on its own way down stands in a ring.
    private static func order(_ tariff: Tariff, _ names: ComponentNames, _ file: String) throws(TariffError) -> [Int] {
        var order: [Int] = []
        var done = Set<Int>()
        func visit(_ index: Int, _ way: [Int]) throws(TariffError) {
            guard !done.contains(index) else { return }
            if let start = way.firstIndex(of: index) {
                let ring = (way[start...] + [index]).map { tariff.components[$0].id }.joined(separator: " of ")
                throw TariffError(
                    "\(file):\(names.lines[index])", "components go round in a ring: \(ring)",
                    remedy: "take one of them out of another's of")
            }
            for base in tariff.components[index].charge.bases { try visit(base.component, way + [index]) }
            done.insert(index)
            order.append(index)
        }
        func isRounding(_ index: Int) -> Bool {
            if case .rounding = tariff.components[index].charge { true } else { false }
        }
        let roundings = tariff.components.indices.filter(isRounding)
        guard roundings.count <= 1 else {
            throw TariffError(
                "\(file):\(names.lines[roundings[1]])", "the bill is rounded twice", remedy: "keep one rounding")
        }
        for index in tariff.components.indices where !isRounding(index) { try visit(index, []) }
        return order + roundings
    }

    private static func checkBreaks(_ tariff: Tariff, _ names: ComponentNames, _ file: String) throws(TariffError) {
        for (index, component) in tariff.components.enumerated() {
            guard case .contractBreak(let charge) = component.charge else { continue }
            guard case .standing = tariff.components[charge.base].charge else {
                throw TariffError(
                    "\(file):\(names.lines[index])",
                    "\(component.id) is reckoned from \(tariff.components[charge.base].id), which is no fixed charge",
                    remedy: "name a component of kind fixed, universal or meterRent")
            }
        }
    }

    /// One component for add-on packs; what has none declared gets one with that id.
    private static func checkAddOns(_ tariff: Tariff, _ names: ComponentNames, _ file: String) throws(TariffError) {
        let declared = tariff.components.indices.filter { tariff.components[$0].charge.isAddOns }
        guard declared.count <= 1 else {
            throw TariffError(
                "\(file):\(names.lines[declared[1]])", "add-on packs are charged under two components",
                remedy: "keep one of kind addOns")
        }
        if declared.isEmpty, let taken = tariff.components.firstIndex(where: { $0.id == Tariff.addOnsID }) {
            throw TariffError(
                "\(file):\(names.lines[taken])",
                "id \(Tariff.addOnsID) is kept for add-on packs", remedy: "give it another id, or kind addOns")
        }
    }

    /// A position is carried over only where each unit costs what its place in the slabs says.
    private static func checkPackChange(_ tariff: Tariff, _ names: ComponentNames, _ file: String) throws(TariffError) {
        guard tariff.packChange == .carry, let index = tariff.components.indices.first(where: tariff.needsWholeBill)
        else { return }
        throw TariffError(
            "\(file):\(names.lines[index])",
            "packChange carry beside \(tariff.components[index].id), which looks at the bill as a whole",
            remedy: "give packChange: restart, or slabs that are telescopic (by band: chronological)")
    }

    /// What each may be alone and not beside another.
    private static func checkTogether(_ tariff: Tariff, _ names: ComponentNames, _ file: String) throws(TariffError) {
        var banks = Set<Int>()
        var shares: [MeteredQuantity: Int64] = [:]
        for (index, component) in tariff.components.enumerated() {
            switch component.charge {
            case .bank(let charge):
                guard banks.insert(charge.month).inserted else {
                    throw TariffError(
                        "\(file):\(names.lines[index])", "the bank is paid out twice in month \(charge.month)",
                        remedy: "keep one bank for a settleMonth")
                }
            case .indexed(let charge):
                shares[charge.quantity, default: 0] += charge.sharePPM
                guard shares[charge.quantity, default: 0] <= 1_000_000 else {
                    throw TariffError(
                        "\(file):\(names.lines[index])",
                        "the market prices together take more than 100 % of the energy",
                        remedy: "let the percents of indexed components sum to 100 or less")
                }
            default: break
            }
        }
    }
}

/// Ids and bases of all components, before any of them is read: a component may name one that follows.
struct ComponentNames {
    var ids: [String] = []
    var lines: [Int] = []
    var bases: [[String]] = []
    var kinds: [String] = []
    /// Whether a share can be told apart by what it is of.
    var hasParts: [Bool] = []

    init(_ list: [TariffText], file: String) throws(TariffError) {
        for item in list {
            var fields = try TariffFields(item, file: file, what: "a component")
            let found = try fields.need("id")
            let id = try fields.text(found, "id")
            guard id.utf8.allSatisfy({ $0 != 0x2E && $0 != 0x20 }) else {
                throw fields.error(found.line, "id \(id) has a dot or a space", remedy: "give one word, such as energy")
            }
            guard !ids.contains(id) else {
                throw fields.error(found.line, "id \(id) stands twice", remedy: "give each component its own id")
            }
            ids.append(id)
            lines.append(item.line)
            var names: [String] = []
            if let of = fields.take("of"), case .list(let items) = of.content {
                for item in items { names.append(try fields.text(item, "of")) }
            }
            bases.append(names)
            var kind = ""
            if let found = fields.take("kind") { kind = try fields.text(found, "kind") }
            kinds.append(kind)
            hasParts.append(
                ["levy", "duty", "tax", "subsidy", "rebate"].contains(kind) && fields.take("percent") != nil
                    && fields.take("atMost") == nil)
        }
    }
}
