// A firmware image sent to a meter (IEC 62056-6-2, image transfer, class 18), resumed where it broke off, verified and
// activated. The client's side says what to ask next; the meter's side takes blocks. Pure: no clock, no file.

/// The attributes and methods of an image transfer object.
public struct ImageTransferObject: Hashable, Sendable {
    public var obis: OBIS
    public init(_ obis: OBIS = OBIS(0, 0, 44, 0, 0)) { self.obis = obis }
    public var blockSize: AttributeReference { AttributeReference(18, obis, 2) }
    public var blocksStatus: AttributeReference { AttributeReference(18, obis, 3) }
    public var firstMissing: AttributeReference { AttributeReference(18, obis, 4) }
    public var isEnabled: AttributeReference { AttributeReference(18, obis, 5) }
    public var status: AttributeReference { AttributeReference(18, obis, 6) }
    public var toActivate: AttributeReference { AttributeReference(18, obis, 7) }
    public var initiate: MethodReference { MethodReference(18, obis, 1) }
    public var transfer: MethodReference { MethodReference(18, obis, 2) }
    public var verify: MethodReference { MethodReference(18, obis, 3) }
    public var activate: MethodReference { MethodReference(18, obis, 4) }
}

/// Attribute 6.
public enum ImageStatus: UInt8, Hashable, Sendable {
    case notInitiated = 0, initiated, verifying, verified, verificationFailed, activating, activated, activationFailed
}

/// The client's side: do what `next` says, tell the result by `received` or `failed`, and ask `next` again.
public struct ImageTransfer: Sendable {
    public enum Step: Hashable, Sendable {
        case get(AttributeReference)
        case set(AttributeReference, DLMSData)
        case act(MethodReference, DLMSData)
        /// Ask `next` again after a while: the meter is busy verifying or activating.
        case wait
        /// The image is verified, and activated when that was wanted.
        case done
        /// It cannot go on; the text says why.
        case failed(String)
    }
    private enum State: Hashable {
        case enabled, enabling, blockSize, status, initiating, blocksStatus, sending, verifying, verifyStatus, identity
        case activating, activateStatus, done, failed(String)
    }

    public let object: ImageTransferObject
    public let identifier: [UInt8]
    public let image: [UInt8]
    public let activates: Bool
    /// Blocks that the meter is known to have; nil before it was asked.
    public private(set) var sentCount = 0
    public private(set) var blockCount = 0

    private var state = State.enabled
    private let mayResume: Bool
    private var blockBytes = 0
    private var missing: [Int] = []
    private var rounds = 0
    private var hasInitiated = false
    private var polls = 0
    private let maxPolls: Int

    /// - Parameters:
    ///   - mayResume: our records say that this very image was begun on this meter before; else it starts anew.
    ///   - activates: false leaves activation to a schedule.
    ///   - maxPolls: `wait` steps in a row before it is given up.
    public init(
        _ object: ImageTransferObject = ImageTransferObject(), identifier: [UInt8], image: [UInt8], mayResume: Bool,
        activates: Bool, maxPolls: Int = 1000
    ) {
        self.object = object
        self.identifier = identifier
        self.image = image
        self.mayResume = mayResume
        self.activates = activates
        self.maxPolls = maxPolls
    }

    /// What to do now. Asking twice gives the same.
    public var next: Step {
        switch state {
        case .enabled: .get(object.isEnabled)
        case .enabling: .set(object.isEnabled, .boolean(true))
        case .blockSize: .get(object.blockSize)
        case .status, .verifyStatus, .activateStatus: .get(object.status)
        case .initiating:
            .act(
                object.initiate,
                .structure([.octetString(identifier), .doubleLongUnsigned(UInt32(clamping: image.count))]))
        case .blocksStatus: .get(object.blocksStatus)
        case .sending: block
        case .verifying: .act(object.verify, .integer(0))
        case .identity: .get(object.toActivate)
        case .activating: .act(object.activate, .integer(0))
        case .done: .done
        case .failed(let why): .failed(why)
        }
    }

