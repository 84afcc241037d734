#include "server/evaluation/wrappers/cache.h"

#include <list>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "server/evaluation/wrappers/batch_join.h"
#include "server/evaluation/wrappers/cache_key.h"

namespace assay::evaluation {
namespace {

// Least recently used answers, by bytes. Not thread safe.
class AnswerStore {
 public:
  explicit AnswerStore(int64_t max_bytes) : max_bytes_(max_bytes) {}

  const signals::Answer* Find(const CacheKey& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return &found->second->second;
  }

  void Insert(const CacheKey& key, signals::Answer answer) {
    const int64_t bytes = BytesOf(answer);
    if (bytes > max_bytes_ || index_.contains(key)) return;
    recent_.emplace_front(key, std::move(answer));
    index_.emplace(key, recent_.begin());
    bytes_ += bytes;
    while (bytes_ > max_bytes_) {
      bytes_ -= BytesOf(recent_.back().second);
      index_.erase(recent_.back().first);
      recent_.pop_back();
    }
  }

 private:
  using Entries = std::list<std::pair<CacheKey, signals::Answer>>;

  static int64_t BytesOf(const signals::Answer& answer) {
    constexpr int64_t kIndexEntry = 2 * (sizeof(CacheKey) + sizeof(Entries::iterator));
    return static_cast<int64_t>(sizeof(Entries::value_type) + 2 * sizeof(void*) +
                                answer.scores.capacity() * sizeof(double)) +
           kIndexEntry;
  }

  const int64_t max_bytes_;
  int64_t bytes_ = 0;
  Entries recent_;
  absl::flat_hash_map<CacheKey, Entries::iterator> index_;
};

// What one attribution has asked so far. Not thread safe.
struct Asker {
  std::weak_ptr<const EpisodeContext> context;
  std::string key_prefix;
  absl::flat_hash_map<CacheKey, int> occurrences;  // of noisy evaluators only
};

class CachedEvaluator final : public Evaluator,
                              public std::enable_shared_from_this<CachedEvaluator> {
 public:
  CachedEvaluator(std::shared_ptr<Evaluator> inner, int64_t max_bytes, QuestionObservers observers)
      : inner_(std::move(inner)), observers_(observers), store_(max_bytes) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    for (const signals::Question& question : batch.questions) {
      if (signals::IsTable(question.kind)) {  // owned by whoever answers
        return inner_->Evaluate(std::move(batch), std::move(done));
      }
    }
    auto keys = std::make_shared<const std::vector<CacheKey>>(KeysOf(batch));
    std::vector<size_t> positions(keys->size());
    for (size_t i = 0; i < positions.size(); ++i) positions[i] = i;
    auto join = std::make_shared<BatchJoin>(std::move(batch), std::move(done));
    LookUp({join, keys}, positions);
    return [join] { join->Stop(absl::CancelledError("cancelled")); };
  }

 private:
  struct Request {
    std::shared_ptr<BatchJoin> join;
    std::shared_ptr<const std::vector<CacheKey>> keys;
  };
  struct Waiter {
    Request request;
    size_t position = 0;
  };

  std::vector<CacheKey> KeysOf(const Batch& batch) {
    const std::string prefix = PrefixOf(batch);
    std::vector<CacheKey> keys;
    keys.reserve(batch.questions.size());
    for (const signals::Question& question : batch.questions) {
      keys.push_back(KeyOf(prefix, *batch.context, question, 0));
    }
    if (traits().deterministic) return keys;
    MutexLock lock(&mutex_);
    Asker& asker = askers_[batch.context.get()];
    for (size_t i = 0; i < keys.size(); ++i) {
      const int occurrence = asker.occurrences[keys[i]]++;
      if (occurrence > 0) keys[i] = KeyOf(prefix, *batch.context, batch.questions[i], occurrence);
    }
    return keys;
  }

  std::string PrefixOf(const Batch& batch) {
    {
      MutexLock lock(&mutex_);
      const auto found = askers_.find(batch.context.get());
      if (found != askers_.end() && !found->second.context.expired()) {
        return found->second.key_prefix;
      }
    }
    Asker asker;
    asker.context = batch.context;
    asker.key_prefix = KeyPrefix(*batch.context, EpisodeDigest(*batch.context), name());
    std::string prefix = asker.key_prefix;
    MutexLock lock(&mutex_);
    if (askers_.size() >= forget_at_) ForgetAskers();
    askers_[batch.context.get()] = std::move(asker);
    return prefix;
  }

