// Prices that were worked out by hand: the cases that OCPI's specification tells in words, and one
// for every restriction and boundary.
#include "projections/pricing/pricing.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/json.h"
#include "core/process/time_zone.h"
#include "core/timestamp.h"
#include "ocpi/tariff.h"

namespace chargeledger::projections {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kMinuteNs = 60'000'000'000;
constexpr int64_t kKwh = 1'000'000'000;

int64_t At(const std::string& time) { return *core::ParseTimestamp(time); }

v1::Tariff Read(const std::string& elements, const std::string& more = "") {
  auto json = core::Json::Parse(absl::StrCat(
      R"({"country_code":"DE","party_id":"ALL","id":"1","currency":"EUR","last_updated":)",
      R"("2026-01-01T00:00:00Z",)", more, R"("elements":[)", elements, "]}"));
  EXPECT_TRUE(json.ok()) << json.status();
  ocpi::Findings findings;
  v1::Tariff tariff = ocpi::ReadTariff(*json, "$", findings);
  EXPECT_TRUE(findings.ok()) << findings.status();
  return tariff;
}

std::string Component(const std::string& type, const std::string& price, const std::string& vat,
                      int step) {
  return absl::StrCat(R"({"type":")", type, R"(","price":)", price,
                      vat.empty() ? "" : R"(,"vat":)" + vat, R"(,"step_size":)", step, "}");
}

std::string Element(const std::string& components, const std::string& restrictions = "") {
  return absl::StrCat(R"({"price_components":[)", components, "]",
                      restrictions.empty() ? "" : R"(,"restrictions":{)" + restrictions + "}", "}");
}

// A session, built up from its start.
class Session {
 public:
  explicit Session(const std::string& start) : at_us_(At(start)) {}

  Session& Charge(int64_t minutes, int64_t uwh, int64_t kw = -1, int64_t amperes = -1) {
    Stretch stretch = Next(minutes);
    stretch.energy_uwh = uwh;
    stretch.time_ns = minutes * kMinuteNs;
    if (kw >= 0) stretch.min_power_mw = stretch.max_power_mw = kw * 1'000'000;
    if (amperes >= 0) stretch.min_current_ma = stretch.max_current_ma = amperes * 1'000;
    return Add(stretch);
  }
  Session& Park(int64_t minutes) {
    Stretch stretch = Next(minutes);
    stretch.parking_ns = minutes * kMinuteNs;
    stretch.min_power_mw = stretch.max_power_mw = 0;
    stretch.min_current_ma = stretch.max_current_ma = 0;
    return Add(stretch);
  }
  Session& Reserve(int64_t minutes) {
    Stretch stretch = Next(minutes);
    stretch.reservation_ns = minutes * kMinuteNs;
    return Add(stretch);
  }
  Session& In(const std::string& zone) {
    local_ = *core::LoadLocalTime(zone, stretches_.front().start_us, at_us_);
    return *this;
  }

  Bill By(const v1::Tariff& tariff) const {
    auto pricer = Pricer::Create(tariff);
    EXPECT_TRUE(pricer.ok()) << pricer.status();
    auto bill = pricer->Price(stretches_, local_);
    EXPECT_TRUE(bill.ok()) << bill.status();
    return bill.ok() ? *bill : Bill();
  }

 private:
  Stretch Next(int64_t minutes) {
    Stretch stretch{at_us_, at_us_ + minutes * kMinuteUs};
    at_us_ = stretch.end_us;
    return stretch;
  }
  Session& Add(const Stretch& stretch) {
    stretches_.push_back(stretch);
    return *this;
  }

