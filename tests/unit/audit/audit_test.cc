#include <gtest/gtest.h>

#include <functional>

#include "google/protobuf/util/json_util.h"
#include "server/audit/replay.h"
#include "server/audit/result.h"
#include "server/wire/inspect.h"
#include "tests/unit/audit/oracle.h"
#include "tests/unit/session/episodes.h"

namespace assay::service {
namespace {

std::shared_ptr<const ResolvedOptions> FullAudit(v1::AttributionOptions options = {}) {
  options.set_audit(v1::AUDIT_FULL);
  return std::make_shared<ResolvedOptions>(
      *ResolveOptions(options, Limits(), Catalog(), std::nullopt));
}

v1::EpisodeSignals Audited(const v1::Episode& episode, const v1::AttributionOptions& options = {}) {
  const auto work =
      AcceptEpisode(std::make_shared<v1::Episode>(episode),
                    static_cast<int64_t>(episode.ByteSizeLong()), FullAudit(options), Limits());
  EXPECT_TRUE(work.ok()) << work.status();
  const v1::EpisodeResult result = MakeResult(*work, Attribute(*work));
  EXPECT_TRUE(result.has_signals()) << result.error().message();
  return result.signals();
}

v1::Episode GivenTable(int n) {
  v1::Episode episode = SmallEpisode("given", 0.75);
  for (int i = 2; i < n; ++i) episode.add_agents()->set_id(absl::StrCat("extra", i));
  for (int s = 0; s < (1 << n); ++s) {
    episode.mutable_values()->add_coalition_values((s * 37 % 101) / 100.0);
  }
  return episode;
}

std::vector<v1::Episode> Samples() {
  std::vector<v1::Episode> samples = {SmallVote("win", "ABA"),
                                      SmallVote("lose", "BABCC"),
                                      SmallEpisode("plain", 1),
                                      SmallEpisode("failed", 0),
                                      GivenTable(4),
                                      SmallVote("large", "ABCABCABCABCA")};
  v1::Episode scored = SmallEpisode("scored", 0, 8);
  for (int t = 0; t < 8; ++t) scored.mutable_messages(t)->set_process_score(t == 4 ? -0.9 : 0.7);
  samples.push_back(scored);
  return samples;
}

TEST(Audit, ReplayGivesTheSameBytes) {
  for (const v1::Episode& episode : Samples()) {
    SCOPED_TRACE(episode.id());
    const v1::EpisodeSignals signals = Audited(episode);
    EXPECT_TRUE(Verify(signals, episode).ok()) << Verify(signals, episode);
  }
}

TEST(Audit, SurvivesTheJsonMapping) {
  for (const v1::Episode& episode : Samples()) {
    SCOPED_TRACE(episode.id());
    const v1::EpisodeSignals signals = Audited(episode);
    std::string json;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(signals, &json).ok());
    v1::EpisodeSignals back;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &back).ok());
    EXPECT_TRUE(back.SerializeAsString() == signals.SerializeAsString());
    EXPECT_TRUE(Verify(back, episode).ok()) << Verify(back, episode);
  }
}

