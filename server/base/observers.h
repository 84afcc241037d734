// Those who watch something happen: metrics and the log, or nobody.
#ifndef ASSAY_SERVER_BASE_OBSERVERS_H_
#define ASSAY_SERVER_BASE_OBSERVERS_H_

#include <array>
#include <cstddef>

namespace assay {

// A list of at most 4 observers, none of which is owned; all must outlive it and its copies. Copies
// are cheap.
template <class Observer>
class Observers {
 public:
  static constexpr size_t kMost = 4;

  // An empty list.
  Observers() = default;
  // A list of one observer, or an empty one where it is null.
  Observers(Observer* observer) {  // NOLINT(google-explicit-constructor): a list of one
    if (observer != nullptr) observers_[count_++] = observer;
  }
  template <class... Others>
  Observers(Observer* first, Observer* second, Others*... others)
      : observers_{first, second, others...}, count_(2 + sizeof...(others)) {
    static_assert(2 + sizeof...(others) <= kMost);
  }

  // Calls `event`, a member function of the observer, on each of them in turn.
  template <class... Parameters, class... Arguments>
  void Tell(void (Observer::*event)(Parameters...), const Arguments&... arguments) const {
    for (size_t i = 0; i < count_; ++i) (observers_[i]->*event)(arguments...);
  }

 private:
  std::array<Observer*, kMost> observers_{};
  size_t count_ = 0;
};

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_OBSERVERS_H_
