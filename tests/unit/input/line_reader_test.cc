#include "client/input/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace assay::command {
namespace {

using ::testing::ElementsAre;

class TempFile {
 public:
  explicit TempFile(const std::string& bytes) : file_(std::tmpfile(), &std::fclose) {
    std::fwrite(bytes.data(), 1, bytes.size(), file_.get());
    std::rewind(file_.get());
    std::fflush(file_.get());
  }
  int fd() const { return fileno(file_.get()); }

 private:
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
};

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::vector<std::string> Lines(LineReader* reader) {
  std::vector<std::string> lines;
  std::string line;
  while (reader->Next(&line)) lines.push_back(line);
  return lines;
}

// `text`, of characters below 256, with units of `size` bytes.
std::string Wide(const std::string& text, size_t size, bool big_endian) {
  std::string wide;
  for (const char c : text) {
    const std::string zeros(size - 1, '\0');
    wide += big_endian ? zeros + c : c + zeros;
  }
  return wide;
}

TEST(LineReaderTest, ReadsEveryEncodingOfUnicode) {
  const std::string text = "{\"a\": 1}\r\n\n{\"b\": \"x\"}\n";
  using namespace std::string_literals;
  for (const std::string& bytes :
       {text, "\xef\xbb\xbf" + text, "\xff\xfe"s + Wide(text, 2, false),
        "\xfe\xff"s + Wide(text, 2, true), "\xff\xfe\0\0"s + Wide(text, 4, false),
        "\0\0\xfe\xff"s + Wide(text, 4, true), Wide(text, 2, false), Wide(text, 2, true)}) {
    for (const std::string& file_bytes : {bytes, Gzip(bytes)}) {
      const TempFile file(file_bytes);
      LineReader reader(file.fd());
      EXPECT_THAT(Lines(&reader), ElementsAre("{\"a\": 1}\r", "{\"b\": \"x\"}"));
      EXPECT_TRUE(reader.status().ok()) << reader.status();
      EXPECT_EQ(reader.line_number(), 3);
    }
  }
}

TEST(LineReaderTest, ReadsLongTextsInWideCharacters) {
  // Two units for a character beyond the first plane, at every place of a buffer's end.
  const std::string smile = {'\x3d', '\xd8', '\x00', '\xde'};
  for (size_t shift = 0; shift < 4; ++shift) {
    std::string bytes = "\xff\xfe" + Wide(std::string(shift, 'x'), 2, false);
    std::string expected(shift, 'x');
    for (int i = 0; i < 40'000; ++i) {
      bytes += smile;
      expected += "\xf0\x9f\x98\x80";
    }
    const TempFile file(bytes);
    LineReader reader(file.fd());
    EXPECT_THAT(Lines(&reader), ElementsAre(expected));
    EXPECT_TRUE(reader.status().ok()) << reader.status();
  }
}

TEST(LineReaderTest, SaysWhatIsNoText) {
  using namespace std::string_literals;
  const std::string begins = "\xff\xfe"s + Wide("one\n", 2, false);
  for (const std::string& rest : {"x"s, "\x3d\xd8"s, "\x00\xdc\x41\x00"s}) {
    const TempFile file(begins + rest);
    LineReader reader(file.fd());
    EXPECT_THAT(Lines(&reader), ElementsAre("one"));
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(reader.status().message().find("UTF-16LE"), absl::string_view::npos);
  }
}

TEST(LineReaderTest, CutsTheZerosOfTheLastBlock) {
  const TempFile file(std::string("one\ntwo\0\0\0", 10));
  LineReader reader(file.fd());
  EXPECT_THAT(Lines(&reader), ElementsAre("one", "two"));
}

TEST(LineReaderTest, ReadsLinesAndSkipsBlankOnes) {
  const TempFile file("one\n\n  \ntwo\nlast without end");
  LineReader reader(file.fd());
  std::string line;
  ASSERT_TRUE(reader.Next(&line));
  EXPECT_EQ(reader.line_number(), 1);
  ASSERT_TRUE(reader.Next(&line));
  EXPECT_EQ(line, "two");
  EXPECT_EQ(reader.line_number(), 4);
  EXPECT_THAT(Lines(&reader), ElementsAre("last without end"));
  EXPECT_TRUE(reader.status().ok());
}

TEST(LineReaderTest, ReadsGzipOfSeveralMembers) {
  const std::string big(1 << 20, 'x');
  const TempFile file(Gzip("a\n" + big + "\n") + Gzip("b\n"));
  LineReader reader(file.fd());
  EXPECT_THAT(Lines(&reader), ElementsAre("a", big, "b"));
  EXPECT_TRUE(reader.status().ok());
}

TEST(LineReaderTest, ReadsGzipThatIsPaddedWithZeros) {
  const std::string zeros(512, '\0');
  for (const std::string& bytes :
       {Gzip("a\n") + zeros, Gzip("a\n") + zeros + Gzip("b\n") + zeros}) {
    const TempFile file(bytes);
    LineReader reader(file.fd());
    EXPECT_EQ(Lines(&reader).front(), "a");
    EXPECT_TRUE(reader.status().ok()) << reader.status();
  }
}

TEST(LineReaderTest, SaysThatSomethingElseFollowsGzip) {
  const TempFile file(Gzip("a\n") + "not gzip");
  LineReader reader(file.fd());
  Lines(&reader);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
}

TEST(LineReaderTest, SkipsAByteOrderMarkAndZerosAtTheEnd) {
  const TempFile file("\xef\xbb\xbf{\"a\": 1}\r\n\xef\xbb\xbf\n" + std::string(512, '\0'));
  LineReader reader(file.fd());
  EXPECT_THAT(Lines(&reader), ElementsAre("{\"a\": 1}\r", "\xef\xbb\xbf"));
  EXPECT_TRUE(reader.status().ok());
}

TEST(LineReaderTest, SaysThatGzipWasCutOff) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919 % 100003) + "\n";
  const std::string whole = Gzip(text);
  const TempFile file(whole.substr(0, whole.size() / 2));
  LineReader reader(file.fd());
  Lines(&reader);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
}

