// What the schemas of ocpp/ say: reads `protocol TAB action TAB request|response TAB payload` a
// line, writes "valid", or what is wrong, a line.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "ocpp/schema.h"

namespace ocpp = chargeledger::ocpp;

namespace {

std::string Judge(ocpp::PayloadReader& reader, const std::string& line) {
  const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits('\t', 3));
  if (parts.size() != 4) return "no such line";
  const auto schemas = parts[0] == "ocpp1.6"     ? ocpp::SchemasOf16()
                       : parts[0] == "ocpp2.0.1" ? ocpp::SchemasOf201()
                                                 : ocpp::SchemasOf21();
  const ocpp::Schema* schema = ocpp::FindSchema(schemas, parts[1]);
  if (schema == nullptr) return "no such action";
  std::optional<ocpp::Violation> violation;
  const absl::Status status =
      (parts[2] == "request" ? schema->request : schema->response)(reader, parts[3], violation);
  if (!status.ok()) return status.ToString();
  return violation.has_value() ? violation->ToText() : "valid";
}

}  // namespace

int main() {
  ocpp::PayloadReader reader;
  std::string line;
  while (std::getline(std::cin, line)) std::cout << Judge(reader, line) << "\n";
  return 0;
}
