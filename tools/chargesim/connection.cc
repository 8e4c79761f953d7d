#include "tools/chargesim/connection.h"

#include <algorithm>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <utility>

namespace chargeledger::chargesim {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {

constexpr std::chrono::seconds kConnectTimeout(5);
constexpr std::chrono::seconds kCallTimeout(30);

}  // namespace

Connection::Connection(asio::io_context& io, Speaker& charge_point, Url url,
                       std::function<int64_t()> now_us, uint64_t seed)
    : io_(io),
      charge_point_(charge_point),
      url_(std::move(url)),
      now_us_(std::move(now_us)),
      random_(seed),
      resolver_(io),
      pause_(io),
      call_timeout_(io) {}

void Connection::Connect() {
  if (closed_) return;
  ws_ = std::make_shared<Stream>(io_);
  auto self = shared_from_this();
  resolver_.async_resolve(url_.host, url_.port, [self, ws = ws_](Error error, auto found) {
    if (error) return self->Lost();
    ws->next_layer().expires_after(kConnectTimeout);
    ws->next_layer().async_connect(found, [self, ws](Error failed, const auto&) {
      if (failed || ws != self->ws_) return self->Lost();
      self->Handshake();
    });
  });
}

void Connection::Handshake() {
  ws_->next_layer().expires_never();
  ws_->set_option(websocket::stream_base::timeout{kConnectTimeout, std::chrono::seconds(60), true});
  const std::string subprotocol = charge_point_.subprotocol();
  ws_->set_option(
      websocket::stream_base::decorator([subprotocol](websocket::request_type& request) {
        request.set(beast::http::field::sec_websocket_protocol, subprotocol);
        request.set(beast::http::field::user_agent, "chargesim");
      }));
  ws_->async_handshake(url_.host + ":" + url_.port, url_.path + "/" + charge_point_.id(),
                       [self = shared_from_this(), ws = ws_](Error error) {
                         if (error || ws != self->ws_) return self->Lost();
                         self->open_ = true;
                         self->failures_ = 0;
                         self->charge_point_.Advance(self->now_us_());
                         self->charge_point_.OnConnected();
                         self->Read();
                         self->Pump();
                       });
}

void Connection::Read() {
  ws_->async_read(buffer_, [self = shared_from_this(), ws = ws_](Error error, size_t) {
    if (ws != self->ws_) return;
    if (error) return self->Lost();
    self->call_timeout_.cancel();
    self->charge_point_.OnMessage(beast::buffers_to_string(self->buffer_.data()));
    self->buffer_.consume(self->buffer_.size());
    self->Read();
    self->Pump();
  });
}

void Connection::Pump() {
  if (!open_ || writing_) return;
  std::optional<std::string> frame = charge_point_.NextFrame();
  if (!frame.has_value()) return;
  frame_ = *std::move(frame);
  writing_ = true;
  call_timeout_.expires_after(kCallTimeout);
  call_timeout_.async_wait([self = shared_from_this()](Error cancelled) {
    if (!cancelled) self->Lost();
  });
  ws_->async_write(asio::buffer(frame_),
                   [self = shared_from_this(), ws = ws_](Error error, size_t) {
                     if (ws != self->ws_) return;
                     self->writing_ = false;
                     if (error) return self->Lost();
                     self->Pump();
                   });
}

void Connection::Tick() {
  charge_point_.Advance(now_us_());
  // The call under way may have reached the other side, or not: that is what a lost network does.
  if (open_ && charge_point_.TakeDrop()) return Lost();
  Pump();
}

void Connection::Lost() {
  if (ws_ == nullptr) return;
  Error ignored;
  ws_->next_layer().socket().close(ignored);
  ws_.reset();
  buffer_.clear();
  call_timeout_.cancel();
  writing_ = false;
  if (std::exchange(open_, false)) charge_point_.OnDisconnected();
  if (closed_) return;
  failures_ = std::min(failures_ + 1, 6);
  const int64_t longest_ms = std::min<int64_t>(5000, int64_t{100} << failures_);
  pause_.expires_after(std::chrono::milliseconds(random_.Between(longest_ms / 2, longest_ms)));
  pause_.async_wait([self = shared_from_this()](Error cancelled) {
    if (!cancelled) self->Connect();
  });
}

void Connection::Close() {
  closed_ = true;
  pause_.cancel();
  resolver_.cancel();
  call_timeout_.cancel();
  if (!open_) return Lost();
  open_ = false;
  ws_->async_close(websocket::close_code::normal, [self = shared_from_this()](Error) {});
}

}  // namespace chargeledger::chargesim