  int64_t at_us_;
  core::LocalTime local_;
  std::vector<Stretch> stretches_;
};

Session On(const std::string& start) { return Session(start); }
Session Noon() { return Session("2026-01-05T12:00:00Z"); }

std::string Money(const Taxed& cost) {
  return absl::StrCat(ocpi::PlainDecimal(cost.excl_e4, 4), "/",
                      ocpi::PlainDecimal(cost.incl_e4, 4));
}
std::string Total(const Session& session, const v1::Tariff& tariff) {
  return Money(session.By(tariff).total);
}

const std::string kStart = Component("FLAT", "0.50", "20", 1);
const std::string kEnergy = Component("ENERGY", "0.25", "10", 1);

// The examples of mod_tariffs, in its order.
TEST(Specification, EnergyAlone) {
  EXPECT_EQ(Total(Noon().Charge(60, 20 * kKwh), Read(Element(kEnergy))), "5/5.5");
}

TEST(Specification, EnergyAndStartFee) {
  EXPECT_EQ(Total(Noon().Charge(60, 20 * kKwh), Read(Element(kStart + "," + kEnergy))), "5.5/6.1");
}

TEST(Specification, MinimumPrice) {
  const v1::Tariff tariff =
      Read(Element(kEnergy), R"("min_price":{"excl_vat":0.50,"incl_vat":0.55},)");
  EXPECT_EQ(Total(Noon().Charge(60, 20 * kKwh), tariff), "5/5.5");
  EXPECT_EQ(Total(Noon().Charge(60, 1 * kKwh), tariff), "0.5/0.55");
  const Bill bill = Noon().Charge(60, 1 * kKwh).By(tariff);
  EXPECT_EQ(bill.taxes, (std::vector<TaxLine>{{100'000, 5'000, 500}}));
}

TEST(Specification, ParkingBilledInQuarterHours) {
  const v1::Tariff tariff =
      Read(Element(kStart + "," + kEnergy + "," + Component("PARKING_TIME", "2.00", "20", 900)));
  EXPECT_EQ(Total(Noon().Charge(60, 20 * kKwh).Park(40), tariff), "7/7.9");
}

TEST(Specification, MaximumPrice) {
  const v1::Tariff tariff =
      Read(Element(kStart + "," + kEnergy), R"("max_price":{"excl_vat":10.00,"incl_vat":11.00},)");
  EXPECT_EQ(Total(Noon().Charge(60, 50 * kKwh), tariff), "10/11");
  EXPECT_EQ(Total(Noon().Charge(60, 30 * kKwh), tariff), "8/8.85");
}

TEST(Specification, TwoEuroAnHour) {
  const v1::Tariff tariff = Read(Element(Component("TIME", "2.00", "10", 60)));
  EXPECT_EQ(Total(Noon().Charge(150, 20 * kKwh), tariff), "5/5.5");
  EXPECT_EQ(Total(Noon().Charge(150, 20 * kKwh).Park(60), tariff), "5/5.5");
}

TEST(Specification, ThreeEuroChargingFiveParking) {
  const v1::Tariff tariff = Read(Element(Component("TIME", "3.00", "10", 60) + "," +
                                         Component("PARKING_TIME", "5.00", "20", 300)));
  EXPECT_EQ(Total(Noon().Charge(150, 0).Park(42), tariff), "11.25/12.75");
}

TEST(Specification, FiveMinutesSteps) {
  const v1::Tariff tariff = Read(Element(Component("TIME", "1.90", "5.2", 300)));
  EXPECT_EQ(Total(Noon().Charge(150, 0), tariff), "4.75/5");
}

TEST(Specification, TenthsOfAKilowattHour) {
  const v1::Tariff tariff = Read(Element(kStart + "," + Component("ENERGY", "0.25", "10", 100)));
  EXPECT_EQ(Total(Noon().Charge(60, 20'450'000'000), tariff), "5.63/6.24");
}

const v1::Tariff& Complex() {
  static const auto* const tariff = new v1::Tariff(Read(absl::StrCat(
      Element(Component("FLAT", "2.50", "15", 1)), ",",
      Element(Component("TIME", "1.00", "20", 900), R"("max_current":32.00)"), ",",
      Element(
          Component("TIME", "2.00", "20", 600),
          R"("min_current":32.00,"day_of_week":["MONDAY","TUESDAY","WEDNESDAY","THURSDAY","FRIDAY"])"),
      ",",
      Element(Component("TIME", "1.25", "20", 600),
              R"("min_current":32.00,"day_of_week":["SATURDAY","SUNDAY"])"),
      ",",
      Element(
          Component("PARKING_TIME", "5.00", "10", 300),
          R"("start_time":"09:00","end_time":"18:00","day_of_week":["MONDAY","TUESDAY","WEDNESDAY","THURSDAY","FRIDAY"])"),
      ",",
      Element(Component("PARKING_TIME", "6.00", "10", 300),
              R"("start_time":"10:00","end_time":"17:00","day_of_week":["SATURDAY"])"))));
  return *tariff;
}

TEST(Specification, ComplexTariffOnAMonday) {
  // 147 minutes at 1.00 (parking takes the step), 42 as 45 at 5.00.
  EXPECT_EQ(Total(On("2026-01-05T09:30:00Z").Charge(147, 0, 11, 16).Park(42), Complex()),
            "8.7/9.94");
}

TEST(Specification, ComplexTariffOnASaturdayWhichThePrintedExampleGetsWrong) {
  // 114 minutes at 1.25 are 2.375 and not 2.28.
  EXPECT_EQ(Total(On("2026-01-10T13:30:00Z").Charge(114, 0, 30, 43).Park(71), Complex()),
            "12.38/13.98");
}

TEST(Specification, FreeOfCharge) {
  EXPECT_EQ(
      Total(Noon().Charge(60, 20 * kKwh).Park(60), Read(Element(Component("FLAT", "0.00", "", 0)))),
      "0/0");
}

TEST(Specification, FirstHourAndFirstKilowattHourFree) {
  // The duration is the session's: with half an hour of charging, half an hour of parking is free.
  const v1::Tariff tariff = Read(absl::StrCat(
      Element(Component("PARKING_TIME", "0.00", "", 60), R"("max_duration":3600)"), ",",
      Element(Component("PARKING_TIME", "2.00", "", 60),
              R"("min_duration":3600,"max_duration":14400)"),
      ",", Element(Component("PARKING_TIME", "3.00", "", 60), R"("min_duration":14400)"), ",",
      Element(Component("ENERGY", "0.00", "", 1), R"("max_kwh":1)"), ",",
      Element(Component("ENERGY", "0.20", "", 1), R"("min_kwh":1)")));
  // 19 kWh at 0.20; parking from 0:30 to 4:15: 0.5 h free, 3 h at 2.00, 0.25 h at 3.00.
  EXPECT_EQ(Total(Noon().Charge(30, 20 * kKwh).Park(225), tariff), "10.55/10.55");
}

TEST(Specification, Reservation) {
  const v1::Tariff tariff = Read(
      absl::StrCat(Element(Component("TIME", "5.00", "20", 60), R"("reservation":"RESERVATION")"),
                   ",", Element(kStart + "," + kEnergy)));
  const Bill bill = Noon().Reserve(15).Charge(60, 20 * kKwh).By(tariff);
  EXPECT_EQ(Money(bill.total), "6.75/7.6");
  EXPECT_EQ(Money(bill.cost(Priced::kReservation)), "1.25/1.5");
}

TEST(Specification, ReservationWithAFee) {
  const v1::Tariff tariff = Read(absl::StrCat(
      Element(Component("FLAT", "2.00", "20", 1) + "," + Component("TIME", "5.00", "20", 300),
              R"("reservation":"RESERVATION")"),
      ",", Element(kStart + "," + kEnergy)));
  EXPECT_EQ(Total(Noon().Reserve(13).Charge(60, 20 * kKwh), tariff), "8.75/10");
}

TEST(Specification, ReservationThatExpiresCostsAFeeToo) {
  const v1::Tariff tariff = Read(absl::StrCat(
      Element(Component("FLAT", "4.00", "20", 1), R"("reservation":"RESERVATION_EXPIRES")"), ",",
      Element(Component("TIME", "2.00", "20", 600), R"("reservation":"RESERVATION")"), ",",
      Element(kStart + "," + kEnergy)));
  EXPECT_EQ(Total(Noon().Reserve(22).Charge(60, 20 * kKwh), tariff), "6.5/7.3");
  EXPECT_EQ(Total(Noon().Reserve(60), tariff), "6/7.2");
}

TEST(Specification, ReservationThatExpiresHasAnotherPrice) {
  const v1::Tariff tariff = Read(absl::StrCat(
      Element(Component("TIME", "6.00", "20", 600), R"("reservation":"RESERVATION_EXPIRES")"), ",",
      Element(Component("TIME", "3.00", "20", 600), R"("reservation":"RESERVATION")"), ",",
      Element(kStart + "," + kEnergy)));
  EXPECT_EQ(Total(Noon().Reserve(22).Charge(60, 20 * kKwh), tariff), "7/7.9");
  EXPECT_EQ(Total(Noon().Reserve(90), tariff), "9/10.8");
}

TEST(Specification, MaximumPower) {
  const v1::Tariff tariff =
      Read(absl::StrCat(Element(Component("ENERGY", "0.20", "", 1), R"("max_power":16.00)"), ",",
                        Element(Component("ENERGY", "0.35", "", 1), R"("max_power":32.00)"), ",",
                        Element(Component("ENERGY", "0.50", "", 1))));
  EXPECT_EQ(
      Total(Noon().Charge(10, kKwh, 6).Charge(50, 40 * kKwh, 48).Charge(7, kKwh / 2, 4), tariff),
      "20.3/20.3");
}

TEST(Specification, MaximumDuration) {
  const v1::Tariff tariff =
      Read(absl::StrCat(Element(Component("ENERGY", "0.00", "", 1), R"("max_duration":1800)"), ",",
                        Element(Component("ENERGY", "0.25", "", 1), R"("max_duration":3600)"), ",",
                        Element(Component("ENERGY", "0.40", "", 1))));
  EXPECT_EQ(Total(Noon().Charge(30, 5 * kKwh).Charge(10, 1'200'000'000), tariff), "0.3/0.3");
}

const v1::Tariff& Steps() {
  static const auto* const tariff = new v1::Tariff(Read(absl::StrCat(
      Element(
          Component("TIME", "1.20", "", 1800) + "," + Component("PARKING_TIME", "1.00", "", 900),
          R"("start_time":"00:00","end_time":"17:00")"),
      ",",
      Element(Component("TIME", "2.40", "", 900) + "," + Component("PARKING_TIME", "1.00", "", 900),
              R"("start_time":"17:00","end_time":"20:00")"),
      ",",
      Element(Component("TIME", "2.40", "", 900), R"("start_time":"20:00","end_time":"00:00")"))));
  return *tariff;
}

TEST(Specification, ParkingTakesTheStepIfThereIsAny) {
  // 5 min at 1.20, 5 at 2.40, 2 as 15 at 1.00.
  EXPECT_EQ(Total(On("2026-01-05T16:55:00Z").Charge(10, 0).Park(2), Steps()), "0.55/0.55");
}

TEST(Specification, TheLastPriceTakesWhatTheStepAdds) {
  // 25 min at 1.20, 10 as 20 at 2.40.
  const Bill bill = On("2026-01-05T16:35:00Z").Charge(35, 0).By(Steps());
  EXPECT_EQ(Money(bill.total), "1.3/1.3");
  ASSERT_EQ(bill.periods.size(), 2u);
  EXPECT_EQ(bill.periods[0].volumes[0].billed, 25 * kMinuteNs);
  EXPECT_EQ(bill.periods[1].volumes[0].billed, 20 * kMinuteNs);
}

TEST(Specification, ParkingThatIsFreeTakesNoStep) {
  EXPECT_EQ(Total(On("2026-01-05T19:55:00Z").Charge(10, 0).Park(2), Steps()), "0.6/0.6");
}

TEST(Specification, StepsOfEnergy) {
  const auto cost = [](int64_t uwh, int step) {
    const Bill bill =
        Noon().Charge(60, uwh).By(Read(Element(Component("ENERGY", "0.25", "", step))));
    return ocpi::PlainDecimal(bill.periods[0].volumes[0].billed, 6);
  };
  EXPECT_EQ(cost(115'200'000, 1), "116");
  EXPECT_EQ(cost(101'000'000, 25), "125");
  EXPECT_EQ(cost(1'000'000, 500), "500");
  EXPECT_EQ(cost(115'200'000, 0), "115.2");
}

// Restrictions and their boundaries. Outside of them 0.10, inside 1.00 a kWh.
v1::Tariff Inside(const std::string& restrictions) {
  return Read(absl::StrCat(Element(Component("ENERGY", "1.00", "", 0), restrictions), ",",
                           Element(Component("ENERGY", "0.10", "", 0))));
}

TEST(Restriction, TimeOfDayBeginsOnItsMinuteAndEndsBeforeIt) {
  const v1::Tariff tariff = Inside(R"("start_time":"13:00","end_time":"14:00")");
  EXPECT_EQ(Total(Noon().Charge(60, 60 * kKwh), tariff), "6/6");
  EXPECT_EQ(Total(On("2026-01-05T13:00:00Z").Charge(60, 60 * kKwh), tariff), "60/60");
  EXPECT_EQ(Total(On("2026-01-05T14:00:00Z").Charge(60, 60 * kKwh), tariff), "6/6");
  // Half an hour before, an hour in it, half an hour behind.
  EXPECT_EQ(Total(On("2026-01-05T12:30:00Z").Charge(120, 120 * kKwh), tariff), "66/66");
}

TEST(Restriction, TimeOfDayAcrossMidnight) {
  const v1::Tariff tariff = Inside(R"("start_time":"22:00","end_time":"06:00")");
  EXPECT_EQ(Total(On("2026-01-05T21:00:00Z").Charge(600, 600 * kKwh), tariff), "492/492");
}

TEST(Restriction, ZeroOClockAsAnEndIsTheEndOfTheDay) {
  const v1::Tariff tariff = Inside(R"("start_time":"23:00","end_time":"00:00")");
  EXPECT_EQ(Total(On("2026-01-05T22:00:00Z").Charge(180, 180 * kKwh), tariff), "72/72");
}

TEST(Restriction, DatesAreLocalAndTheEndIsExclusive) {
  const v1::Tariff tariff = Inside(R"("start_date":"2026-03-01","end_date":"2026-03-02")");
  // 2026-03-01 in Tokyo is from 15:00Z on the day before to 15:00Z.
  EXPECT_EQ(Total(On("2026-02-28T14:00:00Z").Charge(1560, 1560 * kKwh).In("Asia/Tokyo"), tariff),
            "1452/1452");
}

TEST(Restriction, DaysOfTheWeekBeginAtLocalMidnight) {
  const v1::Tariff tariff = Inside(R"("day_of_week":["SUNDAY"])");
  // Sunday 2026-01-11 in Amsterdam begins at 23:00Z on Saturday.
  EXPECT_EQ(
      Total(On("2026-01-10T22:00:00Z").Charge(120, 120 * kKwh).In("Europe/Amsterdam"), tariff),
      "66/66");
}

TEST(Restriction, EnergyBeginsAtTheMinimumAndEndsBeforeTheMaximum) {
  const v1::Tariff tariff = Inside(R"("min_kwh":10,"max_kwh":30)");
  EXPECT_EQ(Total(Noon().Charge(60, 40 * kKwh), tariff), "22/22");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh), tariff), "1/1");
  EXPECT_EQ(Total(Noon().Charge(30, 10 * kKwh).Charge(30, 20 * kKwh), tariff), "21/21");
}

TEST(Restriction, DurationBeginsAtTheMinimumAndEndsBeforeTheMaximum) {
  const v1::Tariff tariff = Inside(R"("min_duration":1800,"max_duration":3600)");
  EXPECT_EQ(Total(Noon().Charge(90, 90 * kKwh), tariff), "36/36");
}

TEST(Restriction, PowerIsInclusiveBelowAndExclusiveAbove) {
  const v1::Tariff tariff = Inside(R"("min_power":11,"max_power":22)");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh, 10), tariff), "1/1");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh, 11), tariff), "10/10");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh, 22), tariff), "1/1");
}

