// The plainest form of what a meter says unasked: a data notification in the clear (IS 15959-2 alert) to a listener,
// one TCP connection from the meter's own address. A sender that ciphers takes its place through `AlarmSender`.
import CivilTime
import DLMS
import IS15959
import NIOCore
import NIOPosix

/// Makes frames of alarms.
public enum AlarmFrames {
    /// Client address of pushes.
    static let client: UInt16 = 64

    /// Device id, the code of the alert and the status word with one bit, as a WRAPPER frame.
    public static func plain(_ meter: VirtualMeter, _ alarm: MeterAlarm, atS: Int64, invoke: UInt32) throws -> [UInt8] {
        var word = [UInt8](repeating: 0, count: 16)
        let bit: Int? =
            switch alarm {
            case .lastGasp: EventStatusWord.lastGasp
            case .firstBreath: EventStatusWord.firstBreath
            case .event(let code): EventStatusWord.standard.values.first { $0.occurrence == code }?.bit
            }
        if let bit { word[bit / 8] |= 0x80 >> UInt8(bit % 8) }
        let zone = meter.configuration.zone
        let push = DataNotification(
            longInvoke: invoke & 0x00FF_FFFF,
            dateTime: COSEMDateTime(instantS: atS, offsetS: zone.offsetS(atS: atS)),
            body: .structure([
                .text(meter.configuration.serial), .obis(OBIS(0, 4, 25, 9, 0)), .bitString(word, count: 128),
            ]))
        return try WrapperFrame(source: 1, destination: client, apdu: APDU.dataNotification(push).bytes).encoded()
    }

    /// Sends plain frames to a listener. A meter with an address of its own speaks from there.
    public static func sender(_ fleet: MeterFleet, host: String, port: Int) -> AlarmSender {
        let places = Dictionary(
            fleet.meters.enumerated().map { ($0.element.configuration.serial, $0.offset) }
        ) { first, _ in first }
        return { meter, alarm, atS in
            guard let frame = try? plain(meter, alarm, atS: atS, invoke: UInt32(truncatingIfNeeded: meter.nextTurn()))
            else { return }
            var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(2_000))
            if fleet.addressing == .address, let place = places[meter.configuration.serial],
                let own = try? SocketAddress(ipAddress: fleet.host(place), port: 0), LoopbackAddress(host) != nil
            {
                bootstrap = bootstrap.bind(to: own)
            }
            guard let channel = try? await bootstrap.connect(host: host, port: port).get() else { return }
            try? await channel.writeAndFlush(channel.allocator.buffer(bytes: frame))
            try? await channel.close()
        }
    }
}
