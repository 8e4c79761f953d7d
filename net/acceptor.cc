#include "net/acceptor.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace chargeledger::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

// Between two tries after the system refused one.
constexpr auto kWait = std::chrono::milliseconds(100);
// How many of those who wait are answered per try while there is no descriptor.
constexpr int kAnsweredPerTry = 16;
// Who is turned away has this long to take the answer, and may send this much meanwhile: a
// connection that is closed while bytes arrive is reset, and its peer may never see the answer.
constexpr auto kFarewell = std::chrono::seconds(1);
constexpr size_t kFarewellBytes = 64 << 10;
// Connections that are being turned away at one time; beyond, they are closed without patience.
constexpr int kMostFarewells = 16;

std::string Response(absl::string_view reason) {
  return absl::StrCat(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: ",
      reason.size() + 1, "\r\nRetry-After: 10\r\nConnection: close\r\n\r\n", reason, "\n");
}

// Answers at once with what the socket's buffer takes, and closes.
void TurnAwayNow(tcp::socket& socket, absl::string_view reason) {
  Error ignored;
  socket.non_blocking(true, ignored);
  const std::string response = Response(reason);
  socket.write_some(asio::buffer(response), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 4096> sink;
  socket.read_some(asio::buffer(sink), ignored);
  socket.close(ignored);
}

// A connection on its way out: the answer, then whatever the peer sends until it hangs up.
class Farewell final : public std::enable_shared_from_this<Farewell> {
 public:
  Farewell(tcp::socket socket, absl::string_view reason, std::shared_ptr<int> count)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        response_(Response(reason)),
        count_(std::move(count)) {
    ++*count_;
  }
  ~Farewell() { --*count_; }

  void Start() {
    timer_.expires_after(kFarewell);
    timer_.async_wait([self = shared_from_this()](Error) {
      Error ignored;
      self->socket_.close(ignored);
    });
    asio::async_write(socket_, asio::buffer(response_),
                      [self = shared_from_this()](Error error, size_t) {
                        Error ignored;
                        self->socket_.shutdown(tcp::socket::shutdown_send, ignored);
                        error ? self->End() : self->Read();
                      });
  }

 private:
  void Read() {
    socket_.async_read_some(asio::buffer(sink_),
                            [self = shared_from_this()](Error error, size_t count) {
                              self->read_ += count;
                              error || self->read_ > kFarewellBytes ? self->End() : self->Read();
                            });
  }

  void End() { timer_.cancel(); }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const std::string response_;
  const std::shared_ptr<int> count_;
  std::array<char, 4096> sink_;
  size_t read_ = 0;
};

}  // namespace

std::string PeerAddress(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  if (v6.is_loopback()) return v6.to_string();
  asio::ip::address_v6::bytes_type bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return absl::StrCat(asio::ip::address_v6(bytes).to_string(), "/64");
}

// Who is there, and what was counted. Thread-safe.
class Admission::Register {
 public:
  explicit Register(const AcceptorOptions& options) : options_(options) {}

  // Whether one more of this peer may be there; then it is.
  bool Enter(const std::string& peer, bool loopback, Turned& why) {
    absl::MutexLock lock(&mutex_);
    if (stats_.open >= options_.max_connections) {
      ++stats_.too_many;
      why = Turned::kTooMany;
      return false;
    }
    size_t& of_peer = of_peer_[peer];
    if (of_peer >= options_.max_per_address && !(loopback && options_.loopback_exempt)) {
      if (of_peer == 0) of_peer_.erase(peer);
      ++stats_.too_many_of_address;
      why = Turned::kTooManyOfAddress;
      return false;
    }
    ++of_peer;
    ++stats_.open;
    ++stats_.accepted;
    return true;
  }

  void Leave(const std::string& peer) {
    absl::MutexLock lock(&mutex_);
    --stats_.open;
    if (auto found = of_peer_.find(peer); --found->second == 0) of_peer_.erase(found);
  }

  void NoDescriptor() {
    absl::MutexLock lock(&mutex_);
    ++stats_.no_descriptor;
  }

  void Failed() {
    absl::MutexLock lock(&mutex_);
    ++stats_.failed;
  }

  AcceptorStats stats() const {
    absl::MutexLock lock(&mutex_);
    return stats_;
  }

 private:
  const AcceptorOptions options_;
  mutable absl::Mutex mutex_;
  AcceptorStats stats_ ABSL_GUARDED_BY(mutex_);
  // Only of those who are there: as many as connections at most.
  std::map<std::string, size_t> of_peer_ ABSL_GUARDED_BY(mutex_);
};

Admission::Admission(std::shared_ptr<Register> where, std::string peer)
    : register_(std::move(where)), peer_(std::move(peer)) {}

Admission& Admission::operator=(Admission&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  register_ = std::move(other.register_);
  peer_ = std::move(other.peer_);
  return *this;
}

Admission::~Admission() { Leave(); }

void Admission::Leave() {
  if (register_ != nullptr) register_->Leave(peer_);
  register_.reset();
}

// Outlives the acceptor as long as a handler of it is queued.
class Acceptor::Loop final : public std::enable_shared_from_this<Loop> {
 public:
  Loop(asio::io_context& io, const AcceptorOptions& options)
      : options_(options),
        register_(std::make_shared<Admission::Register>(options)),
        io_(io),
        acceptor_(io),
        retry_(io) {}
  ~Loop() { GiveReserve(); }

