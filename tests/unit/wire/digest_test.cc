#include "server/wire/questions/digest.h"

#include <string>
#include <thread>

#include "absl/strings/escaping.h"
#include "assay/v1/episode.pb.h"
#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"
#include "server/base/sha256.h"

namespace assay {
namespace {

TEST(Digest, IsSha256) {
  // The example of FIPS 180-2.
  EXPECT_EQ(absl::BytesToHexString(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, OfPiecesIsThatOfTheWhole) {
  const std::string whole(1000, 'x');
  const std::string pieces = Sha256([&whole](Sha256Stream& stream) {
    stream.Add("");
    stream.Add(absl::string_view(whole).substr(0, 63));
    stream.Add(absl::string_view(whole).substr(63));
  });
  EXPECT_EQ(pieces, Sha256(whole));
}

// Texts that end before, at and after the ends of the blocks in which messages are hashed.
TEST(Digest, OfAMessageIsThatOfItsBytes) {
  EXPECT_EQ(MessageDigest(v1::Episode()), Sha256(""));
  for (int size = 0; size<5000; size += size> 1900 && size < 2200 ? 1 : 97) {
    v1::Episode episode;
    episode.set_id("episode");
    for (int t = 0; t < 3; ++t) {
      v1::Message* message = episode.add_messages();
      message->set_agent_id("a");
      message->set_content(std::string(size, static_cast<char>('a' + t)));
    }
    ASSERT_EQ(MessageDigest(episode), Sha256(episode.SerializeAsString())) << size;
  }
}

// Maps, whose entries have no order of their own.
TEST(Digest, OfAMapDoesNotDependOnTheOrderOfInsertion) {
  google::protobuf::Struct forth, back;
  for (int k = 0; k < 100; ++k) {
    (*forth.mutable_fields())[std::to_string(k)].set_number_value(k);
    (*back.mutable_fields())[std::to_string(99 - k)].set_number_value(99 - k);
  }
  EXPECT_EQ(MessageDigest(forth), MessageDigest(back));
}

TEST(Digest, EveryThreadMakesItsOwn) {
  const std::string expected = Sha256("abc");
  std::string other;
  const std::string own = Sha256([&other](Sha256Stream& stream) {
    stream.Add("a");
    std::thread([&other] { other = Sha256("abc"); }).join();
    stream.Add("bc");
  });
  EXPECT_EQ(own, expected);
  EXPECT_EQ(other, expected);
}

}  // namespace
}  // namespace assay
