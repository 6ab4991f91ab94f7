// Settings by a name for people; the name of the setting itself stands beside it, as programs and the command line know
// it. Holds no setting.

/// Nil for what is no setting of the company. `supply.rules from` (the day it holds from) is the same setting.
func settingLabel(_ field: String, _ w: Wording) -> Markup? {
    let name = field.hasSuffix(" from") ? String(field.dropLast(5)) : field
    if name.hasPrefix("jobs.") {
        if name.hasSuffix(".every-minutes") { return w.say("setting.everyMinutes") }
        return name.hasSuffix(".at-minute") ? w.say("setting.atMinute") : nil
    }
    if name.hasPrefix("service.") { return w.say("setting.serviceClock") }
    // Keys are named by hand, so that none can be missing.
    let known: Set<String> = [
        "setting.supply.rules", "setting.payments.portal", "setting.outages.rules", "setting.tamper.rules",
        "setting.access.totp", "setting.events.unsecured-push", "setting.collection.schedules",
        "setting.raw.keep-days", "setting.meter-clock.set-above-s", "setting.meter-clock.set-at-most-s",
        "setting.orders.approval-hours", "setting.orders.check-every-hours", "setting.orders.cuts-alone-max",
        "setting.meters.balance-every-minutes", "setting.meters.load-limit-rule", "setting.meters.calendar-rule",
        "setting.edits.approve-above-wh", "setting.edits.approve-above-percent", "setting.vee.estimation-plan",
        "setting.readings.hot-months", "setting.readings.archive-after-months", "setting.readings.keep-months",
        "setting.delivery.losses", "setting.delivery.two-nodes", "setting.forecast.issue-at-minute",
        "setting.journal.closed-to",
        "setting.calendar.holidays", "setting.payments.reconcile-after-minutes", "setting.supply.cuts-per-run-max",
        "setting.supply.cuts-share-max-percent",
        "setting.arrears.cap-rule",
        "setting.arrears.cap-a-day-paise", "setting.arrears.cap-percent", "setting.reports.average-cost-paise-per-kwh",
        "setting.packs.notice-days", "setting.packs.credit-export-from", "setting.packs.slab-warning-percent",
        "setting.payments.adjust-alone-paise", "setting.access.two-persons", "setting.access.request-days",
    ]
    let key = "setting.\(name)"
    return known.contains(key) ? w.say(key) : nil
}