    private var block: Step {
        guard let number = missing.first else { return .get(object.blocksStatus) }
        let start = number * blockBytes
        let piece = Array(image[start..<min(start + blockBytes, image.count)])
        return .act(
            object.transfer, .structure([.doubleLongUnsigned(UInt32(clamping: number)), .octetString(piece)]))
    }

    private mutating func fail(_ why: String) { state = .failed(why) }

    /// The step went well; `value` is what was read, nil for a write or a call. True: wait a while before the next.
    @discardableResult public mutating func received(_ value: DLMSData?) -> Bool {
        switch state {
        case .enabled: state = value == .boolean(false) ? .enabling : .blockSize
        case .enabling: state = .blockSize
        case .blockSize: setBlockSize(value)
        case .status: resume(value)
        case .initiating:
            hasInitiated = true
            missing = Array(0..<blockCount)
            sentCount = 0
            state = .sending
        case .blocksStatus: compare(value)
        case .sending:
            missing.removeFirst()
            sentCount += 1
            if missing.isEmpty { state = .blocksStatus }
        case .verifying: state = .verifyStatus
        case .verifyStatus, .activateStatus: return poll(value)
        case .identity: checkIdentity(value)
        case .activating: state = .activateStatus
        case .done, .failed: break
        }
        return false
    }

    /// The meter refused the step. True: wait a while before the next.
    @discardableResult public mutating func failed(_ result: DataAccessResult) -> Bool {
        switch state {
        // Verification and activation take their time: the meter says so by a temporary failure.
        case .verifying where result == .temporaryFailure:
            state = .verifyStatus
            return true
        case .activating where result == .temporaryFailure:
            state = .activateStatus
            return true
        // What a meter does not show cannot be compared.
        case .enabled: state = .blockSize
        case .identity: state = activates ? .activating : .done
        default: fail("\(next): \(result)")
        }
        return false
    }

    private mutating func setBlockSize(_ value: DLMSData?) {
        guard let size = value?.integer, (1...65_536).contains(size), !image.isEmpty, image.count <= UInt32.max else {
            return fail("block size of the meter, or an empty image")
        }
        blockBytes = Int(size)
        blockCount = (image.count + blockBytes - 1) / blockBytes
        state = .status
    }

    private mutating func resume(_ value: DLMSData?) {
        guard let number = value?.integer, let status = ImageStatus(rawValue: UInt8(clamping: number)) else {
            return fail("image transfer status \(value?.integer ?? -1)")
        }
        switch status {
        case .initiated where mayResume: state = .blocksStatus
        case .verified where mayResume: state = .identity
        case .verifying where mayResume: state = .verifyStatus
        case .activating where mayResume && activates: state = .activateStatus
        default: state = .initiating
        }
    }

    /// Which blocks the meter has: bit n for block n. A meter that counts otherwise was begun with another image: anew.
    private mutating func compare(_ value: DLMSData?) {
        guard case .bitString(let bits, let count)? = value else { return fail("the meter does not show its blocks") }
        let isOurs = count >= blockCount && (hasInitiated || count < blockCount + 8)
        guard isOurs, bits.count * 8 >= blockCount else {
            guard !hasInitiated else { return fail("the meter counts \(count) blocks, \(blockCount) were sent") }
            state = .initiating
            return
        }
        missing = (0..<blockCount).filter { bits[$0 / 8] & (0x80 >> UInt8($0 % 8)) == 0 }
        sentCount = blockCount - missing.count
        guard !missing.isEmpty else {
            state = .verifying
            return
        }
        rounds += 1
        if rounds > 10 { fail("\(missing.count) blocks stay missing") } else { state = .sending }
    }

    private mutating func poll(_ value: DLMSData?) -> Bool {
        guard let number = value?.integer, let status = ImageStatus(rawValue: UInt8(clamping: number)) else {
            fail("image transfer status \(value?.integer ?? -1)")
            return false
        }
        switch (state, status) {
        case (.verifyStatus, .verified): state = .identity
        case (.verifyStatus, .verificationFailed): fail("the meter says the image is not sound")
        case (.activateStatus, .activated): state = .done
        case (.activateStatus, .activationFailed): fail("the meter could not activate the image")
        case (.verifyStatus, .verifying), (.activateStatus, .activating), (.activateStatus, .verified):
            polls += 1
            if polls > maxPolls { fail("the meter stays at \(status)") }
            return true
        default: fail("the meter is at \(status)")
        }
        return false
    }

