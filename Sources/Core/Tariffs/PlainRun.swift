// Runs the numbers of a plain tariff over a day's values: flat memory in, flat memory out, nothing allocated. Where a
// value is out of the range it is made for it says so, and the engine that explains prices the day.
import CivilTime
import Quantities

/// The memory of a run.
struct PlainRun {
    let operations: UnsafePointer<Int64>
    let operationCount: Int
    let layout: UnsafePointer<Int64>
    let values: UnsafePointer<Int32>
    let opening: UnsafePointer<Int64>
    let closing: UnsafeMutablePointer<Int64>
    /// One for each component.
    let amountsMinor: UnsafeMutablePointer<Int64>
    /// What components come to in millionths, for shares of what is exact.
    let exactMicro: UnsafeMutablePointer<Int64>
    /// Energy of each stretch, and behind all of them what of it is left to the tariff.
    let sums: UnsafeMutablePointer<Int64>
    /// Below zero: not given.
    let contractedW: Int64
    let dayParts: Int64
    let isClosed: Bool

    private static let micro: Int64 = 1_000_000
    /// Stays far from the end of 64 bits.
    private static let mostMinor: Int64 = TariffChargeLimits.minorPerComponent / 1000

    /// False when a value is out of range: nothing of what was written then counts.
    @inline(__always)
    func price() -> Bool {
        let count = Int(layout[0])
        var takenWh: Int64 = 0
        var takenMicro: Int64 = 0
        guard sum(count, &takenWh, &takenMicro) else { return false }
        var wh: Int64 = 0
        for stretch in 0..<count { wh &+= sums[stretch] }
        closing[PlainWord.importWh] = opening[PlainWord.importWh] &+ wh
        closing[PlainWord.addOnWh] = opening[PlainWord.addOnWh] &+ takenWh
        closing[PlainWord.days] = opening[PlainWord.days] &+ 1
        closing[PlainWord.monthParts] = opening[PlainWord.monthParts] &+ dayParts
        guard closing[PlainWord.importWh] <= TariffChargeLimits.whPerBill else { return false }
        var at = 0
        while at < operationCount {
            let numbers = operations + at
            at += Int(numbers[0]) + 1
            let place = Int(numbers[3])
            let now: Int64
            switch numbers[1] {
            case PlainOperation.addOns:
                closing[place + 1] = opening[place + 1] &+ takenMicro
                exactMicro[Int(numbers[2])] = closing[place + 1]
                now = takenMicro == 0 ? opening[place] : rounded(closing[place + 1], Self.micro)
            case PlainOperation.slabs, PlainOperation.chronological, PlainOperation.proportional,
                PlainOperation.uplift:
                guard let minor = energy(numbers, place, wh: wh, takenWh: takenWh, count: count) else { return false }
                now = minor
            case PlainOperation.standing:
                guard let minor = standing(numbers, place) else { return false }
                now = minor
            case PlainOperation.share: now = share(numbers, place)
            case PlainOperation.exactShare:
                var exact: Int64 = 0
                for base in 0..<Int(numbers[5]) {
                    closing[place + 1 + base] = opening[place + 1 + base]
                    exact &+= exactMicro[Int(numbers[6 + base])]
                }
                guard let minor = exactShare(exact, numbers[4]) else { return false }
                now = minor
            default: now = rounding(numbers, place)
            }
            guard now.magnitude <= Self.mostMinor.magnitude else { return false }
            closing[place] = now
            amountsMinor[Int(numbers[2])] = now &- opening[place]
        }
        return true
    }

    // MARK: Energy of stretches

    /// Four values at a time in 32 bits, while all of them are small; none may be below zero.
    @inline(__always)
    private func sum(_ count: Int, _ takenWh: inout Int64, _ takenMicro: inout Int64) -> Bool {
        let width = Int(layout[1])
        var seen = SIMD4<UInt32>.zero
        var others: UInt32 = 0
        var hasOptions = false
        for stretch in 0..<count {
            let numbers = layout + (3 + stretch * width)
            let end = Int(numbers[1])
            var slot = Int(numbers[0])
            var lanes = SIMD4<UInt32>.zero
            while slot &+ 8 <= end {
                let raw = UnsafeRawPointer(values + slot)
                let four = raw.loadUnaligned(as: SIMD4<UInt32>.self)
                let next = raw.loadUnaligned(fromByteOffset: 16, as: SIMD4<UInt32>.self)
                lanes = lanes &+ four &+ next
                seen = seen | four | next
                slot &+= 8
            }
            if slot &+ 4 <= end {
                let four = UnsafeRawPointer(values + slot).loadUnaligned(as: SIMD4<UInt32>.self)
                lanes = lanes &+ four
                seen = seen | four
                slot &+= 4
            }
            var wh = Int64(lanes.wrappedSum())
            while slot < end {
                let value = UInt32(bitPattern: values[slot])
                others |= value
                wh &+= Int64(value)
                slot += 1
            }
            sums[stretch] = wh
            sums[count + stretch] = wh
            if numbers[3] != 0 { hasOptions = true }
        }
        let all = seen[0] | seen[1] | seen[2] | seen[3] | others
        // 1,500 slots would fit 32 bits with values below this.
        guard all < 1 << 21 else { return false }
        if hasOptions { takeAddOns(count, width, &takenWh, &takenMicro) }
        // Those of a bill fit 64 bits.
        return takenMicro < 1 << 52
    }

