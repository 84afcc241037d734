#include "server/session/admission.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/session/tenants.h"

namespace assay::service {
namespace {

using Entry = Admission::Entry;

TEST(Admission, TakesWhatFits) {
  Admission server({2, 100});
  EXPECT_EQ(server.Enter({1, 60}), Entry::kEntered);
  EXPECT_EQ(server.Enter({1, 41}), Entry::kServerIsFull);
  EXPECT_EQ(server.Enter({1, 40}), Entry::kEntered);
  EXPECT_EQ(server.Enter({1, 0}), Entry::kServerIsFull);
  server.Leave({1, 60});
  EXPECT_EQ(server.episodes(), 1);
  EXPECT_EQ(server.bytes(), 40);
}

// Greedy streams, one after the other: each gets half of what the one before left free.
TEST(Admission, GreedyStreamsLeaveRoomForOneMore) {
  Admission server({1'024, 1'024});
  int64_t all = 0;
  for (const int64_t expected : {512, 256, 128, 64}) {
    Load held;
    while (server.Enter({1, 1}, held) == Entry::kEntered)
      held = {held.episodes + 1, held.bytes + 1};
    EXPECT_EQ(held.bytes, expected);
    all += held.bytes;
  }
  EXPECT_EQ(server.bytes(), all);
  EXPECT_EQ(server.Enter({1, 1}), Entry::kEntered);
}

TEST(Admission, WhatGrowsCountsThoughItIsTooMuch) {
  Admission server({10, 100});
  ASSERT_EQ(server.Enter({1, 10}), Entry::kEntered);
  server.Grow({0, 200});
  EXPECT_EQ(server.bytes(), 210);
  EXPECT_EQ(server.Enter({1, 0}), Entry::kServerIsFull);
  server.Leave({1, 210});
  EXPECT_EQ(server.bytes(), 0);
  EXPECT_EQ(server.Enter({1, 100}), Entry::kEntered);
}

TEST(Callers, OneMayBeFullWhileOthersAreNot) {
  Admission server({10, 100});
  Callers callers({2, 50}, &server);
  const auto greedy = callers.Share("greedy");
  EXPECT_EQ(callers.Share("greedy"), greedy);
  EXPECT_EQ(greedy->admission.Enter({1, 20}), Entry::kEntered);
  EXPECT_EQ(greedy->admission.Enter({1, 31}), Entry::kCallerIsFull);
  EXPECT_EQ(greedy->admission.Enter({1, 30}), Entry::kEntered);
  EXPECT_EQ(greedy->admission.Enter({1, 0}), Entry::kCallerIsFull);
  const auto other = callers.Share("other");
  EXPECT_EQ(other->admission.Enter({1, 50}), Entry::kEntered);
  EXPECT_EQ(callers.Share("third")->admission.Enter({1, 1}), Entry::kServerIsFull);
  greedy->admission.Leave({2, 50});
  EXPECT_EQ(greedy->admission.bytes(), 0);
  EXPECT_EQ(server.bytes(), 50);
}

TEST(Callers, AreForgottenInTime) {
  Admission server({10, 100});
  Callers callers({2, 50}, &server);
  for (int i = 0; i < 64; ++i) callers.Share(std::to_string(i));
  EXPECT_EQ(callers.known(), 64u);
  callers.Share("one more");
  EXPECT_EQ(callers.known(), 1u) << "it alone is still held when the others are forgotten";
  // Of those that stay twice as many are remembered before it is looked again.
  std::vector<std::shared_ptr<CallerShare>> held;
  held.reserve(100);
  for (int i = 0; i < 100; ++i) held.push_back(callers.Share(std::to_string(i)));
  EXPECT_GE(callers.known(), 100u);
  for (int i = 0; i < 1000; ++i) {
    callers.Share("gone " + std::to_string(i));
    ASSERT_LE(callers.known(), 202u);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(callers.Share(std::to_string(i)), held[i]);
}

// Looking for those that are gone takes as long as there are callers: not at every call.
TEST(Callers, AreLookedThroughWhenTheyAreManyAndTwiceAsMany) {
  Admission server({10, 100});
  Callers callers({2, 50}, &server);
  for (int sweep = 0; sweep < 2; ++sweep) {
    while (callers.known() < 64) callers.Share(std::to_string(callers.known()));
    callers.Share("the 65th, " + std::to_string(sweep));
    EXPECT_EQ(callers.known(), 1u) << sweep;
  }
  Callers busy({2, 50}, &server);
  std::vector<std::shared_ptr<CallerShare>> held;
  while (held.size() < 65) held.push_back(busy.Share("held " + std::to_string(held.size())));
  for (size_t k = 66; k <= 130; ++k) {
    busy.Share("gone " + std::to_string(k));
    EXPECT_EQ(busy.known(), k);
  }
  busy.Share("gone again");
  EXPECT_EQ(busy.known(), 66u);
}

TEST(Callers, AreKnownByNameElseByAddressWithoutPort) {
  Admission server({10, 100});
  Callers callers({2, 50}, &server);
  const auto share = [&callers](const char* name, const char* peer) {
    return MakeCallContext(&callers, name, peer, "").share;
  };
  const auto at = share("", "ipv4:127.0.0.1:4711");
  EXPECT_EQ(share("", "ipv4:127.0.0.1:4712"), at);
  EXPECT_NE(share("", "ipv4:127.0.0.2:4711"), at);
  const auto named = share("trainer", "ipv4:127.0.0.1:4711");
  EXPECT_NE(named, at);
  EXPECT_EQ(share("trainer", "ipv4:127.0.0.2:1"), named);
}

TEST(Callers, EachCallIsASpanOfItsOwn) {
  Admission server({10, 100});
  Callers callers({2, 50}, &server);
  const auto span = [&callers] {
    const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    return MakeCallContext(&callers, "trainer", "", parent).trace.traceparent.substr(36, 16);
  };
  EXPECT_NE(span(), span());
}

}  // namespace
}  // namespace assay::service
