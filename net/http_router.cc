#include "net/http_router.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace chargeledger::net {

absl::string_view HttpRequest::path() const {
  return absl::string_view(target).substr(0, target.find('?'));
}

absl::string_view HttpRequest::Header(absl::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (absl::EqualsIgnoreCase(header, name)) return value;
  }
  return {};
}

void HttpRouter::Add(const std::string& method, const std::string& path, Handler handler) {
  routes_[path][method] = std::move(handler);
}

const HttpRouter::Methods* HttpRouter::Find(absl::string_view path) const {
  if (auto exact = routes_.find(path); exact != routes_.end()) return &exact->second;
  for (size_t end = path.rfind('/'); end != path.npos; end = path.substr(0, end).rfind('/')) {
    if (auto above = routes_.find(path.substr(0, end + 1)); above != routes_.end())
      return &above->second;
  }
  return nullptr;
}

HttpResponse HttpRouter::Answer(const HttpRequest& request) const {
  const Methods* methods = Find(request.path());
  if (methods == nullptr) {
    return {404,
            HttpResponse().content_type,
            {},
            absl::StrCat("nothing is served at ", request.path(), "\n")};
  }
  auto found = methods->find(request.method == "HEAD" ? "GET" : request.method);
  if (found != methods->end()) return found->second(request);
  const std::string allowed = absl::StrJoin(
      *methods, ", ", [](std::string* out, const auto& method) { *out += method.first; });
  return {405,
          HttpResponse().content_type,
          {{"Allow", allowed}},
          absl::StrCat(request.path(), " is for ", allowed, "\n")};
}

}  // namespace chargeledger::net
