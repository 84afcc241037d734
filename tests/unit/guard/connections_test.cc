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

TEST(Connections, OnePeerHasAtMostHalfOfThem) {
  Connections connections;
  service::ConnectionLimits limits;
  limits.max_connections = 10;
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
  EXPECT_EQ(connections.counts().of(Refusal::kPeerConnections), 1);
  EXPECT_EQ(connections.counts().of(Refusal::kConnections), 1);
  for (const auto& one : open) connections.Close(*one);
  EXPECT_EQ(connections.counts().open, 0);
  EXPECT_NE(connections.Open(Peer(1, 6), kStart), nullptr);
}

// Whoever has one address of an IPv6 /64 has 2^64.
TEST(Connections, AnIpv6NetworkIsOnePeer) {
  Connections connections;
  service::ConnectionLimits limits;
  limits.max_connections = 10;
  connections.set_limits(limits);
  std::vector<std::shared_ptr<Connection>> open;
  for (int host = 1; host <= 5; ++host) {
    ASSERT_NE(open.emplace_back(
                  connections.Open(absl::StrCat("ipv6:%5B2001:db8:0:1::", host, "%5D:80"), kStart)),
              nullptr);
  }
  EXPECT_EQ(connections.Open("ipv6:%5B2001:db8:0:1:ff::1%5D:80", kStart), nullptr);
  EXPECT_NE(connections.Open("ipv6:%5B2001:db8:0:2::1%5D:80", kStart), nullptr) << "another";
}

TEST(Connections, WhoComesTooOftenIsRefusedForAWhile) {
  Connections connections;
  service::ConnectionLimits limits;
  limits.peer_arrivals = {10, 2};
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
  service::ConnectionLimits limits;
  limits.peer_arrivals = {100, 1};
  connections.set_limits(limits);
  int came = 0;
  for (; came < 10; ++came) {
    const auto one = connections.Open(Peer(1, 1), kStart);
    if (one == nullptr) break;
    connections.CutOff(*one, Cause::kResets, kStart);
    connections.CutOff(*one, Cause::kPings, kStart);  // it is over already
    connections.Close(*one);
  }
  EXPECT_EQ(came, 2);
  EXPECT_EQ(connections.counts().of(Cause::kResets), 2);
  EXPECT_EQ(connections.counts().of(Cause::kPings), 0);
  EXPECT_EQ(connections.counts().of(Refusal::kPeerArrivals), 1);
  EXPECT_NE(connections.Open(Peer(2, 1), kStart), nullptr);
}

TEST(Connections, PeersBeyondTheLimitShareOneCount) {
  Connections connections;
  service::ConnectionLimits limits;
  limits.max_peers = 4;
  limits.peer_arrivals = {10, 0};
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
  const auto local = connections.Open("unix:", kStart);
  const auto remote = connections.Open(Peer(1, 1), kStart);
  for (const char* peer : {"unix:", "ipv4:10.0.0.1:1"}) connections.RefusedCall(peer, kStart);
  EXPECT_EQ(local->standing(), Standing::kLetIn);
  EXPECT_EQ(remote->standing(), Standing::kRefused);
}

TEST(Connections, TooManyRefusedCallsDoomTheirConnection) {
  Connections connections;
  const auto good = connections.Open(Peer(1, 1), kStart);
  const auto bad = connections.Open(Peer(1, 2), kStart);
  connections.LetIn(Peer(1, 1));
  EXPECT_EQ(good->standing(), Standing::kLetIn);
  EXPECT_EQ(bad->standing(), Standing::kUnknown);
  for (int i = 0; i < 100; ++i) connections.RefusedCall(Peer(1, 2), kStart);
  EXPECT_EQ(bad->Take("P", kStart), Cause::kNone);
  connections.RefusedCall(Peer(1, 2), kStart);
  EXPECT_EQ(bad->Take("R", kStart), Cause::kRefusedCalls);
  EXPECT_EQ(good->Take("P", kStart), Cause::kNone);
  connections.Close(*bad);
  connections.RefusedCall(Peer(1, 2), kStart);  // nobody any more
}

// A client of good will may have begun ten streams, and sent a window of each, before the server
// has looked at the first.
TEST(Connections, NobodyIsAStrangerBeforeACallWasRefused) {
  Connections connections;
  const std::string data = std::string("\0\x40\0\0\0\0\0\0\1", 9) + std::string(16384, 'x');
  for (const bool refused : {false, true}) {
    const auto one = connections.Open(Peer(1, refused ? 1 : 2), kStart);
    EXPECT_EQ(one->Take("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kStart), Cause::kNone);
    if (refused) connections.RefusedCall(one->peer(), kStart);
    EXPECT_EQ(one->standing(), refused ? Standing::kRefused : Standing::kUnknown);
    Cause cause = Cause::kNone;
    for (int i = 0; i < 100 && cause == Cause::kNone; ++i) cause = one->Take(data, kStart);
    EXPECT_EQ(cause, refused ? Cause::kStrangerData : Cause::kNone);
    connections.LetIn(one->peer());
    EXPECT_EQ(one->standing(), Standing::kLetIn);
    connections.RefusedCall(one->peer(), kStart);
    EXPECT_EQ(one->standing(), Standing::kLetIn) << "whoever was let in stays so";
  }
}

TEST(Connection, FramesAreLookedAtWhereTheyCanBeRead) {
  const service::ConnectionLimits limits;
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  Connection plain("ipv4:10.0.0.1:1", "ipv4:10.0.0.1", limits);
  EXPECT_EQ(plain.Take("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kStart), Cause::kNone);
  int taken = 0;
  while (taken < 1000 && plain.Take(settings, kStart) == Cause::kNone) ++taken;
  EXPECT_EQ(taken, 50);
  EXPECT_EQ(plain.Take("", kStart), Cause::kNone) << "nothing is no reason";
  Connection encrypted("ipv4:10.0.0.1:1", "ipv4:10.0.0.1", limits);
  EXPECT_EQ(encrypted.Take("\x16\x03\x01", kStart), Cause::kNone);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(encrypted.Take(settings, kStart), Cause::kNone);
  EXPECT_TRUE(encrypted.encrypted());
}

}  // namespace
}  // namespace assay::guard
