// tests/data/streams.jsonl: what is handed to a client, how the server treats it, and what must
// come of it. The same for both clients and for the server's own state machine.
#ifndef ASSAY_TESTS_SCRIPTED_STREAMS_H_
#define ASSAY_TESTS_SCRIPTED_STREAMS_H_

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/paths.h"

namespace assay::testing {

struct ScriptedEpisode {
  std::string id;
  std::string group;  // empty: none
  int size = 0;
  int turned_away = 0;  // how often before it is read
  bool fails = false;
};

struct ScriptedGroup {
  std::string id;
  bool given_up = false;
  std::set<std::string> members;  // answered with signals; none: the group has an error
  bool operator<(const ScriptedGroup& other) const {
    return std::tie(id, given_up, members) < std::tie(other.id, other.given_up, other.members);
  }
  bool operator==(const ScriptedGroup& other) const {
    return std::tie(id, given_up, members) == std::tie(other.id, other.given_up, other.members);
  }
};

struct ScriptedStream {
  std::string name;
  std::vector<ScriptedEpisode> episodes;
  std::set<std::string> errors;  // ids
  std::multiset<ScriptedGroup> groups;
};

inline std::vector<ScriptedStream> ScriptedStreams() {
  std::vector<ScriptedStream> streams;
  std::ifstream file(SourceFolder() / "tests/data/streams.jsonl");
  for (std::string line; std::getline(file, line);) {
    google::protobuf::Struct record;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &record).ok()) << line;
    ScriptedStream& stream = streams.emplace_back();
    stream.name = record.fields().at("name").string_value();
    for (const auto& value : record.fields().at("episodes").list_value().values()) {
      auto fields = value.struct_value().fields();
      stream.episodes.push_back({fields["id"].string_value(), fields["group"].string_value(),
                                 static_cast<int>(fields["size"].number_value()),
                                 static_cast<int>(fields["turned_away"].number_value()),
                                 fields["fails"].bool_value()});
    }
    for (const auto& value : record.fields().at("errors").list_value().values()) {
      stream.errors.insert(value.string_value());
    }
    for (const auto& value : record.fields().at("groups").list_value().values()) {
      ScriptedGroup group;
      group.id = value.list_value().values(0).string_value();
      group.given_up = value.list_value().values(1).has_null_value();
      for (const auto& member : value.list_value().values(1).list_value().values()) {
        group.members.insert(member.string_value());
      }
      stream.groups.insert(std::move(group));
    }
  }
  EXPECT_GE(streams.size(), 20u);
  return streams;
}

}  // namespace assay::testing

#endif  // ASSAY_TESTS_SCRIPTED_STREAMS_H_