TEST(Restriction, CurrentThatIsUnknownRestrictsAndIsTold) {
  const v1::Tariff tariff = Inside(R"("min_current":16)");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh, 11, 16), tariff), "10/10");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh, 11, 15), tariff), "1/1");
  const Bill bill = Noon().Charge(60, 10 * kKwh).By(tariff);
  EXPECT_EQ(Money(bill.total), "1/1");
  EXPECT_TRUE(bill.unknown_current);
}

TEST(Restriction, AllThatArePresentMustHold) {
  const v1::Tariff tariff = Inside(R"("start_time":"12:00","end_time":"13:00","min_kwh":30)");
  EXPECT_EQ(Total(Noon().Charge(120, 120 * kKwh), tariff), "39/39");
}

TEST(Restriction, ADimensionThatNoElementPricesIsFree) {
  const v1::Tariff tariff =
      Read(Element(Component("ENERGY", "1.00", "", 0), R"("day_of_week":["TUESDAY"])"));
  const Bill bill = Noon().Charge(60, 10 * kKwh).By(tariff);
  EXPECT_EQ(Money(bill.total), "0/0");
  EXPECT_EQ(bill.periods[0].volumes[0].element, -1);
}

TEST(Restriction, TheFirstElementThatHasTheDimensionCounts) {
  const v1::Tariff tariff = Read(absl::StrCat(
      Element(Component("TIME", "6.00", "", 0), R"("max_duration":1800)"), ",",
      Element(Component("ENERGY", "0.10", "", 0) + "," + Component("TIME", "1.20", "", 0)), ",",
      Element(Component("ENERGY", "9.00", "", 0))));
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh), tariff), "4.6/4.6");
}

