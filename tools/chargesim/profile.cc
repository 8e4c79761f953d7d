#include "tools/chargesim/profile.h"

#include <array>

namespace chargeledger::chargesim {

const Profile& ProfileOf(int number) {
  using Time = Profile::Time;
  static const std::array<Profile, 5> kProfiles = {{
      {"Voltwerk", "Wall 22", "3.1.4", 22'000, false, false, true, false, Time::kSeconds, false,
       false},
      {"Amperia", "Post 11", "1.0.9-b2", 11'000, false, true, false, true, Time::kMilliseconds,
       true, false},
      {"Hyperon", "Tower 150", "2024.11.2", 150'000, true, false, false, true, Time::kOffset, false,
       false},
      {"Lumen", "Mini 7", "0.9", 7'400, false, false, false, false, Time::kSeconds, true, true},
      {"Gridline", "Twin 50", "5.2.0", 50'000, true, true, true, false, Time::kMilliseconds, false,
       false},
  }};
  return kProfiles[static_cast<size_t>(number) % kProfiles.size()];
}

}  // namespace chargeledger::chargesim
