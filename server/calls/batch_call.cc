#include "server/calls/batch_call.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "server/audit/result.h"
#include "server/wire/errors.h"
#include "server/wire/notices/notices.h"
#include "server/wire/option_effects.h"
#include "server/wire/validate.h"

namespace assay::service {

std::shared_ptr<BatchCall> BatchCall::Make(const ServiceDeps& deps, CallContext context,
                                           std::shared_ptr<const v1::ComputeSignalsRequest> request,
                                           int64_t request_bytes, Done done) {
  return std::shared_ptr<BatchCall>(
      new BatchCall(deps, std::move(context), std::move(request), request_bytes, std::move(done)));
}

void BatchCall::Start() {
  if (absl::Status opened = Open(); !opened.ok()) {
    done_(std::move(opened));
    return;
  }
  for (int i = 0; i < request_->episodes_size(); ++i) Accept(i);
  StartAll();
}

BatchCall::BatchCall(const ServiceDeps& deps, CallContext context,
                     std::shared_ptr<const v1::ComputeSignalsRequest> request,
                     int64_t request_bytes, Done done)
    : deps_(deps),
      context_(std::move(context)),
      request_(std::move(request)),
      request_bytes_(request_bytes),
      done_(std::move(done)),
      started_at_(deps.executor->Now()) {}

BatchCall::~BatchCall() {
  if (admitted_.has_value()) context_.share->admission.Leave(*admitted_);
}

absl::Status BatchCall::Open() {
  const Limits& limits = deps_.config->limits;
  if (request_->episodes_size() == 0) return Missing("episodes");
  if (request_->episodes_size() > limits.max_episodes_per_call) {
    return OverLimit("episodes", request_->episodes_size(), limits.max_episodes_per_call);
  }
  absl::StatusOr<ResolvedOptions> resolved =
      ResolveOptions(request_->options(), limits, *deps_.catalog, std::nullopt);
  if (!resolved.ok()) return resolved.status();
  if (absl::Status idle = CheckEffects(*resolved); !idle.ok()) return idle;
  if (resolved->group_timeout > absl::ZeroDuration()) {
    return Invalid("group_timeout", "has no effect: the groups of a call are all there");
  }
  Load load;
  for (const v1::Episode& episode : request_->episodes()) {
    ++load.episodes;
    load.bytes += MemoryOf(episode, static_cast<int64_t>(episode.ByteSizeLong()));
  }
  load.bytes = std::max(load.bytes, request_bytes_);
  const Admission::Entry entry = context_.share->admission.Enter(load);
  if (entry != Admission::Entry::kEntered) {
    deps_.observers.Tell(&SessionObserver::OnRejected, ReasonOf(entry));
    return NotAdmitted(entry, deps_.config->retry_after);
  }
  admitted_ = load;
  resolved->traceparent = context_.trace.traceparent;
  options_ = std::make_shared<ResolvedOptions>(*std::move(resolved));
  Limits group_limits = limits;
  group_limits.max_open_groups = limits.max_episodes_per_call;
  // The episodes are in memory for as long as the call is.
  groups_.emplace(options_, group_limits, absl::ZeroDuration(),
                  deps_.config->max_bytes_in_flight + load.bytes);
  slots_.resize(request_->episodes_size());
  return absl::OkStatus();
}

void BatchCall::Accept(int index) {
  Slot& slot = slots_[index];
  const Limits& limits = deps_.config->limits;
  const v1::Episode& episode = request_->episodes(index);
  if (!episode.id().empty() && !ids_.insert(episode.id()).second) {
    slot.work = StillUnanswered("id", episode.id());
    return;
  }
  slot.work = AcceptEpisode(std::shared_ptr<const v1::Episode>(request_, &episode),
                            static_cast<int64_t>(episode.ByteSizeLong()), options_, limits);
  if (episode.id().empty() || !episode.has_group() ||
      !ValidateGroup(episode.group(), limits).ok()) {
    return;
  }
  const absl::Status joined =
      groups_->Join(episode, slot.work.ok() ? &*slot.work : nullptr, started_at_);
  slot.joined = joined.ok();
  if (!joined.ok() && slot.work.ok()) slot.work = joined;
}

void BatchCall::StartAll() {
  {
    MutexLock lock(&mutex_);
    unanswered_ = static_cast<int>(slots_.size());
  }
  StartMore();
}

void BatchCall::StartMore() {
  for (;;) {
    int index = 0;
    {
      MutexLock lock(&mutex_);
      index = TakeNext();
    }
    if (index < 0) return;
    Run(index);
  }
}

int BatchCall::TakeNext() {
  if (next_ == static_cast<int>(slots_.size())) return -1;
  Slot& slot = slots_[next_];
  if (slot.work.ok()) {
    const bool computed_here = slot.work->evaluator->local() != nullptr;
    slot.is_long = computed_here && !IsShort(*slot.work);
    if (computed_here && started_ >= deps_.config->max_started) return -1;
    if (slot.is_long && started_long_ >= deps_.config->max_long_started) return -1;
    const Load plan = {0, std::min(PlanMemory(*slot.work), deps_.config->max_bytes_in_flight / 2)};
    const Admission::Entry entry =
        plan.bytes == 0 ? Admission::Entry::kEntered
                        : context_.share->admission.Enter(plan, {0, admitted_->bytes});
    if (entry == Admission::Entry::kEntered) {
      slot.plan = plan;
    } else if (started_ > 0) {
      return -1;  // it is tried again when one of them has ended
    } else {
      slot.is_long = false;
      slot.work = NotAdmitted(entry, deps_.config->retry_after);
    }
  }
  ++started_;
  started_long_ += slot.is_long ? 1 : 0;
  return next_++;
}

void BatchCall::Run(int index) {
  Slot& slot = slots_[index];
  if (!slot.work.ok()) {
    OnDone(index, MakeError(request_->episodes(index).id(), slot.work.status()));
    return;
  }
  const absl::Duration left = started_at_ + options_->episode_timeout - deps_.executor->Now();
  auto run = deps_.engine->Start(
      slot.work->Job(left),
      [self = shared_from_this(), index](absl::StatusOr<signals::Signals> signals) {
        self->OnDone(index, MakeResult(*self->slots_[index].work, std::move(signals)));
        self->StartMore();
      });
  bool cancelled = false;
  {
    MutexLock lock(&mutex_);
    cancelled = cancelled_;
    if (!cancelled) slot.run = run;
  }
  if (cancelled) run->Cancel();
}

void BatchCall::OnDone(int index, v1::EpisodeResult result) {
  const absl::Duration elapsed = deps_.executor->Now() - started_at_;
  SetElapsed(elapsed, &result);
  deps_.observers.Tell(&SessionObserver::OnEpisode, result, options_->options->range.size(),
                       elapsed, Origin{0, context_.trace.trace_id});
  Slot& slot = slots_[index];
  slot.result = std::move(result);
  context_.share->admission.Leave(slot.plan);
  {
    MutexLock lock(&mutex_);
    slot.run.reset();
    --started_;
    started_long_ -= slot.is_long ? 1 : 0;
    if (--unanswered_ > 0) return;
  }
  StartGroups();
}

std::vector<GroupWork> BatchCall::TakeGroups() {
  std::map<std::string, int, std::less<>> order;  // of each group's first episode
  Notices notices;
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    const v1::Episode& episode = request_->episodes(i);
    v1::EpisodeResult* result = response_.add_results();
    *result = std::move(slots_[i].result);
    const uint32_t reasons = notices.ReasonsIn(episode, *options_->options);
    for (v1::Notice& notice : notices.Take(reasons, *result)) {
      *response_.add_notices() = std::move(notice);
    }
    if (!slots_[i].joined) continue;
    order.emplace(episode.group().id(), i);
    groups_->Answered(episode.group().id(), episode.id(),
                      result->has_signals() ? &result->signals() : nullptr, started_at_);
  }
  groups_->Close();
  std::vector<GroupWork> ready = groups_->TakeReady();
  std::sort(ready.begin(), ready.end(), [&order](const GroupWork& a, const GroupWork& b) {
    return order.at(a.id) < order.at(b.id);
  });
  return ready;
}

