// Every dated business rule of the product, in one registry: what can be set, and how its text is read.
import Access
import Aggregation
import HeadEnd
import Jobs
import MeterData
import Packs
import Payments
import Supply

public enum BusbarSettings {
    public static let registry = SettingRegistry(
        [
            supplyRules, portalPayments, PaymentSettings.reconcile, OutageRules.kind, TamperRules.kind,
            SecondStep.setting,
            UnsecuredPushes.setting,
        ] + LineSchedule.settings
            + HeadEndSettings.all + OrderRules.settings + MeterRules.settings + EditLimits.settings
            + Estimator.settings + MonthKeeper.settings + DeliveryPaths.settings
            + Forecaster.settings)

    static let portalPayments = SettingKind.choice(
        Recharge.portalSetting, ["off", "demo", "test"], initial: "off",
        hint: "Whether consumers recharge by themselves; demo takes no money and is for trying only, and so does test, "
            + "the built-in payment gateway.")

    /// Stored in the canonical form of ``SupplyRules``.
    static let supplyRules = SettingKind(
        Supply.ruleSetting, initial: SupplyRules().json(),
        hint: """
            When supply is cut and restored, as a JSON object with all of cutBelowPaise, restoreFromPaise, \
            warnBelowPaise, minutesAfterWarning, noCutFromMinute, noCutToMinute, \
            noCutWeekdays (7 is Sunday), noCutDays (YYYY-MM-DD).
            """
    ) { text in (try? SupplyRules(json: text))?.json() }
}