    private func takeAddOns(_ count: Int, _ width: Int, _ takenWh: inout Int64, _ takenMicro: inout Int64) {
        for stretch in 0..<count {
            let numbers = layout + (3 + stretch * width)
            let options = Int(numbers[3])
            guard options > 0 else { continue }
            for slot in Int(numbers[0])..<Int(numbers[1]) {
                let wh = Int64(values[slot])
                for option in 0..<options {
                    let price = layout[Int(numbers[2]) + option * 2]
                    guard wh * 3600 <= layout[Int(numbers[2]) + option * 2 + 1] else { continue }
                    sums[count + stretch] &-= wh
                    takenWh &+= wh
                    takenMicro &+= wh &* price
                    break
                }
            }
        }
    }

    @inline(__always)
    private func energy(
        _ numbers: UnsafePointer<Int64>, _ place: Int, wh dayWh: Int64, takenWh: Int64, count: Int
    ) -> Int64? {
        let yields = numbers[4] != 0
        let (calendar, bands, steps) = (Int(numbers[5]), Int(numbers[6]), Int(numbers[7]))
        let safeWh = numbers[8]
        let limits = numbers + 9
        let prices = limits + steps
        let before = opening[place + 1]
        let wh = before &+ dayWh &- (yields ? takenWh : 0)
        closing[place + 1] = wh
        let own = yields ? sums + count : sums
        if calendar >= 0 {
            let bandWh = closing + (place + 2)
            for band in 0..<bands { bandWh[band] = opening[place + 2 + band] }
            let width = Int(layout[1])
            for stretch in 0..<count { bandWh[Int(layout[3 + stretch * width + 4 + calendar])] &+= own[stretch] }
        }
        switch numbers[1] {
        case PlainOperation.slabs:
            guard wh <= safeWh else { return nil }
            let exact = slabs(limits, steps, wh) { prices[$0] }
            exactMicro[Int(numbers[2])] = exact
            return rounded(exact, Self.micro)
        case PlainOperation.chronological:
            guard wh <= safeWh else { return nil }
            let exact = chronological(
                limits, prices, closing + (place + 2 + bands), opening + (place + 2 + bands), own,
                (bands, steps, calendar, count), from: before)
            exactMicro[Int(numbers[2])] = exact
            return rounded(exact, Self.micro)
        case PlainOperation.proportional:
            guard wh > 0 else { return 0 }
            guard wh <= safeWh else { return proportional(limits, prices, closing + (place + 2), (bands, steps), wh) }
            let bandWh = closing + (place + 2)
            let exact = slabs(limits, steps, wh) { step in
                var sum: Int64 = 0
                for band in 0..<bands { sum &+= bandWh[band] &* prices[step &* bands &+ band] }
                return sum
            }
            return rounded(exact, Self.micro &* wh)
        default:
            guard wh > 0 else { return 0 }
            guard wh <= safeWh else { return nil }
            var scale = Int128(10_000 &* wh)
            for band in 0..<bands {
                scale += Int128(prices[steps + band]) * Int128(closing[place + 2 + band])
            }
            let exact = Int128(slabs(limits, steps, wh) { prices[$0] }) * scale
            return minor(exact, 10_000 * Int128(Self.micro) * Int128(wh))
        }
    }

    /// The sum over slabs of the energy in them times what each is worth.
    @inline(__always)
    private func slabs(_ limits: UnsafePointer<Int64>, _ steps: Int, _ wh: Int64, _ worth: (Int) -> Int64) -> Int64 {
        var sum: Int64 = 0
        var from: Int64 = 0
        var step = 0
        while step < steps, wh > from {
            sum &+= (min(wh, limits[step]) &- from) &* worth(step)
            from = limits[step]
            step &+= 1
        }
        return sum
    }

    /// Within a stretch all energy is of one band, so that only its sum matters.
    @inline(__always)
    private func chronological(
        _ limits: UnsafePointer<Int64>, _ prices: UnsafePointer<Int64>, _ cells: UnsafeMutablePointer<Int64>,
        _ openingCells: UnsafePointer<Int64>, _ own: UnsafeMutablePointer<Int64>,
        _ shape: (bands: Int, steps: Int, calendar: Int, count: Int), from: Int64
    ) -> Int64 {
        let (bands, steps, calendar, count) = shape
        for cell in 0..<bands * steps { cells[cell] = openingCells[cell] }
        let width = Int(layout[1])
        var at = from
        var step = 0
        for stretch in 0..<count {
            var left = own[stretch]
            let band = Int(layout[3 + stretch * width + 4 + calendar])
            while left > 0 {
                while at >= limits[step] { step &+= 1 }
                let piece = min(left, limits[step] &- at)
                cells[step &* bands &+ band] &+= piece
                at &+= piece
                left &-= piece
            }
        }
        var exact: Int64 = 0
        for cell in 0..<bands * steps { exact &+= cells[cell] &* prices[cell] }
        return exact
    }

