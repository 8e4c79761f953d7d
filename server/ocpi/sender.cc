#include "server/ocpi/sender.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/foreign_text.h"
#include "core/sha256.h"
#include "projections/billing/billing.h"
#include "projections/books.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::server {
namespace {

using projections::Books;

// What a partner that did not answer otherwise is asked again after, at the latest.
constexpr absl::Duration kLookEvery = absl::Seconds(1);
// Of a partner's words, in bytes.
constexpr size_t kMostSaid = 200;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// What became of an exchange.
struct Verdict {
  bool taken = false;
  bool for_good = false;
  std::string error;
};

// OCPI answers with a status of its own in the body: 1xxx success, 2xxx the request is wrong, 3xxx
// the receiver has a problem.
Verdict Judge(const absl::StatusOr<HttpResponse>& answer) {
  if (!answer.ok()) return {false, false, std::string(answer.status().message())};
  const int64_t http = answer->status;
  auto json = core::Json::Parse(answer->body);
  const core::Json* code = json.ok() ? json->Find("status_code") : nullptr;
  const core::Json* message = json.ok() ? json->Find("status_message") : nullptr;
  const std::string said = absl::StrCat(
      "HTTP ", http, code == nullptr ? "" : absl::StrCat(", OCPI ", code->text()),
      message == nullptr ? "" : absl::StrCat(": ", core::CutUtf8(message->text(), kMostSaid)));
  if (http >= 200 && http < 300) {
    if (code == nullptr) return {false, false, absl::StrCat(said, ", and no answer of OCPI")};
    const char first = code->text().empty() ? '0' : code->text()[0];
    return {first == '1', first == '2', first == '1' ? "" : said};
  }
  // It has it already.
  if (http == 409) return {true, false, ""};
  // Not allowed, too many, too slow: that may be put right without a change of the object.
  const bool temporary = http == 401 || http == 403 || http == 408 || http == 425 || http == 429;
  return {false, http >= 400 && http < 500 && !temporary, said};
}

// A request's id: the same object sent once more is another request.
std::string RequestId(const v1::OutboxItem& item, const char* what) {
  const core::Hash hash =
      core::Sha256(item.body_sha256(), what, absl::StrCat(item.id(), " ", item.attempts()));
  const std::string hex = hash.ToHex();
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20, 12));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OcpiSender>> OcpiSender::Open(const Around& around) {
  CL_ASSIGN_OR_RETURN(Outbox outbox, Outbox::Open(around.outbox));
  return std::unique_ptr<OcpiSender>(new OcpiSender(around, std::move(outbox)));
}

void OcpiSender::Start() {
  threads_.emplace_back([this] { Feed(); });
  for (const Partner& partner : around_.partners.all) {
    threads_.emplace_back([this, &partner] { Send(partner); });
  }
}

OcpiSender::~OcpiSender() {
  stopping_ = true;
  // Wakes who waits.
  {
    absl::MutexLock lock(&changes_mutex_);
    changes_.clear();
  }
  mutex_.Lock();
  mutex_.Unlock();
  for (std::thread& thread : threads_) thread.join();
}

void OcpiSender::OnChanged(const core::LogId& log_id, size_t part, absl::string_view key) {
  const bool cdr = part == Books::kBilling && key[0] == projections::kCdrKind;
  const bool session = part == Books::kSessions && key[0] == projections::kSessionKind;
  if (!cdr && !session) return;
  absl::MutexLock lock(&changes_mutex_);
  changes_.emplace(log_id, part, std::string(key));
}

bool OcpiSender::HasChanges() const { return stopping_ || !changes_.empty(); }

absl::Status OcpiSender::Offer(const log::Reader& states, const core::LogId& log_id,
                               const v1::Cdr& cdr) {
  const Partner* partner = around_.objects.PartnerOf(cdr);
  if (partner == nullptr || partner->cdrs_url.empty()) return absl::OkStatus();
  // Offered at the next start behind its acceptance.
  if (around_.objects.IsHeld(cdr, log_id)) return absl::OkStatus();
  const auto json = around_.objects.ToJson(cdr, states, log_id);
  if (!json.has_value()) return absl::DataLossError("the tariff of a CDR cannot be read");
  absl::MutexLock lock(&mutex_);
  return outbox_.Offer(partner->name(), v1::OUTBOX_KIND_CDR, cdr.id(), json->ToText(), true,
                       around_.clock.WallMicros());
}

absl::Status OcpiSender::Offer(const v1::Session& session) {
  const Partner* partner = around_.objects.PartnerOf(session);
  if (partner == nullptr || partner->sessions_url.empty()) return absl::OkStatus();
  const core::Json json = around_.objects.ToJson(session);
  absl::MutexLock lock(&mutex_);
  return outbox_.Offer(partner->name(), v1::OUTBOX_KIND_SESSION, session.id(), json.ToText(),
                       session.state() == v1::SESSION_STATE_CLOSED, around_.clock.WallMicros());
}

absl::Status OcpiSender::OfferOne(const log::Reader& states, const Change& change) {
  const auto& [log_id, part, key] = change;
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored,
                      states.Get(projections::StatePrefix(log_id, part) + key));
  if (!stored.has_value()) return absl::OkStatus();
  if (part == Books::kBilling) {
    v1::Cdr cdr;
    return cdr.ParseFromString(*stored) ? Offer(states, log_id, cdr)
                                        : absl::DataLossError("a CDR cannot be read");
  }
  v1::Session session;
  return session.ParseFromString(*stored) ? Offer(session)
                                          : absl::DataLossError("a session cannot be read");
}