TEST(Restriction, AFlatFeeIsDueOnceWhenItComesIntoForce) {
  const v1::Tariff tariff =
      Read(absl::StrCat(Element(Component("FLAT", "5.00", "", 1), R"("min_duration":7200)"), ",",
                        Element(Component("ENERGY", "0.10", "", 0))));
  EXPECT_EQ(Total(Noon().Charge(120, 10 * kKwh), tariff), "1/1");
  const Bill bill = Noon().Charge(121, 10 * kKwh).By(tariff);
  EXPECT_EQ(Money(bill.total), "6/6");
  EXPECT_EQ(bill.periods.back().start_us, At("2026-01-05T14:00:00Z"));
}

// Days of 23 and of 25 hours. 22:00 to 06:00 is dear.
TEST(LocalTime, TheNightOfSpringIsAnHourShorter) {
  const v1::Tariff tariff = Inside(R"("start_time":"22:00","end_time":"06:00")");
  // From noon to noon, 23 hours: 7 of them dear.
  EXPECT_EQ(
      Total(On("2026-03-28T11:00:00Z").Charge(23 * 60, 1380 * kKwh).In("Europe/Amsterdam"), tariff),
      "516/516");
}

TEST(LocalTime, TheNightOfAutumnIsAnHourLonger) {
  const v1::Tariff tariff = Inside(R"("start_time":"22:00","end_time":"06:00")");
  // From noon to noon, 25 hours: 9 of them dear.
  EXPECT_EQ(
      Total(On("2026-10-24T10:00:00Z").Charge(25 * 60, 1500 * kKwh).In("Europe/Amsterdam"), tariff),
      "636/636");
}