// Every single field of the signals and of the episode, changed alone, is found.
int ChangeEach(google::protobuf::Message* message, const std::function<void()>& check) {
  using google::protobuf::FieldDescriptor;
  const auto* r = message->GetReflection();
  int changes = 0;
  std::vector<const FieldDescriptor*> fields;
  r->ListFields(*message, &fields);
  for (const FieldDescriptor* f : fields) {
    const int count = f->is_repeated() ? r->FieldSize(*message, f) : 1;
    for (int i = 0; i < count; ++i) {
      const std::unique_ptr<google::protobuf::Message> saved(message->New());
      switch (f->cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE:
          changes += ChangeEach(f->is_repeated() ? r->MutableRepeatedMessage(message, f, i)
                                                 : r->MutableMessage(message, f),
                                check);
          continue;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          saved->CopyFrom(*message);
          if (f->is_repeated()) {
            r->SetRepeatedDouble(message, f, i, r->GetRepeatedDouble(*message, f, i) * 0.5 + 0.125);
          } else {
            r->SetDouble(message, f, r->GetDouble(*message, f) * 0.5 + 0.125);
          }
          break;
        case FieldDescriptor::CPPTYPE_STRING:
          saved->CopyFrom(*message);
          if (!f->is_repeated()) r->SetString(message, f, r->GetString(*message, f) + "x");
          break;
        case FieldDescriptor::CPPTYPE_INT32:
          saved->CopyFrom(*message);
          if (f->is_repeated()) {
            r->SetRepeatedInt32(message, f, i, r->GetRepeatedInt32(*message, f, i) + 1);
          } else {
            r->SetInt32(message, f, r->GetInt32(*message, f) + 1);
          }
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          saved->CopyFrom(*message);
          r->SetBool(message, f, !r->GetBool(*message, f));
          break;
        case FieldDescriptor::CPPTYPE_ENUM: {
          saved->CopyFrom(*message);
          if (!f->is_repeated()) {
            r->SetEnumValue(message, f, r->GetEnumValue(*message, f) == 1 ? 2 : 1);
          }
          break;
        }
        default:
          continue;
      }
      if (saved->SerializeAsString() != message->SerializeAsString()) {
        SCOPED_TRACE(f->full_name());
        check();
        ++changes;
      }
      message->CopyFrom(*saved);
    }
  }
  return changes;
}

TEST(Audit, FindsEverySingleChange) {
  int changes = 0;
  for (const v1::Episode& episode : Samples()) {
    SCOPED_TRACE(episode.id());
    v1::EpisodeSignals signals = Audited(episode);
    const auto expect_found = [&] { EXPECT_FALSE(Verify(signals, episode).ok()); };
    changes += ChangeEach(&signals, expect_found);
    v1::Episode changed = episode;
    changes += ChangeEach(
        &changed, [&] { EXPECT_EQ(Verify(signals, changed).code(), absl::StatusCode::kDataLoss); });
  }
  EXPECT_GT(changes, 200);
}