  // Port in use.
  absl::StatusOr<uint16_t> Open(const core::Address& address) {
    Error error;
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(address.host, absl::StrCat(address.port), tcp::resolver::passive, error);
    if (!error) {
      const tcp::endpoint local = found.begin()->endpoint();
      acceptor_.open(local.protocol(), error);
      if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
      if (!error) acceptor_.bind(local, error);
      if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
      if (!error) acceptor_.non_blocking(true, error);
    }
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address.ToText(), ": ", error.message(),
                       "; is the port in use, and the host one of this machine?"));
    }
    return acceptor_.local_endpoint(error).port();
  }

  void Start(OnAccepted on_accepted, OnTurned on_turned) {
    on_accepted_ = std::move(on_accepted);
    on_turned_ = std::move(on_turned);
    TakeReserve();
    Accept();
  }

  void Close() {
    Error ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    GiveReserve();
  }

  AcceptorStats stats() const { return register_->stats(); }

 private:
  void Accept() {
    acceptor_.async_accept([self = shared_from_this()](Error error, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (error) return self->OnFailed(error);
      self->out_of_descriptors_ = false;
      self->OnSocket(std::move(socket));
      if (self->acceptor_.is_open()) self->Accept();
    });
  }

  void OnSocket(tcp::socket socket) {
    Error error;
    const asio::ip::address remote = socket.remote_endpoint(error).address();
    // It has gone already.
    if (error) return;
    std::string peer = PeerAddress(remote);
    const auto descriptor = static_cast<uint64_t>(socket.native_handle());
    if (descriptor >= core::FirstReservedDescriptor(options_.reserved_descriptors)) {
      return TurnAway(std::move(socket), peer, Turned::kNoDescriptor);
    }
    Turned why = Turned::kTooMany;
    if (!register_->Enter(peer, remote.is_loopback(), why))
      return TurnAway(std::move(socket), peer, why);
    Admission admission(register_, std::move(peer));
    on_accepted_(std::move(socket), std::move(admission));
  }

  std::string ReasonOf(Turned why) const {
    switch (why) {
      case Turned::kTooMany:
        return absl::StrCat("more than ", options_.max_connections,
                            " connections; come back later");
      case Turned::kTooManyOfAddress:
        return absl::StrCat("more than ", options_.max_per_address,
                            " connections of one address; close one before you open another");
      case Turned::kNoDescriptor:
        break;
    }
    return "no file descriptor is free for another connection; come back later";
  }

  void TurnAway(tcp::socket socket, const std::string& peer, Turned why) {
    if (why == Turned::kNoDescriptor) register_->NoDescriptor();
    // Without a descriptor to spare, patience would cost one.
    if (why != Turned::kNoDescriptor && *farewells_ < kMostFarewells) {
      std::make_shared<Farewell>(std::move(socket), ReasonOf(why), farewells_)->Start();
    } else {
      TurnAwayNow(socket, ReasonOf(why));
    }
    if (on_turned_) on_turned_(peer, why);
  }

  void OnFailed(const Error& error) {
    register_->Failed();
    // Once for each time that they are used up, or a flood would fill the disk with this line.
    if (!out_of_descriptors_) spdlog::error("cannot accept a connection: {}", error.message());
    out_of_descriptors_ = true;
    if (error == asio::error::no_descriptors ||
        error == boost::system::errc::too_many_files_open_in_system) {
      AnswerFromReserve();
    }
    if (!acceptor_.is_open()) return;
    retry_.expires_after(kWait);
    retry_.async_wait([self = shared_from_this()](Error cancelled) {
      if (cancelled || !self->acceptor_.is_open()) return;
      self->TakeReserve();
      self->Accept();
    });
  }

  // One after the other through the one descriptor that was kept for this.
  void AnswerFromReserve() {
    for (int i = 0; i < kAnsweredPerTry && acceptor_.is_open(); ++i) {
      GiveReserve();
      Error error;
      tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error) break;
      TakeReserve();
      // There is a descriptor for both again.
      if (reserve_ >= 0) {
        OnSocket(std::move(socket));
        continue;
      }
      const asio::ip::address remote = socket.remote_endpoint(error).address();
      TurnAway(std::move(socket), PeerAddress(remote), Turned::kNoDescriptor);
    }
    if (acceptor_.is_open()) TakeReserve();
  }

  void TakeReserve() {
    if (reserve_ < 0) reserve_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  void GiveReserve() {
    if (reserve_ >= 0) close(reserve_);
    reserve_ = -1;
  }

  const AcceptorOptions options_;
  const std::shared_ptr<Admission::Register> register_;
  asio::io_context& io_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  OnAccepted on_accepted_;
  OnTurned on_turned_;
  const std::shared_ptr<int> farewells_ = std::make_shared<int>(0);
  int reserve_ = -1;
  bool out_of_descriptors_ = false;
};

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(asio::io_context& io,
                                                           const core::Address& address,
                                                           const AcceptorOptions& options) {
  auto loop = std::make_shared<Loop>(io, options);
  auto port = loop->Open(address);
  if (!port.ok()) return port.status();
  return std::unique_ptr<Acceptor>(
      new Acceptor(std::move(loop), core::Address{address.host, *port}));
}

Acceptor::Acceptor(std::shared_ptr<Loop> loop, core::Address address)
    : loop_(std::move(loop)), address_(std::move(address)) {}

Acceptor::~Acceptor() { Close(); }

void Acceptor::Start(OnAccepted on_accepted, OnTurned on_turned) {
  loop_->Start(std::move(on_accepted), std::move(on_turned));
}

void Acceptor::Close() { loop_->Close(); }

AcceptorStats Acceptor::stats() const { return loop_->stats(); }

}  // namespace chargeledger::net
