// A charge point's WebSocket: connects, carries frames, and connects again after every loss with a
// growing pause. Belongs to the thread that runs the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <functional>
#include <memory>
#include <string>

#include "tools/chargesim/random.h"
#include "tools/chargesim/speaker.h"

namespace chargeledger::chargesim {

// ws://host:port/path
struct Url {
  std::string host;
  std::string port;
  std::string path;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // All outlive the connection. `now_us` is the simulated time.
  Connection(boost::asio::io_context& io, Speaker& charge_point, Url url,
             std::function<int64_t()> now_us, uint64_t seed);

  void Start() { Connect(); }
  // Lets time pass, and sends what has come of it.
  void Tick();
  // Closes properly and does not connect again.
  void Close();
  bool connected() const { return ws_ != nullptr && open_; }

 private:
  using Error = boost::system::error_code;
  using Stream = boost::beast::websocket::stream<boost::beast::tcp_stream>;

  void Connect();
  void Handshake();
  void Read();
  void Pump();
  void Lost();

  boost::asio::io_context& io_;
  Speaker& charge_point_;
  const Url url_;
  const std::function<int64_t()> now_us_;
  Random random_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer pause_;
  // Runs while an answer is awaited.
  boost::asio::steady_timer call_timeout_;
  std::shared_ptr<Stream> ws_;
  boost::beast::flat_buffer buffer_;
  std::string frame_;
  bool open_ = false;
  bool writing_ = false;
  bool closed_ = false;
  int failures_ = 0;
};

}  // namespace chargeledger::chargesim
