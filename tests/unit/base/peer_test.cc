#include "server/base/peer.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(NetworkOf, AnIpv4AddressIsOne) {
  EXPECT_EQ(NetworkOf("ipv4:10.0.0.1:80"), "ipv4:10.0.0.1");
  EXPECT_NE(NetworkOf("ipv4:10.0.0.1:80"), NetworkOf("ipv4:10.0.0.2:80"));
}

TEST(NetworkOf, AnIpv6NetworkIsOneHoweverItsAddressesAreWritten) {
  for (const char* peer :
       {"ipv6:%5B2001:db8:1:2::7%5D:80", "ipv6:%5B2001:db8:1:2:ffff:ffff:ffff:ffff%5D:81",
        "ipv6:[2001:db8:1:2::8]:80", "ipv6:[2001:0DB8:0001:0002::]:80"}) {
    EXPECT_EQ(NetworkOf(peer), "ipv6:2001:db8:1:2::/64") << peer;
  }
  EXPECT_EQ(NetworkOf("ipv6:%5B2001:db8:1:3::7%5D:80"), "ipv6:2001:db8:1:3::/64");
  EXPECT_EQ(NetworkOf("ipv6:%5B::1%5D:80"), "ipv6:::/64");
}

TEST(NetworkOf, AnInterfaceIsNoPartOfIt) {
  EXPECT_EQ(NetworkOf("ipv6:%5Bfe80::1%25eth0%5D:80"), "ipv6:fe80::/64");
  EXPECT_EQ(NetworkOf("ipv6:[fe80::1%eth0]:80"), "ipv6:fe80::/64");
}

TEST(NetworkOf, AMappedIpv4AddressIsThatAddress) {
  EXPECT_EQ(NetworkOf("ipv6:%5B::ffff:10.0.0.1%5D:80"), NetworkOf("ipv4:10.0.0.1:80"));
}

TEST(NetworkOf, WhatHasNoAddressIsOneEach) {
  EXPECT_EQ(NetworkOf("unix:"), "unix");
  EXPECT_EQ(NetworkOf("unix:/run/assay.sock"), NetworkOf("unix:"));
  EXPECT_EQ(NetworkOf(""), "");
  EXPECT_EQ(NetworkOf("ipv6:%5Bnonsense%5D:80"), "ipv6:nonsense");
}

}  // namespace
}  // namespace assay
