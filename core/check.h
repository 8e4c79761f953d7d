// CL_CHECK(condition, "what must hold"): ends the process on a bug of ours. Never for bytes from
// disk, network or configuration: those are absl::Status.
#pragma once

namespace chargeledger::core {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const char* message);

}  // namespace chargeledger::core

#define CL_CHECK(condition, message)                                              \
  do {                                                                            \
    if (!(condition)) [[unlikely]]                                                \
      ::chargeledger::core::CheckFailed(__FILE__, __LINE__, #condition, message); \
  } while (false)

// Hands an error status on to the caller.
#define CL_RETURN_IF_ERROR(expression)                                            \
  do {                                                                            \
    if (absl::Status cl_status = (expression); !cl_status.ok()) return cl_status; \
  } while (false)

#define CL_CONCAT_INNER(a, b) a##b
#define CL_CONCAT(a, b) CL_CONCAT_INNER(a, b)

// Declares `left` from a StatusOr, or hands its error on to the caller.
#define CL_ASSIGN_OR_RETURN(left, expression) \
  CL_ASSIGN_OR_RETURN_IMPL(CL_CONCAT(cl_result_, __LINE__), left, expression)
#define CL_ASSIGN_OR_RETURN_IMPL(result, left, expression) \
  auto result = (expression);                              \
  if (!result.ok()) return result.status();                \
  left = *std::move(result)