    /// Of large accounts.
    private func proportional(
        _ limits: UnsafePointer<Int64>, _ prices: UnsafePointer<Int64>, _ bandWh: UnsafePointer<Int64>,
        _ shape: (bands: Int, steps: Int), _ wh: Int64
    ) -> Int64? {
        var exact: Int128 = 0
        var from: Int64 = 0
        for step in 0..<shape.steps where wh > from {
            var sum: Int128 = 0
            for band in 0..<shape.bands { sum += Int128(bandWh[band]) * Int128(prices[step * shape.bands + band]) }
            exact += Int128(min(wh, limits[step]) - from) * sum
            from = limits[step]
        }
        return minor(exact, Int128(Self.micro) * Int128(wh))
    }

    private func minor(_ exact: Int128, _ denominator: Int128) -> Int64? {
        guard exact.magnitude <= Int128(Self.mostMinor).magnitude * denominator.magnitude else { return nil }
        return roundedHalfAway(exact, dividedBy: denominator)
    }

    // MARK: Others

    /// What it has come to by now: of the former days by their own load, of this day by its load.
    @inline(__always)
    private func standing(_ numbers: UnsafePointer<Int64>, _ place: Int) -> Int64? {
        let count = Int(numbers[5])
        var step = numbers + 6
        if count > 1 {
            guard contractedW >= 0 else { return nil }
            for _ in 1..<count where contractedW > step[0] { step += 3 }
        }
        var month = step[1] &* 1000
        if step[2] != 0 {
            guard contractedW >= 0 else { return nil }
            let watts = numbers[4] != 0 ? (contractedW &+ 999) / 1000 &* 1000 : contractedW
            let (perKW, overflows) = step[2].multipliedReportingOverflow(by: watts)
            guard !overflows, perKW < 1 << 62 else { return nil }
            month &+= perKW
        }
        // A month is 377,580 parts; two years of them fit.
        guard month < 1 << 38 || month < Int64.max / 4 / max(1, closing[PlainWord.monthParts]) else { return nil }
        let unit = Self.micro &* BillPeriod.partsPerMonth
        return opening[place]
            &+ rounded(month &* closing[PlainWord.monthParts], unit)
            &- rounded(month &* opening[PlainWord.monthParts], unit)
    }

    /// Rounded as a whole; its parts one by one, the last with what is left.
    @inline(__always)
    private func share(_ numbers: UnsafePointer<Int64>, _ place: Int) -> Int64 {
        let ppm = numbers[4]
        let count = Int(numbers[5])
        var sum: Int64 = 0
        var parts: Int64 = 0
        for base in 0..<count {
            let minor = closing[Int(numbers[6 + base])]
            sum &+= minor
            let part = percent(minor, ppm)
            closing[place + 1 + base] = part
            parts &+= part
        }
        let whole = percent(sum, ppm)
        closing[place + count] &+= whole &- parts
        return whole
    }

    @inline(__always)
    private func percent(_ minor: Int64, _ ppm: Int64) -> Int64 {
        let (product, overflows) = minor.multipliedReportingOverflow(by: ppm)
        guard !overflows, product.magnitude < 1 << 62 else {
            return roundedHalfAway(Int128(minor) * Int128(ppm), dividedBy: Int128(Self.micro))
        }
        return rounded(product, Self.micro)
    }

    @inline(__always)
    private func exactShare(_ exact: Int64, _ ppm: Int64) -> Int64? {
        let (product, overflows) = exact.multipliedReportingOverflow(by: ppm)
        guard !overflows, product.magnitude < 1 << 62 else {
            return minor(Int128(exact) * Int128(ppm), Int128(Self.micro) * Int128(Self.micro))
        }
        return rounded(product, Self.micro &* Self.micro)
    }

    @inline(__always)
    private func rounding(_ numbers: UnsafePointer<Int64>, _ place: Int) -> Int64 {
        guard isClosed else { return 0 }
        var total: Int64 = 0
        for other in 0..<Int(numbers[5]) - 1 { total &+= closing[Int(numbers[6 + other])] }
        return rounded(total, numbers[4]) &* numbers[4] &- total
    }

    /// Half away from zero.
    @inline(__always)
    private func rounded(_ value: Int64, _ unit: Int64) -> Int64 {
        let size = (value.magnitude &+ UInt64(unit) / 2) / UInt64(unit)
        return value < 0 ? -Int64(size) : Int64(size)
    }
}
