// Which actions this project reads, by protocol, and whether a payload is what the standard's
// schema asks for.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ocpp/payload_reader.h"

namespace chargeledger::ocpp {

struct Schema {
  using Check = absl::Status (*)(PayloadReader& reader, absl::string_view payload,
                                 std::optional<Violation>& violation);

  const char* action;
  Check request;
  Check response;
};

absl::Span<const Schema> SchemasOf16();
absl::Span<const Schema> SchemasOf201();
absl::Span<const Schema> SchemasOf21();

// The schema of an action, or null.
inline const Schema* FindSchema(absl::Span<const Schema> schemas, absl::string_view action) {
  for (const Schema& schema : schemas) {
    if (action == schema.action) return &schema;
  }
  return nullptr;
}

}  // namespace chargeledger::ocpp
