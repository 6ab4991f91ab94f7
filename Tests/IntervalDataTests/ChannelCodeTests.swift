// The numbers of channels are stored; the head-end's channels have the same.
import IntervalData
import Testing

@Suite struct ChannelCodeTests {
    @Test func codesNeverChange() {
        #expect(
            Channel.allCases.map(\.rawValue) == [
                1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 21, 22, 23, 24, 31, 41, 42, 43, 44, 45,
            ])
    }
}
