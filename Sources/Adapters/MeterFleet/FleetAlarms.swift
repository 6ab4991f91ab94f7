// Sends the alarms of scenarios as a meter does: one TCP connection from the meter's own address to a listener, the
// frame in the clear or ciphered with the meter's keys. MeterPusher makes the frames.
import NIOCore
import NIOPosix

extension MeterFleet {
    /// What sends the alarms of this fleet to a listener. A meter with an address of its own speaks from there.
    public func alarmSender(host: String, port: Int, _ protection: MeterPusher.Protection) -> AlarmSender {
        let pushers = Dictionary(
            meters.enumerated().map {
                ($0.element.configuration.serial, (place: $0.offset, pusher: MeterPusher($0.element)))
            }
        ) { first, _ in first }
        return { meter, alarm, atS in
            guard let (place, pusher) = pushers[meter.configuration.serial],
                let frame = try? pusher.frame(alarm, atS: atS, protection)
            else { return }
            var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(2_000))
            if self.addressing == .address, let own = try? SocketAddress(ipAddress: self.host(place), port: 0),
                LoopbackAddress(host) != nil
            {
                bootstrap = bootstrap.bind(to: own)
            }
            guard let channel = try? await bootstrap.connect(host: host, port: port).get() else { return }
            try? await channel.writeAndFlush(channel.allocator.buffer(bytes: frame))
            try? await channel.close()
        }
    }
}
