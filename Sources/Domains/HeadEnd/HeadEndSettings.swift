// The dated settings of the head-end, for the registry.
import Access

public enum HeadEndSettings {
    public static let all: [SettingKind] =
        [CollectionSchedules.setting, RawKeeping.setting, ClockCare.above, ClockCare.atMost] + ServiceClock.settings
}
