#include "edge-agent/waiting_room.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <system_error>
#include <thread>

#include "core/check.h"
#include "core/process/disk_space.h"
#include "edge-agent/endpoint/endpoint.h"
#include "edge-agent/endpoint/unrecorded_site.h"

namespace chargeledger::edge_agent {
namespace {

// How often it is tried whether there is space.
constexpr int64_t kTryEveryMs = 500;

}  // namespace

absl::StatusOr<Waited> WaitForSpace(core::Clock& clock, const AgentOptions& options,
                                    int64_t from_us, uint64_t bytes,
                                    absl::FunctionRef<void(const core::Address&)> listening) {
  boost::asio::io_context io;
  UnrecordedSite site(io, clock, options.answer_unrecorded, options.heartbeat_interval_s);
  CL_ASSIGN_OR_RETURN(auto endpoint,
                      Endpoint::Listen(io, site, clock, options.listen, options.endpoint));
  listening(endpoint->address());
  spdlog::error("nothing can be recorded: the disk of {} is full; charge points are {}",
                options.data_dir,
                options.answer_unrecorded ? "answered WITHOUT A RECORD" : "turned away with 503");
  std::thread io_thread([&] { io.run(); });
  Waited waited;
  // Of a first start not even the directory may be there.
  const auto has_space = [&] {
    std::error_code error;
    std::filesystem::create_directories(options.data_dir, error);
    return core::HasSpace(options.data_dir, bytes);
  };
  while (!has_space()) {
    waited.ending = core::WaitForEnding(kTryEveryMs);
    if (waited.ending.has_value()) break;
  }
  io.stop();
  io_thread.join();
  waited.gap = site.gap();
  waited.gap.set_from_us(from_us);
  waited.gap.set_to_us(clock.WallMicros());
  waited.gap.set_reason("the disk was full");
  return waited;
}

}  // namespace chargeledger::edge_agent
