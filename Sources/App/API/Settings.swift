// Every dated business rule of the product, in one registry: what can be set, and how its text is read.
import Access
import Aggregation
import HeadEnd
import Jobs
import Journal
import MeterData
import Packs
import Payments
import Supply

public enum BusbarSettings {
    /// Without the test gateway.
    public static let registry = registry(testPayments: false)

    /// - Parameter testPayments: whether the process was started with the test gateway; else its name is refused.
    public static func registry(testPayments: Bool) -> SettingRegistry {
        SettingRegistry(
            [
                supplyRules.forTwo, portalPayments(test: testPayments).forTwo, PaymentSettings.reconcile.forTwo,
                AdjustBalance.aloneSetting, OutageRules.kind,
                TamperRules.kind,
                SecondStep.setting,
                UnsecuredPushes.setting,
            ] + LineSchedule.settings
                + HeadEndSettings.all + OrderRules.settings + MeterRules.settings + EditLimits.settings
                + Estimator.settings + MonthKeeper.settings + DeliveryPaths.settings + AccountingPeriods.settings
                + Forecaster.settings + CutBrake.settings + InstalmentCap.settings + [MoneyReport.averageCost]
                + PackShelf.settings + [CreditExport.fromSetting]
                + TwoPersons.settings(commands: BusbarRequests.names))
    }

    private static func portalPayments(test: Bool) -> SettingKind {
        SettingKind.choice(
            Recharge.portalSetting, ["off", "demo"] + (test ? ["test"] : []), initial: "off",
            hint: "Whether consumers recharge by themselves; demo takes no money and is for trying only"
                + (test ? ", and so does test, the built-in payment gateway." : "."))
    }

    /// Stored in the canonical form of ``SupplyRules``.
    static let supplyRules = SettingKind(
        Supply.ruleSetting, initial: SupplyRules().json(),
        hint: """
            When supply is cut and restored, as a JSON object with all of cutBelowPaise, restoreFromPaise, \
            warnBelowPaise, minutesAfterWarning, noCutFromMinute, noCutToMinute, \
            noCutWeekdays (7 is Sunday), noCutDays (YYYY-MM-DD), and any of those in docs/supply.md.
            """
    ) { text in (try? SupplyRules(json: text))?.json() }
}
