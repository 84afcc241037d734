#include "server/signals/redundancy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

TEST(Redundancy, ShortMessagesMayBeRightTwice) {
  Episode episode = Team(1);
  Say(episode, 0, "Continue.");
  Say(episode, 0, "Continue.");
  Say(episode, 0, "one two three four");
  Say(episode, 0, "one two three four");
  Say(episode, 0, "one two three four five");
  Say(episode, 0, "one two three four five");
  Say(episode, 0, "  \n ");
  Say(episode, 0, "");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0, 0, 0, 0, 0, 1, 0, 0}));
}

TEST(Redundancy, AMessageIsNotComparedWithItself) {
  Episode episode = Team(1);
  Say(episode, 0, "go go go go go go go go");
  EXPECT_EQ(Redundancies(episode, true), (std::vector<double>{0}));
}

// White space apart and in lower case, by the letters of ASCII; a NUL and bytes beyond are letters.
std::vector<std::string> Shingles(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (std::string_view(" \t\n\v\f\r").find(c) == std::string_view::npos) {
      word += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  std::vector<std::string> shingles;
  for (size_t k = 0; k + 5 <= words.size(); ++k) {
    std::string& shingle = shingles.emplace_back();
    for (size_t i = k; i < k + 5; ++i) {
      shingle += std::to_string(words[i].size()) + ":" + words[i];
    }
  }
  return shingles;
}

std::string AnyText(std::mt19937& random, int pair) {
  static const std::string letters("aAzZ@[`{\x08\x0e\x1f!\x00\x89\xa0\xff", 16);
  static const std::string spaces = " \t\n\v\f\r";
  std::string text;
  for (int words = static_cast<int>(random() % 12); words > 0; --words) {
    // Two words, so that they come again; of all lengths about the eight bytes read at once.
    std::mt19937 word(2 * pair + random() % 2);
    for (int k = static_cast<int>(word() % 20); k >= 0; --k) text += letters[word() % 16];
    for (int k = static_cast<int>(random() % 3); k >= 0; --k) text += spaces[random() % 6];
  }
  return text;
}

TEST(Redundancy, AgreesWithSetsOfStrings) {
  std::mt19937 random(7);
  int partly = 0;
  for (int k = 0; k < 3000; ++k) {
    Episode episode = Team(1);
    const std::string before = AnyText(random, k);
    const std::string text = AnyText(random, k);
    Say(episode, kContext, before);
    Say(episode, 0, text);
    const std::vector<std::string> known = Shingles(before);
    const std::vector<std::string> said = Shingles(text);
    double seen = 0;
    for (const std::string& shingle : said) {
      seen += std::find(known.begin(), known.end(), shingle) != known.end() ? 1 : 0;
    }
    const double expected = said.empty() ? 0 : seen / static_cast<double>(said.size());
    ASSERT_EQ(Redundancies(episode, true)[1], expected) << k;
    partly += expected > 0 && expected < 1 ? 1 : 0;
  }
  EXPECT_GT(partly, 50);
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