void BatchCall::StartGroups() {
  std::vector<GroupWork> ready = TakeGroups();
  for (size_t g = 0; g < ready.size(); ++g) response_.add_groups();
  {
    MutexLock lock(&mutex_);
    groups_left_ = static_cast<int>(ready.size()) + 1;  // one for this function
  }
  for (size_t g = 0; g < ready.size(); ++g) {
    const auto work = std::make_shared<GroupWork>(std::move(ready[g]));
    v1::GroupResult* const result = response_.mutable_groups(static_cast<int>(g));
    if (!work->asks()) {
      MakeResult(*work, std::nullopt, result);
      OnGroupDone();
      continue;
    }
    const auto run = deps_.engine->Start(work->Job(options_->episode_timeout),
                                         [self = shared_from_this(), work, result](
                                             absl::StatusOr<recombination::Recombined> values) {
                                           MakeResult(*work, std::move(values), result);
                                           self->OnGroupDone();
                                         });
    bool cancelled = false;
    {
      MutexLock lock(&mutex_);
      cancelled = cancelled_;
      if (!cancelled) group_runs_.push_back(run);
    }
    if (cancelled) run->Cancel();
  }
  OnGroupDone();
}

void BatchCall::OnGroupDone() {
  {
    MutexLock lock(&mutex_);
    if (--groups_left_ > 0) return;
    group_runs_.clear();
  }
  done_(Collect());
}

absl::StatusOr<v1::ComputeSignalsResponse> BatchCall::Collect() {
  const auto needed = static_cast<int64_t>(response_.ByteSizeLong());
  if (needed > options_->max_response_bytes) {
    return ResponseTooLarge(needed, options_->max_response_bytes);
  }
  return std::move(response_);
}

void BatchCall::Cancel() {
  std::vector<std::shared_ptr<engine::Run>> runs;
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    for (Slot& slot : slots_) {
      if (slot.run != nullptr) runs.push_back(std::move(slot.run));
    }
    for (auto& run : group_runs_) runs.push_back(std::move(run));
    group_runs_.clear();
  }
  for (const auto& run : runs) run->Cancel();
}

}  // namespace assay::service
