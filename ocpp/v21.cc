#include "ocpp/v21.h"

#include "ocpp/payload_reading.h"
#include "ocpp/schema.h"

namespace chargeledger::ocpp {
namespace {

// clang-format off
#define CHARGELEDGER_ACTIONS(X) \
  X(TransactionEvent)
// clang-format on

template <typename Message>
absl::Status CheckAs(PayloadReader& reader, absl::string_view payload,
                     std::optional<Violation>& violation) {
  Message message;
  return reader.Read(payload, message, violation);
}

constexpr Schema kSchemas[] = {
#define X(action) {#action, CheckAs<v21::action##Request>, CheckAs<v21::action##Response>},
    CHARGELEDGER_ACTIONS(X)
#undef X
};

}  // namespace

#define X(action)                                                                              \
  template absl::Status PayloadReader::ReadAndCheck(absl::string_view, v21::action##Request&,  \
                                                    std::optional<Violation>*);                \
  template absl::Status PayloadReader::ReadAndCheck(absl::string_view, v21::action##Response&, \
                                                    std::optional<Violation>*);
CHARGELEDGER_ACTIONS(X)
#undef X
#undef CHARGELEDGER_ACTIONS

absl::Span<const Schema> SchemasOf21() { return kSchemas; }

}  // namespace chargeledger::ocpp
