// One listening TCP socket and its accept loop: the only one of the project, with bounds on
// strangers.
//
// Belongs to the thread of its io_context, but for stats() and Admission, which are thread-safe.
//
// 1. At most `max_connections` are open at one time, and `max_per_address` of one address. The next
// one gets an HTTP
//    503 and the end.
// 2. A connection never takes one of the descriptors in reserve: it gets the 503 as well.
// 3. When the process or the system has no descriptor left, a descriptor that the acceptor holds
// for this answers
//    those who wait, some at a time; between two tries it waits, and never spins.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/process/address.h"
#include "net/bounds.h"

namespace chargeledger::net {

// Who a peer is for bounds: an IPv4 address (also when mapped into IPv6), or the /64 of an IPv6
// address, since one host has all of it.
std::string PeerAddress(const boost::asio::ip::address& address);

// One connection's place among those that are counted; given back when this is destroyed.
class Admission {
 public:
  class Register;

  Admission() = default;
  Admission(std::shared_ptr<Register> where, std::string peer);
  Admission(Admission&& other) noexcept = default;
  Admission& operator=(Admission&& other) noexcept;
  ~Admission();

  // As PeerAddress.
  const std::string& peer() const { return peer_; }

 private:
  void Leave();

  std::shared_ptr<Register> register_;
  std::string peer_;
};

class Acceptor {
 public:
  // The admission lives as long as the connection.
  using OnAccepted = std::function<void(boost::asio::ip::tcp::socket, Admission)>;
  using OnTurned = std::function<void(const std::string& peer, Turned why)>;

  // Listens, and accepts nothing yet; what comes waits in the backlog. UNAVAILABLE names an address
  // that cannot be listened on. `io` outlives the acceptor, and has one thread.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(boost::asio::io_context& io,
                                                          const core::Address& address,
                                                          const AcceptorOptions& options);
  ~Acceptor();

  // Once. Neither is called after Close or the end of the acceptor. `on_turned` may be empty.
  void Start(OnAccepted on_accepted, OnTurned on_turned = nullptr);
  // Takes no more connections; those there are stay.
  void Close();

  // The host as asked for, with the port that the system chose for port 0.
  const core::Address& address() const { return address_; }
  AcceptorStats stats() const;

 private:
  class Loop;

  Acceptor(std::shared_ptr<Loop> loop, core::Address address);

  const std::shared_ptr<Loop> loop_;
  const core::Address address_;
};

}  // namespace chargeledger::net