// The record carries the prior: no configuration is needed to compute its result again.
TEST(Audit, AFittedPriorIsInTheRecord) {
  Catalog catalog;
  v1::FittedPrior& prior = catalog.priors["ours"];
  prior.add_features("position");
  prior.add_weights(3);
  prior.mutable_model()->set_repair_rate(0.25);
  prior.set_propagated_share(0.5);
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  options.mutable_first_error()->set_prior("ours");
  const auto resolved =
      std::make_shared<ResolvedOptions>(*ResolveOptions(options, Limits(), catalog, std::nullopt));
  v1::Episode episode = SmallEpisode("scored", 0, 8);
  for (int t = 0; t < 8; ++t) episode.mutable_messages(t)->set_process_score(t == 4 ? -0.9 : 0.7);
  const auto work = AcceptEpisode(std::make_shared<v1::Episode>(episode),
                                  static_cast<int64_t>(episode.ByteSizeLong()), resolved, Limits());
  ASSERT_TRUE(work.ok()) << work.status();
  const v1::EpisodeSignals signals = MakeResult(*work, Attribute(*work)).signals();
  EXPECT_NE(signals.first_error().SerializeAsString(),
            Audited(episode).first_error().SerializeAsString());
  EXPECT_TRUE(Verify(signals, episode).ok()) << Verify(signals, episode);

  v1::EpisodeSignals changed = signals;
  changed.mutable_audit()->mutable_options()->mutable_first_error()->mutable_fitted()->set_weights(
      0, 2.5);
  EXPECT_EQ(Verify(changed, episode).code(), absl::StatusCode::kDataLoss);
  changed = signals;
  changed.mutable_audit()->mutable_options()->mutable_first_error()->clear_fitted();
  const absl::Status lost = Verify(changed, episode);
  EXPECT_EQ(lost.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(lost.message().find("first_error.prior"), std::string::npos) << lost;
}

// The traits that a record keeps decide what is asked again, down to the last kind.
TEST(Audit, ANamedEvaluatorsRecordIsReplayedWithoutIt) {
  Catalog catalog;
  catalog.evaluators["oracle"] = std::make_shared<Oracle>();
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  options.mutable_named()->set_name("oracle");
  for (const char* scorer : {"", "oracle"}) {
    for (const double score : {0.0, 1.0}) {
      options.set_scorer(scorer);
      const auto resolved = std::make_shared<ResolvedOptions>(
          *ResolveOptions(options, Limits(), catalog, std::nullopt));
      const v1::Episode episode = SmallEpisode("e", score, 6);
      const auto work =
          AcceptEpisode(std::make_shared<v1::Episode>(episode),
                        static_cast<int64_t>(episode.ByteSizeLong()), resolved, Limits());
      ASSERT_TRUE(work.ok()) << work.status();
      const v1::EpisodeResult result = MakeResult(*work, Attribute(*work));
      ASSERT_TRUE(result.has_signals()) << result.error().message();
      EXPECT_TRUE(Verify(result.signals(), episode).ok()) << Verify(result.signals(), episode);
      EXPECT_EQ(result.signals().audit().evaluator().supports_size(), 5);
      EXPECT_FALSE(result.signals().audit().evaluator().deterministic());
      bool scored = false;
      for (const v1::AskedQuestion& asked : result.signals().audit().questions()) {
        scored = scored || asked.message_scores_size() == 6;
      }
      EXPECT_TRUE(scored);
    }
  }
}

TEST(Audit, FindsAChangedSeedThatChangesNoResult) {
  const v1::Episode episode = SmallVote("win", "ABA");
  v1::EpisodeSignals signals = Audited(episode);
  signals.mutable_audit()->mutable_options()->set_seed(7);
  EXPECT_EQ(Verify(signals, episode).code(), absl::StatusCode::kDataLoss);
}

TEST(Audit, LargeTablesAreRecordedByDigest) {
  const v1::EpisodeSignals vote = Audited(SmallVote("large", "ABCABCABCABCA"));
  ASSERT_EQ(vote.audit().questions(0).counterfactual().kind_case(),
            v1::Counterfactual::kAllCoalitions);
  EXPECT_EQ(vote.audit().questions(0).table_size(), 0);
  EXPECT_EQ(vote.audit().questions(0).table_sha256().size(), 32u);
  const v1::EpisodeSignals largest = Audited(SmallVote("largest", "ABCABCABCABC"));
  EXPECT_EQ(largest.audit().questions(0).table_size(), 4096);
  const v1::EpisodeSignals given = Audited(GivenTable(4));
  EXPECT_EQ(given.audit().questions(0).table_size(), 0);
  const v1::EpisodeSignals small = Audited(SmallVote("small", "ABA"));
  EXPECT_EQ(small.audit().questions(0).table_size(), 8);
}

v1::Episode TwoRounds(int agents, const std::string& answers) {
  v1::Episode episode = SmallVote("two rounds", answers.substr(0, agents));
  for (int k = agents; k < static_cast<int>(answers.size()); ++k) {
    v1::Message* again = episode.add_messages();
    *again = episode.messages(k % agents);
    again->set_round(k / agents + 1);
    again->set_answer(answers.substr(k, 1));
  }
  return episode;
}

TEST(Audit, ExactOwenValuesAreRecordedAsATable) {
  const v1::Episode episode = TwoRounds(3, "AABABA");
  v1::EpisodeSignals signals = Audited(episode);
  ASSERT_EQ(signals.audit().questions_size(), 2);
  const v1::AskedQuestion& sets = signals.audit().questions(1);
  ASSERT_EQ(sets.counterfactual().kind_case(), v1::Counterfactual::kOwenSets);
  EXPECT_EQ(sets.table_size(), 8 + 3 * 4 * 2);
  EXPECT_EQ(signals.effort().questions(), 8 + 8 + 3 * 4 * 2);
  EXPECT_TRUE(Verify(signals, episode).ok()) << Verify(signals, episode);
  double* value = signals.mutable_audit()->mutable_questions(1)->mutable_table()->Mutable(5);
  *value = 1 - *value;
  EXPECT_EQ(Verify(signals, episode).code(), absl::StatusCode::kDataLoss);

  const v1::Episode large = TwoRounds(8, "AABABAAAAABABAAAAABABAAA");
  const v1::EpisodeSignals digest = Audited(large);
  ASSERT_EQ(digest.audit().questions_size(), 2);
  EXPECT_EQ(digest.audit().questions(1).table_size(), 0);
  EXPECT_EQ(digest.audit().questions(1).table_sha256().size(), 32u);
  EXPECT_TRUE(Verify(digest, large).ok()) << Verify(digest, large);
}

TEST(Audit, APartialResultIsReplayedAsFarAsItGoes) {
  v1::AttributionOptions options;
  options.set_allow_partial(true);
  const v1::Episode episode = TwoRounds(3, "AABABA");
  const auto work =
      AcceptEpisode(std::make_shared<v1::Episode>(episode),
                    static_cast<int64_t>(episode.ByteSizeLong()), FullAudit(options), Limits());
  ASSERT_TRUE(work.ok()) << work.status();
  const auto replay = work->evaluator->local()->Prepare(work->context);
  ASSERT_TRUE(replay.ok());
  signals::Attribution plan(work->context->episode, *work->options->options,
                            work->evaluator->traits(), {}, (*replay)->grades());
  evaluation::Answers answers(plan.ask().size());
  ASSERT_TRUE((*replay)->Answer(plan.ask(), absl::MakeSpan(answers)).ok());
  ASSERT_TRUE(plan.tell(answers).ok());
  ASSERT_FALSE(plan.done());
  ASSERT_TRUE(plan.can_finish_early());
  const v1::EpisodeSignals signals = MakeResult(*work, plan.finish()).signals();
  EXPECT_TRUE(signals.partial());
  EXPECT_TRUE(Verify(signals, episode).ok()) << Verify(signals, episode);

  // What claims to be whole must be, and what was asked must all be used.
  v1::EpisodeSignals whole = signals;
  whole.set_partial(false);
  EXPECT_EQ(Verify(whole, episode).message(), "audit.questions[1] is missing");
  v1::EpisodeSignals less = signals;
  less.mutable_audit()->clear_questions();
  EXPECT_EQ(Verify(less, episode).message(), "audit.questions[0] is missing");
  v1::EpisodeSignals complete = Audited(episode, options);
  complete.set_partial(true);
  EXPECT_EQ(Verify(complete, episode).code(), absl::StatusCode::kDataLoss);
  *complete.mutable_audit()->add_questions() = complete.audit().questions(0);
  EXPECT_EQ(Verify(complete, episode).message(), "audit.questions holds more than is asked");
}

TEST(Audit, ScoresThatAVoteDoesNotHaveAreNotOnTheWire) {
  v1::Episode episode = SmallVote("silence", "ABA");
  *episode.add_messages() = episode.messages(0);
  episode.mutable_messages(3)->clear_answer();
  v1::AttributionOptions options;
  options.mutable_estimator()->set_max_questions(8);  // the table, and nothing for Owen values
  v1::EpisodeSignals signals = Audited(episode, options);
  const auto& scores = signals.audit().questions(signals.audit().questions_size() - 1);
  ASSERT_TRUE(scores.counterfactual().has_message_scores());
  EXPECT_EQ(scores.message_scores_size(), 0);
  EXPECT_EQ(FindNotFinite(signals), std::nullopt);
  EXPECT_TRUE(Verify(signals, episode).ok()) << Verify(signals, episode);
}

TEST(Audit, LessThanFullCannotBeVerified) {
  const v1::Episode episode = SmallVote("win", "ABA");
  v1::EpisodeSignals signals = Audited(episode);
  signals.mutable_audit()->clear_options();
  EXPECT_EQ(Verify(signals, episode).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace assay::service
