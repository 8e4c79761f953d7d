// Who we are in OCPI, and with whom we roam: a JSON file, since it has secrets and no log should.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chargeledger::server {

struct Partner {
  std::string country_code;
  std::string party_id;
  // What we show to them, and they to us; as it was agreed, not encoded.
  std::string token;
  std::string their_token;
  // Their receiver endpoints; empty: nothing of that kind is sent.
  std::string sessions_url;
  std::string cdrs_url;

  // NL-TNM
  std::string name() const { return country_code + "-" + party_id; }
};

struct Partners {
  std::string country_code;
  std::string party_id;
  std::vector<Partner> all;

  // Null if there is none of that name.
  const Partner* Find(const std::string& country_code, const std::string& party_id) const;
  // By the token that a request shows, encoded in base64 (2.2.1) or not.
  const Partner* FindByToken(const std::string& shown) const;
};

// INVALID_ARGUMENT names the file, the JSON path and what is wrong:
//   {"country_code": "NL", "party_id": "ABC", "partners": [{"country_code": "NL", "party_id":
//   "TNM",
//    "token": "...", "their_token": "...", "sessions_url": "https://...", "cdrs_url":
//    "https://..."}]}
absl::StatusOr<Partners> ReadPartners(const std::string& path);

}  // namespace chargeledger::server