    /// Array of size, identifier, signature. Another identifier means another image is about to be activated.
    private mutating func checkIdentity(_ value: DLMSData?) {
        let entries = value?.elements?.compactMap(\.elements) ?? []
        let names = entries.compactMap { $0.count >= 2 ? $0[1].octets : nil }
        guard names.isEmpty || names.contains(identifier) else { return fail("the meter holds another image") }
        state = activates ? .activating : .done
    }
}

/// The meter's side: takes an image block by block. Whether it is sound and what activating means is the caller's.
public struct ImageReceiver: Sendable {
    public let blockBytes: Int
    public let maxImageBytes: Int
    public private(set) var status = ImageStatus.notInitiated
    public private(set) var identifier: [UInt8] = []
    public private(set) var image: [UInt8] = []
    private var hasBlock: [Bool] = []

    public init(blockBytes: Int = 200, maxImageBytes: Int = 4 << 20) {
        self.blockBytes = max(1, blockBytes)
        self.maxImageBytes = maxImageBytes
    }

    /// The object's attributes; nil for one it does not have.
    public func read(_ attribute: Int8) -> DLMSData? {
        switch attribute {
        case 2: return .doubleLongUnsigned(UInt32(clamping: blockBytes))
        case 3:
            var bits = [UInt8](repeating: 0, count: (hasBlock.count + 7) / 8)
            for (number, isThere) in hasBlock.enumerated() where isThere {
                bits[number / 8] |= 0x80 >> UInt8(number % 8)
            }
            return .bitString(bits, count: hasBlock.count)
        case 4: return .doubleLongUnsigned(UInt32(clamping: hasBlock.firstIndex(of: false) ?? hasBlock.count))
        case 5: return .boolean(true)
        case 6: return .enumeration(status.rawValue)
        case 7:
            guard [.verified, .activating].contains(status) else { return .array([]) }
            return .array([
                .structure([
                    .doubleLongUnsigned(UInt32(clamping: image.count)), .octetString(identifier), .octetString([]),
                ])
            ])
        default: return nil
        }
    }

    /// Methods 1...4. `isSound` is asked when the image is whole; activation is told by the status.
    public mutating func act(
        _ method: Int8, _ parameter: DLMSData?, isSound: ([UInt8]) -> Bool
    ) -> DataAccessResult {
        let fields = parameter?.elements ?? []
        switch method {
        case 1:
            guard fields.count == 2, let name = fields[0].octets, let size = fields[1].integer else {
                return .typeUnmatched
            }
            guard size > 0, size <= maxImageBytes else { return .scopeOfAccessViolated }
            identifier = name
            image = [UInt8](repeating: 0, count: Int(size))
            hasBlock = [Bool](repeating: false, count: (Int(size) + blockBytes - 1) / blockBytes)
            status = .initiated
            return .success
        case 2:
            guard status == .initiated else { return .temporaryFailure }
            guard fields.count == 2, let number = fields[0].integer, let piece = fields[1].octets,
                number >= 0, number < hasBlock.count
            else { return .typeUnmatched }
            let start = Int(number) * blockBytes
            guard piece.count == min(blockBytes, image.count - start) else { return .typeUnmatched }
            image.replaceSubrange(start..<(start + piece.count), with: piece)
            hasBlock[Int(number)] = true
            return .success
        case 3:
            guard status == .initiated, !hasBlock.contains(false) else { return .temporaryFailure }
            status = isSound(image) ? .verified : .verificationFailed
            return status == .verified ? .success : .otherReason
        case 4:
            guard status == .verified else { return .otherReason }
            status = .activating
            return .success
        default: return .objectUndefined
        }
    }

    /// The meter runs the new image, or could not.
    public mutating func activated(_ isRunning: Bool) {
        if status == .activating { status = isRunning ? .activated : .activationFailed }
    }
}
