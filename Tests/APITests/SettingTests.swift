// The registry of business rules: what is stored is what the domain reads, and nothing else passes.
import API
import Access
import Payments
import Supply
import Testing

@Suite struct SettingTests {
    @Test func supplyRulesAreStoredInTheirOwnForm() throws {
        let kind = try BusbarSettings.registry.kind(Supply.ruleSetting)
        var rules = SupplyRules()
        (rules.cutBelowPaise, rules.noCutDays) = (-500, ["2026-11-08"])
        #expect(kind.parse(" " + rules.json()) == rules.json())
        #expect(kind.initial == SupplyRules().json())
        for text in ["", "[]", "{}", #"{"cutBelowPaise":1}"#, rules.json().replacing("noCutDays", with: "noCutDay")] {
            #expect(kind.parse(text) == nil, "\(text)")
        }
    }

    @Test func theTestGatewayIsAWordOnlyWhereTheProcessHasIt() throws {
        let usual = try BusbarSettings.registry.kind(Recharge.portalSetting)
        #expect(usual.parse("test") == nil && usual.parse("off") == "off" && !usual.hint.contains("test"))
        let trying = try BusbarSettings.registry(testPayments: true).kind(Recharge.portalSetting)
        #expect(trying.parse("test") == "test" && trying.initial == "off")
    }
}