// Lines of a text in blocks that end at every hundredth line, and where the blocks begin.
std::string GzipInBlocks(int lines, std::vector<size_t>* begins) {
  z_stream zlib{};
  deflateInit2(&zlib, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(static_cast<size_t>(lines) * 32, '\0');
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  for (int i = 0; i < lines; ++i) {
    std::string line = std::to_string(i * 7919 % 100003) + "\n";
    zlib.next_in = reinterpret_cast<Bytef*>(line.data());
    zlib.avail_in = static_cast<uInt>(line.size());
    const bool last = i % 100 == 99;
    deflate(&zlib, last ? Z_FULL_FLUSH : Z_NO_FLUSH);
    if (last) begins->push_back(zlib.total_out);
  }
  deflate(&zlib, Z_FINISH);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return packed;
}

TEST(LineReaderTest, ReadsWhatComesBeforeADamage) {
  std::vector<size_t> begins;
  const std::string whole = GzipInBlocks(50000, &begins);
  for (const size_t block : {0, 1, 37, 250, 498}) {
    std::string damaged = whole;
    damaged[begins[block]] = '\x07';  // a block of a kind that does not exist
    const TempFile file(damaged);
    LineReader reader(file.fd());
    EXPECT_EQ(Lines(&reader).size(), 100 * (block + 1));
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
    const TempFile cut(whole.substr(0, begins[block]));
    LineReader again(cut.fd());
    EXPECT_EQ(Lines(&again).size(), 100 * (block + 1));
    EXPECT_EQ(again.status().code(), absl::StatusCode::kDataLoss);
  }
}

// What zlib holds back because there was no room for it is not lost with the end.
TEST(LineReaderTest, ReadsWhatComesBeforeACutWithinALongMatch) {
  const std::string text = "a\n" + std::string(1 << 20, '\n') + "b\n";
  const std::string whole = Gzip(text);
  std::string unpacked(text.size() + 1, '\0');
  for (size_t size = whole.size() - 1; size > 20; size -= 7) {
    const TempFile cut(whole.substr(0, size));
    LineReader reader(cut.fd());
    Lines(&reader);
    z_stream zlib{};
    inflateInit2(&zlib, 15 + 16);
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(whole.data()));
    zlib.avail_in = static_cast<uInt>(size);
    zlib.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    zlib.avail_out = static_cast<uInt>(unpacked.size());
    inflate(&zlib, Z_NO_FLUSH);
    const auto ends = static_cast<std::ptrdiff_t>(zlib.total_out);
    inflateEnd(&zlib);
    EXPECT_EQ(reader.line_number(), std::count(unpacked.begin(), unpacked.begin() + ends, '\n'));
  }
}

TEST(LineReaderTest, EmptyInputHasNoLines) {
  const TempFile file("");
  LineReader reader(file.fd());
  EXPECT_TRUE(Lines(&reader).empty());
  EXPECT_TRUE(reader.status().ok());
}

TEST(LineReaderTest, ALineBeyondTheLimitIsAnError) {
  const TempFile file("short\n" + std::string(100, 'x') + "\nshort\n");
  LineReader reader(file.fd(), 50);
  EXPECT_THAT(Lines(&reader), ElementsAre("short"));
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kOutOfRange);
}

TEST(LineReaderTest, HandsOutALineBeforeThePipeIsClosed) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "first\nsec", 9), 9);
  LineReader reader(ends[0]);
  std::string line;
  ASSERT_TRUE(reader.Next(&line));
  EXPECT_EQ(line, "first");
  ASSERT_EQ(write(ends[1], "ond\n", 4), 4);
  ASSERT_TRUE(reader.Next(&line));
  EXPECT_EQ(line, "second");
  close(ends[1]);
  EXPECT_FALSE(reader.Next(&line));
  close(ends[0]);
}

}  // namespace
}  // namespace assay::command