  // Attributions that have ended; the threshold doubles with those that live.
  void ForgetAskers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::erase_if(askers_, [](const auto& entry) { return entry.second.context.expired(); });
    forget_at_ = std::max<size_t>(64, 2 * askers_.size());
  }

  // Answers what is known, waits for what is on its way, asks the rest.
  void LookUp(const Request& request, const std::vector<size_t>& positions) {
    std::vector<size_t> known;
    Answers answers;
    std::vector<size_t> unknown;
    {
      MutexLock lock(&mutex_);
      for (const size_t position : positions) {
        const CacheKey& key = (*request.keys)[position];
        if (const signals::Answer* answer = store_.Find(key); answer != nullptr) {
          known.push_back(position);
          answers.push_back(*answer);
          continue;
        }
        const auto [flight, is_new] = in_flight_.try_emplace(key);
        if (is_new) {
          unknown.push_back(position);
        } else {
          flight->second.push_back({request, position});
        }
      }
    }
    if (!unknown.empty()) Ask(request, std::move(unknown));
    if (known.empty() && !positions.empty()) return;
    CountCached(known.size());
    request.join->Deliver(known, std::move(answers));
  }

  void Ask(const Request& request, std::vector<size_t> positions) {
    Batch batch = request.join->Part(positions);
    CancelFn cancel = inner_->Evaluate(
        std::move(batch), [self = shared_from_this(), request,
                           positions = std::move(positions)](absl::StatusOr<Answers> answers) {
          if (answers.ok() && answers->size() != positions.size()) {
            answers = absl::InternalError("answers: not one a question");
          }
          self->OnAnswers(request, positions, std::move(answers));
        });
    request.join->Attach(std::move(cancel));
  }

  void OnAnswers(const Request& request, const std::vector<size_t>& positions,
                 absl::StatusOr<Answers> answers) {
    std::vector<std::vector<Waiter>> waiters(positions.size());
    {
      MutexLock lock(&mutex_);
      for (size_t i = 0; i < positions.size(); ++i) {
        const CacheKey& key = (*request.keys)[positions[i]];
        const auto flight = in_flight_.find(key);
        waiters[i] = std::move(flight->second);
        in_flight_.erase(flight);
        if (answers.ok() && (*answers)[i].error.ok()) store_.Insert(key, (*answers)[i]);
      }
    }
    for (size_t i = 0; i < positions.size(); ++i) {
      for (const Waiter& waiter : waiters[i]) {
        if (answers.ok()) {
          CountCached(1);
          waiter.request.join->Deliver({&waiter.position, 1}, Answers{(*answers)[i]});
        } else {
          Fail(waiter, answers.status());
        }
      }
    }
    request.join->Deliver(positions, std::move(answers));
  }

  // Whoever asked gave up or ran out of time: that says nothing of those who waited.
  void Fail(const Waiter& waiter, const absl::Status& status) {
    if (status.code() == absl::StatusCode::kCancelled ||
        status.code() == absl::StatusCode::kDeadlineExceeded) {
      if (!waiter.request.join->stopped()) LookUp(waiter.request, {waiter.position});
    } else {
      waiter.request.join->Stop(status);
    }
  }

  void CountCached(size_t count) {
    if (count == 0) return;
    observers_.Tell(&QuestionObserver::OnQuestionsCached, name(), static_cast<int64_t>(count));
  }

  const std::shared_ptr<Evaluator> inner_;
  const QuestionObservers observers_;
  Mutex mutex_;
  AnswerStore store_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<CacheKey, std::vector<Waiter>> in_flight_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<const EpisodeContext*, Asker> askers_ ABSL_GUARDED_BY(mutex_);
  size_t forget_at_ ABSL_GUARDED_BY(mutex_) = 64;
};

}  // namespace

std::shared_ptr<Evaluator> Cached(std::shared_ptr<Evaluator> inner, int64_t max_bytes,
                                  QuestionObservers observers) {
  return std::make_shared<CachedEvaluator>(std::move(inner), max_bytes, observers);
}

}  // namespace assay::evaluation
