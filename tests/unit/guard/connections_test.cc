#include "server/guard/connections.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace assay::guard {
namespace {

const FrameGuard::Time kStart{std::chrono::seconds(1000)};

std::string Peer(int host, int port) { return absl::StrCat("ipv4:10.0.0.", host, ":", port); }

TEST(Connections, OneAddressHasAtMostHalfOfThem) {
  Connections connections;
  ConnectionLimits limits;
  limits.connections = 10;
  connections.set_limits(limits);
  std::vector<std::shared_ptr<Connection>> open;
  for (int port = 0; port < 5; ++port) {
    ASSERT_NE(open.emplace_back(connections.Open(Peer(1, port), kStart)), nullptr);
  }
  EXPECT_EQ(connections.Open(Peer(1, 6), kStart), nullptr);
  for (int port = 0; port < 5; ++port) {
    ASSERT_NE(open.emplace_back(connections.Open(Peer(2, port), kStart)), nullptr);
  }
  EXPECT_EQ(connections.Open(Peer(3, 1), kStart), nullptr) << "there are ten";
  EXPECT_EQ(connections.counts().open, 10);
  EXPECT_EQ(connections.counts().refused, 2);
  for (const auto& one : open) connections.Close(*one);
  EXPECT_EQ(connections.counts().open, 0);
  EXPECT_NE(connections.Open(Peer(1, 6), kStart), nullptr);
}

TEST(Connections, WhoComesTooOftenIsRefusedForAWhile) {
  Connections connections;
  ConnectionLimits limits;
  limits.burst_of_address = 10;
  limits.per_second_of_address = 2;
  connections.set_limits(limits);
  const auto come = [&](int host, FrameGuard::Time now) {
    const auto one = connections.Open(Peer(host, 1), now);
    if (one != nullptr) connections.Close(*one);
    return one != nullptr;
  };
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(come(1, kStart));
  EXPECT_FALSE(come(1, kStart));
  EXPECT_TRUE(come(2, kStart)) << "another";
  EXPECT_TRUE(come(1, kStart + std::chrono::seconds(1)));
}

TEST(Connections, WhoIsCutOffMayNotComeBackAtOnceAgainAndAgain) {
  Connections connections;
  ConnectionLimits limits;
  limits.burst_of_address = 100;
  limits.per_second_of_address = 1;
  connections.set_limits(limits);
  int came = 0;
  for (; came < 10; ++came) {
    const auto one = connections.Open(Peer(1, 1), kStart);
    if (one == nullptr) break;
    connections.CutOff(*one, kStart);
    connections.Close(*one);
  }
  EXPECT_EQ(came, 2);
  EXPECT_EQ(connections.counts().cut, 2);
  EXPECT_NE(connections.Open(Peer(2, 1), kStart), nullptr);
}

TEST(Connections, AddressesBeyondTheLimitShareOneCount) {
  Connections connections;
  ConnectionLimits limits;
  limits.addresses = 4;
  limits.burst_of_address = 10;
  limits.per_second_of_address = 0;
  connections.set_limits(limits);
  int taken = 0;
  for (int host = 0; host < 100; ++host) {
    const auto one = connections.Open(Peer(host, 1), kStart);
    taken += one != nullptr ? 1 : 0;
    if (one != nullptr) connections.Close(*one);
  }
  EXPECT_EQ(taken, 4 + 10);
  EXPECT_NE(connections.Open(Peer(200, 1), kStart + std::chrono::hours(1)), nullptr)
      << "those that are gone are forgotten";
}

TEST(Connections, WhoMayOpenAUnixSocketIsLetIn) {
  Connections connections;
  connections.set_limits(ConnectionLimits());
  EXPECT_TRUE(connections.Open("unix:", kStart)->let_in);
  EXPECT_FALSE(connections.Open(Peer(1, 1), kStart)->let_in);
}

TEST(Connections, TooManyRefusedCallsDoomTheirConnection) {
  Connections connections;
  const auto good = connections.Open(Peer(1, 1), kStart);
  const auto bad = connections.Open(Peer(1, 2), kStart);
  connections.LetIn(Peer(1, 1));
  EXPECT_TRUE(good->let_in);
  EXPECT_FALSE(bad->let_in);
  for (int i = 0; i < 100; ++i) connections.Strike(Peer(1, 2), kStart);
  EXPECT_FALSE(bad->doomed);
  connections.Strike(Peer(1, 2), kStart);
  EXPECT_TRUE(bad->doomed);
  EXPECT_FALSE(good->doomed);
  EXPECT_EQ(connections.counts().cut_for_strikes, 1);
  connections.Close(*bad);
  connections.Strike(Peer(1, 2), kStart);  // nobody any more
}

TEST(Connection, FramesAreLookedAtWhereTheyCanBeRead) {
  const ConnectionLimits limits;
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  Connection plain("ipv4:10.0.0.1:1", "ipv4:10.0.0.1", limits);
  EXPECT_TRUE(plain.Take("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kStart));
  int taken = 0;
  while (taken < 1000 && plain.Take(settings, kStart)) ++taken;
  EXPECT_EQ(taken, 50);
  Connection encrypted("ipv4:10.0.0.1:1", "ipv4:10.0.0.1", limits);
  EXPECT_TRUE(encrypted.Take("\x16\x03\x01", kStart));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(encrypted.Take(settings, kStart));
  EXPECT_TRUE(encrypted.encrypted());
}

}  // namespace
}  // namespace assay::guard