TEST(LocalTime, TheHourThatThereIsTwiceIsInForceTwice) {
  const v1::Tariff tariff = Inside(R"("start_time":"02:00","end_time":"03:00")");
  EXPECT_EQ(
      Total(On("2026-10-24T22:00:00Z").Charge(300, 300 * kKwh).In("Europe/Amsterdam"), tariff),
      "138/138");
}

TEST(LocalTime, TheHourThatThereIsNotIsNeverInForce) {
  const v1::Tariff tariff = Inside(R"("start_time":"02:00","end_time":"03:00")");
  EXPECT_EQ(
      Total(On("2026-03-29T00:00:00Z").Charge(120, 120 * kKwh).In("Europe/Amsterdam"), tariff),
      "12/12");
}

TEST(LocalTime, OffsetsOfHalfAnHour) {
  const v1::Tariff tariff = Inside(R"("start_time":"18:00","end_time":"19:00")");
  // 18:00 in Kolkata is 12:30Z.
  const Bill bill = Noon().Charge(120, 120 * kKwh).In("Asia/Kolkata").By(tariff);
  EXPECT_EQ(Money(bill.total), "66/66");
  EXPECT_EQ(bill.periods[1].start_us, At("2026-01-05T12:30:00Z"));
}

TEST(Taxes, EachRateIsALineAndTheyAddUp) {
  const v1::Tariff tariff = Read(Element(kStart + "," + Component("ENERGY", "0.333", "5.5", 0) +
                                         "," + Component("TIME", "0.10", "", 0)));
  const Bill bill = Noon().Charge(60, 7 * kKwh).By(tariff);
  // 2.331 is 2.33, with 5.5 % 2.459205 is 2.46; 0.50 and 0.60; 0.10 without VAT.
  EXPECT_EQ(Money(bill.total), "2.93/3.16");
  EXPECT_EQ(bill.taxes,
            (std::vector<TaxLine>{
                {std::nullopt, 1'000, 0}, {55'000, 23'300, 1'300}, {200'000, 5'000, 1'000}}));
}

TEST(Taxes, PricesThatIncludeTaxAreTakenApart) {
  const v1::Tariff tariff =
      Read(Element(Component("ENERGY", "0.605", "21", 1)), R"("tax_included":"YES",)");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh), tariff), "5/6.05");
}

TEST(Taxes, ALimitSharesTheTaxAmongTheRates) {
  const v1::Tariff tariff =
      Read(Element(kStart + "," + kEnergy), R"("max_price":{"excl_vat":10.00,"incl_vat":11.00},)");
  const Bill bill = Noon().Charge(60, 50 * kKwh).By(tariff);
  int64_t net = 0, tax = 0;
  for (const TaxLine& line : bill.taxes) net += line.excl_e4, tax += line.tax_e4;
  EXPECT_EQ(net, 100'000);
  EXPECT_EQ(tax, 10'000);
}

TEST(Rounding, EachCurrencyHasItsOwnDecimals) {
  v1::Tariff tariff = Read(Element(Component("ENERGY", "30.555", "10", 0)));
  tariff.set_currency("JPY");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh), tariff), "306/336");
  tariff.set_currency("KWD");
  EXPECT_EQ(Total(Noon().Charge(60, 10 * kKwh / 100), tariff), "3.056/3.361");
}

