// Which invocation counters of a sender have been seen: the highest, and which of the 63 below it. Pushes that overtake
// each other are taken, each counter once. Pure; the caller keeps it on disk before it acts on what was let in.

/// A sliding window over the counters of one key and one sender (as RFC 4303, 3.4.3, does it for sequence numbers).
public struct ReplayWindow: Hashable, Sendable {
    /// How far below the highest a counter may lie.
    public static let width: UInt32 = 64
    /// The highest counter taken; nil before the first.
    public private(set) var highest: UInt32?
    /// Bit i: the counter `highest - i` was taken.
    public private(set) var seen: UInt64

    public init(highest: UInt32? = nil, seen: UInt64 = 0) {
        self.highest = highest
        self.seen = seen
    }

    /// Takes a counter unless it was taken before or lies too far back to tell.
    public mutating func take(_ counter: UInt32) -> Bool {
        guard let highest else {
            (self.highest, seen) = (counter, 1)
            return true
        }
        if counter > highest {
            let step = counter - highest
            seen = step >= Self.width ? 1 : seen << UInt64(step) | 1
            self.highest = counter
            return true
        }
        let back = highest - counter
        guard back < Self.width, seen & (1 << UInt64(back)) == 0 else { return false }
        seen |= 1 << UInt64(back)
        return true
    }
}

extension DataNotification {
    /// Bit 30 of Long-Invoke-Id-And-Priority (IEC 62056-5-3): the sender wants to be told that it arrived.
    public var isConfirmed: Bool { longInvoke & 0x4000_0000 != 0 }

    /// DataNotification-Confirm (tag 16): the same number, no date and time.
    public var confirmation: [UInt8] { [0x10] + counterOctets(longInvoke) + [0] }
}
