#include "projections/runtime/state_store.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/types.pb.h"
#include "log/memory_store.h"

namespace chargeledger::projections {
namespace {

using Model = std::map<std::string, std::string>;

std::string DigestOf(const Model& model) {
  StateDigest digest;
  for (const auto& [key, value] : model) digest.Add(key, value);
  return digest.bytes();
}

Model Stored(const log::Store& store, const std::string& prefix) {
  Model stored;
  EXPECT_TRUE(store
                  .Scan(prefix, log::AfterPrefix(prefix),
                        [&](absl::string_view key, absl::string_view value) {
                          stored.emplace(std::string(key.substr(prefix.size())),
                                         std::string(value));
                          return true;
                        })
                  .ok());
  return stored;
}

Model Scanned(const StagedState& state, absl::string_view prefix) {
  Model scanned;
  std::string last;
  state.Scan(prefix, [&](absl::string_view key, absl::string_view value) {
    EXPECT_LT(last, key);
    last = std::string(key);
    scanned.emplace(std::string(key), std::string(value));
    return true;
  });
  return scanned;
}

void Write(StagedState& state, const std::string& prefix, log::Store& store) {
  const Model before = Stored(store, prefix);
  log::WriteBatch batch;
  state.Stage(batch);
  ASSERT_TRUE(store.Commit(batch, log::Durability::kBuffered).ok());
  const Model after = Stored(store, prefix);
  std::map<std::string, int> told;
  state.Written([&](absl::string_view key) { ++told[std::string(key)]; });
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old == before.end() || old->second != value) {
      EXPECT_EQ(told[key], 1) << key;
    }
  }
}

class Doer {
 public:
  Doer(unsigned seed, unsigned keys) : random_(seed), keys_(keys) {}

  std::string Key() { return absl::StrCat(random_() % 3, "/", random_() % keys_); }

  void Step(StagedState& state, Model& model) {
    const std::string key = Key();
    switch (random_() % 5) {
      case 0:
        state.Put(key, absl::StrCat(random_() % 4));
        model[key] = std::string(*state.Get(key));
        return;
      case 1:
        state.Delete(key);
        model.erase(key);
        return;
      case 2: {
        auto& message = state.FindOrCreate<v1::EntryRef>(key);
        message.set_sequence(random_() % 4);
        model[key] = message.SerializeAsString();
        return;
      }
      case 3: {
        // What is no such message counts as none to who only looks.
        const auto* message = state.Find<v1::EntryRef>(key);
        const auto known = model.find(key);
        v1::EntryRef expected;
        const bool present = known != model.end() && expected.ParseFromString(known->second);
        ASSERT_EQ(message != nullptr, present) << key;
        if (present) {
          ASSERT_EQ(message->SerializeAsString(), expected.SerializeAsString());
        }
        return;
      }
      default: {
        const auto known = model.find(key);
        ASSERT_EQ(state.Get(key),
                  known == model.end() ? std::nullopt : std::optional<std::string>(known->second));
      }
    }
  }

 private:
  std::mt19937 random_;
  const unsigned keys_;
};

TEST(StagedState, AnythingThatIsDoneIsDoneOnceHoweverOftenItIsCountedAndWritten) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(1000 + seed);
    log::MemoryStore store;
    const std::string prefix = "p";
    Model model;
    StateDigest digest;
    Doer doer(seed, 20);
    for (int life = 0; life < 3; ++life) {
      StagedState state(store, prefix, life == 0);
      for (int i = 0; i < 400; ++i) {
        doer.Step(state, model);
        if (random() % 10 == 0) {
          state.Count(digest);
          ASSERT_EQ(digest.bytes(), DigestOf(model));
          ASSERT_EQ(Scanned(state, ""), model);
          if (random() % 3 == 0) Write(state, prefix, store);
        }
        if (random() % 20 == 0) {
          for (const auto& [key, value] : Scanned(state, "1/")) {
            ASSERT_EQ(model.at(key), value);
          }
        }
      }
      state.Count(digest);
      Write(state, prefix, store);
      ASSERT_EQ(Stored(store, prefix), model);
      ASSERT_TRUE(state.status().ok());
    }
  }
}

TEST(StagedState, WhatIsNoLongerAtHandIsReadAgain) {
  log::MemoryStore store;
  Model model;
  StateDigest digest;
  StagedState state(store, "p", true);
  Doer doer(1, 20'000);
  for (int i = 0; i < 120'000; ++i) {
    doer.Step(state, model);
    if (i % 20'000 == 0) {
      state.Count(digest);
      Write(state, "p", store);
    }
  }
  state.Count(digest);
  Write(state, "p", store);
  EXPECT_GT(model.size(), 20'000u);
  EXPECT_EQ(digest.bytes(), DigestOf(model));
  EXPECT_EQ(Stored(store, "p"), model);
}

}  // namespace
}  // namespace chargeledger::projections