TEST(Rounding, HalfOfTheSmallestCoinIsRoundedAway) {
  const v1::Tariff tariff = Read(Element(Component("ENERGY", "0.005", "", 0)));
  EXPECT_EQ(Total(Noon().Charge(60, kKwh), tariff), "0.01/0.01");
  EXPECT_EQ(Total(Noon().Charge(60, kKwh - 1), tariff), "0/0");
}

TEST(Rounding, TimesWrittenWithFourDecimalsBeginNoStepForWhatWasRoundedUp) {
  const v1::Tariff tariff = Read(Element(Component("TIME", "6.00", "", 600)));
  auto pricer = Pricer::Create(tariff);
  // 0.1667 h is 600.12 s, and was 600.
  Stretch stretch{0, 600'000'000};
  stretch.time_ns = 600'120'000'000;
  EXPECT_EQ(Money(pricer->Price({stretch}, {})->total), "2/2");
  stretch.slack_ns = 180'000'000;
  EXPECT_EQ(Money(pricer->Price({stretch}, {})->total), "1/1");
}

TEST(Bounds, ACostThatDoesNotFitIsAnError) {
  auto pricer = Pricer::Create(Read(Element(Component("ENERGY", "900000000", "20", 0))));
  Stretch stretch{0, kMinuteUs, std::numeric_limits<int64_t>::max() / 2};
  EXPECT_EQ(pricer->Price({stretch}, {}).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Bounds, FiguresThatAreAbsurdAreRefusedAndOverflowNothing) {
  v1::Tariff good = Read(Element(Component("ENERGY", "1", "", 0)));
  EXPECT_TRUE(Pricer::Create(good).ok());
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const auto refused = [&](auto change) {
    v1::Tariff bad = good;
    change(bad, *bad.mutable_elements(0)->mutable_price_components(0),
           *bad.mutable_elements(0)->mutable_restrictions());
    EXPECT_EQ(Pricer::Create(bad).status().code(), absl::StatusCode::kInvalidArgument);
  };
  refused([](auto&, auto& component, auto&) { component.set_price_e9(kMost); });
  refused([](auto&, auto& component, auto&) { component.set_price_e9(-1); });
  refused([](auto&, auto& component, auto&) { component.set_vat_e4(-1); });
  refused([](auto&, auto& component, auto&) { component.set_step_size(-1); });
  refused([](auto&, auto&, auto& r) { r.set_start_minute(1'440); });
  refused([](auto&, auto&, auto& r) { r.set_min_duration_s(kMost); });
  refused([](auto&, auto&, auto& r) { r.set_max_uwh(kMost); });
  refused([](auto& tariff, auto&, auto&) { tariff.mutable_min_price()->set_excl_vat_e4(kMost); });
  refused([](auto& tariff, auto&, auto&) { tariff.set_currency("???"); });
  Stretch stretch{0, kMinuteUs};
  stretch.time_ns = stretch.parking_ns = kMost;
  EXPECT_EQ(Pricer::Create(good)->Price({stretch, stretch}, {}).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(Bounds, ASessionOfAThousandYearsEnds) {
  auto pricer = Pricer::Create(Inside(R"("start_time":"13:00","end_time":"14:00")"));
  Stretch stretch{0, int64_t{1000} * 366 * 86'400 * 1'000'000, kKwh};
  EXPECT_EQ(pricer->Price({stretch}, {}).status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace chargeledger::projections
