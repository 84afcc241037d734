#include "server/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace assay {
namespace {

TEST(Utf8, KnowsCharactersByRfc3629) {
  for (const char* good :
       {"", "a", "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

// Whatever stands before, and whatever behind it.
TEST(Utf8, KnowsBadCharactersAtEveryPlace) {
  for (size_t before = 0; before < 20; ++before) {
    for (size_t behind = 0; behind < 20; ++behind) {
      const std::string a(before, 'a'), b(behind, 'b');
      EXPECT_TRUE(IsUtf8(a + "\xe2\x82\xac" + b));
      EXPECT_FALSE(IsUtf8(a + "\xff" + b)) << before << " " << behind;
      EXPECT_FALSE(IsUtf8(a + "\xe2\x82" + b));
    }
  }
}

TEST(Utf8, NoCutEndsInsideACharacter) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  for (size_t size = 0; size <= text.size() + 2; ++size) {
    const absl::string_view cut = CutText(text, size);
    EXPECT_TRUE(IsUtf8(cut)) << size;
    EXPECT_LE(cut.size(), size);
    EXPECT_GT(cut.size() + 4, std::min(size, text.size())) << "no more than that is lost";
    EXPECT_EQ(text.substr(0, cut.size()), cut);
  }
}

}  // namespace
}  // namespace assay