absl::Status OcpiSender::OfferAll() {
  const auto states = around_.states.Snapshot();
  for (const HeldLog* held : around_.ledger.logs()) {
    for (const auto& [part, kind] :
         {std::pair<size_t, char>(Books::kSessions, projections::kSessionKind),
          std::pair<size_t, char>(Books::kBilling, projections::kCdrKind)}) {
      const std::string prefix = projections::StatePrefix(held->log_id(), part);
      std::vector<Change> changes;
      CL_RETURN_IF_ERROR(states->Scan(
          prefix + kind, log::AfterPrefix(prefix + kind),
          [&](absl::string_view key, absl::string_view) {
            changes.emplace_back(held->log_id(), part, std::string(key.substr(prefix.size())));
            return !stopping_;
          }));
      for (const Change& change : changes) {
        if (stopping_) return absl::OkStatus();
        const absl::Status status = OfferOne(*states, change);
        if (!absl::IsDataLoss(status)) CL_RETURN_IF_ERROR(status);
        Report(status).IgnoreError();
      }
    }
  }
  return absl::OkStatus();
}

absl::Status OcpiSender::Report(const absl::Status& status) {
  if (status.ok()) return status;
  spdlog::error("OCPI: an object is not sent: {}", status.ToString());
  if (status.code() == absl::StatusCode::kDataLoss) return absl::OkStatus();
  around_.failed(status);
  return status;
}

void OcpiSender::Feed() {
  if (!Report(OfferAll()).ok()) return;
  while (!stopping_) {
    std::set<Change> changes;
    {
      absl::MutexLock lock(&changes_mutex_);
      changes_mutex_.Await(absl::Condition(this, &OcpiSender::HasChanges));
      changes.swap(changes_);
    }
    const auto states = around_.states.Snapshot();
    for (const Change& change : changes) {
      if (stopping_) return;
      if (!Report(OfferOne(*states, change)).ok()) return;
    }
  }
}

HttpRequest OcpiSender::ToRequest(const Partner& partner, const v1::OutboxItem& item) const {
  HttpRequest request;
  const bool cdr = item.kind() == v1::OUTBOX_KIND_CDR;
  request.method = cdr ? "POST" : "PUT";
  request.url = cdr ? partner.cdrs_url
                    : absl::StrCat(partner.sessions_url, "/", around_.partners.country_code, "/",
                                   around_.partners.party_id, "/", item.id());
  request.headers = {"Content-Type: application/json",
                     absl::StrCat("Authorization: Token ", absl::Base64Escape(partner.token)),
                     absl::StrCat("X-Request-ID: ", RequestId(item, "request")),
                     absl::StrCat("X-Correlation-ID: ", RequestId(item, "correlation")),
                     absl::StrCat("OCPI-from-country-code: ", around_.partners.country_code),
                     absl::StrCat("OCPI-from-party-id: ", around_.partners.party_id),
                     absl::StrCat("OCPI-to-country-code: ", partner.country_code),
                     absl::StrCat("OCPI-to-party-id: ", partner.party_id)};
  request.body = item.body();
  return request;
}

void OcpiSender::Send(const Partner& partner) {
  const std::string name = partner.name();
  while (!stopping_) {
    std::optional<v1::OutboxItem> item;
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this, &name]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || outbox_.DueUs(name).value_or(kNever) <= around_.clock.WallMicros();
      };
      mutex_.AwaitWithTimeout(absl::Condition(&due), kLookEvery);
      auto next = outbox_.Next(name, around_.clock.WallMicros());
      if (!next.ok()) return around_.failed(next.status());
      item = *std::move(next);
    }
    if (stopping_ || !item.has_value()) continue;
    const auto answer = Exchange(ToRequest(partner, *item), stopping_);
    if (absl::IsCancelled(answer.status())) return;
    const Verdict verdict = Judge(answer);
    absl::MutexLock lock(&mutex_);
    const int64_t now_us = around_.clock.WallMicros();
    const absl::Status status =
        verdict.taken ? outbox_.Taken(*item, answer.ok() ? answer->location : "", now_us)
                      : outbox_.Failed(*item, verdict.error, verdict.for_good, now_us);
    if (!status.ok()) {
      around_.failed(status);
      return;
    }
    if (!verdict.taken) {
      spdlog::warn("OCPI: {} did not take {}: {}{}", name, item->id(), verdict.error,
                   verdict.for_good ? "; it is a dead letter" : "");
    }
  }
}

absl::Status OcpiSender::Resend(const std::string& partner, const std::string& id) {
  absl::MutexLock lock(&mutex_);
  return outbox_.Resend(partner, id, around_.clock.WallMicros());
}

absl::StatusOr<std::vector<v1::OutboxItem>> OcpiSender::List(const std::string& partner,
                                                             v1::OutboxState state) const {
  absl::MutexLock lock(&mutex_);
  return outbox_.List(partner, state);
}

int64_t OcpiSender::CircuitOpenUntilUs(const std::string& partner) const {
  absl::MutexLock lock(&mutex_);
  return outbox_.OpenUntilUs(partner).value_or(0);
}

}  // namespace chargeledger::server
