// Which handler answers an HTTP request: everything but the socket. Not thread-safe while routes
// are added.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace chargeledger::net {

struct HttpRequest {
  std::string method;
  // Path and query, as sent: the path is not unescaped.
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // As net::PeerAddress.
  std::string peer;

  absl::string_view path() const;
  // The first header of that name in any case; empty if there is none.
  absl::string_view Header(absl::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

class HttpRouter {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // A path that ends in `/` is for all below it, any other for itself alone; the longest that fits
  // is taken. A handler of GET answers HEAD as well.
  void Add(const std::string& method, const std::string& path, Handler handler);

  // 404 where no path fits, 405 with Allow where the method does not.
  HttpResponse Answer(const HttpRequest& request) const;

 private:
  using Methods = std::map<std::string, Handler>;

  const Methods* Find(absl::string_view path) const;

  std::map<std::string, Methods, std::less<>> routes_;
};

}  // namespace chargeledger::net
