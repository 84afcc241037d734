#include "server/signals/redundancy.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using testing::Say;
using testing::Team;

TEST(Redundancy, ARepeatOfContextIsAllRedundant) {
  Episode episode = Team(1);
  Say(episode, kContext, "please add the numbers one two three");
  Say(episode, 0, "Please ADD the\tnumbers one two   three");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 1}));
}

TEST(Redundancy, CountsTheShareOfShinglesSeenBefore) {
  Episode episode = Team(1);
  Say(episode, 0, "a b c d e f");      // abcde bcdef
  Say(episode, 0, "a b c d e x y z");  // abcde | bcdex cdexy dexyz
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 0.25}));
}

TEST(Redundancy, WhatIsSaidInParallelWasNotRead) {
  Episode episode = Team(2);
  Say(episode, 0, "the answer is forty two", 1);
  Say(episode, 1, "the answer is forty two", 1);
  Say(episode, 1, "the answer is forty two", 2);
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 0, 1}));
}

TEST(Redundancy, TheAuthorsOwnEarlierMessageOfTheSameRoundCounts) {
  Episode episode = Team(2);
  Say(episode, 0, "the answer is forty two", 1);
  Say(episode, 0, "the answer is forty two", 1);
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 1}));
}

TEST(Redundancy, AnUnknownRoundReadsEverything) {
  Episode episode = Team(2);
  Say(episode, 0, "the answer is forty two", 3);
  Say(episode, 1, "the answer is forty two", 0);
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 1}));
}

TEST(Redundancy, ShortMessagesAreOneShingleAndEmptyOnesNone) {
  Episode episode = Team(1);
  Say(episode, 0, "two words");
  Say(episode, 0, "two words");
  Say(episode, 0, "  \n ");
  Say(episode, 0, "");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 1, 0, 0}));
}

TEST(Redundancy, AMessageIsNotComparedWithItself) {
  Episode episode = Team(1);
  Say(episode, 0, "go go go go go go go go");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0}));
}

TEST(Redundancy, ShortMessagesDifferFromPrefixesOfLongOnes) {
  Episode episode = Team(1);
  Say(episode, 0, "yes");
  Say(episode, 0, "yes yes");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 0}));
}

TEST(Redundancy, GivenValuesWinAndOffComputesNothing) {
  Episode episode = Team(1);
  Say(episode, 0, "the same words as ever");
  Say(episode, 0, "the same words as ever").redundancy = 0.25;
  Say(episode, 0, "the same words as ever");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 0.25, 1}));
  EXPECT_EQ(Redundancies(episode, false), (std::vector<double>{0, 0.25, 0}));
}

}  // namespace
}  // namespace assay::signals
