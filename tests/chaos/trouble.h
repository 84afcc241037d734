// Faults on the way of a connection, one after the other, for as long as a run lasts.
#ifndef ASSAY_TESTS_CHAOS_TROUBLE_H_
#define ASSAY_TESTS_CHAOS_TROUBLE_H_

#include <array>
#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/chaos/tcp_proxy.h"

namespace assay::chaos {

struct Trouble {
  const char* name;
  // Lasts until it returns; the proxy then works again.
  std::function<void(TcpProxy*, absl::Duration)> cause;
};

// Everything that a network does.
inline const std::array<Trouble, 8>& Troubles() {
  static const auto* troubles = new std::array<Trouble, 8>{{
      {"reset", [](TcpProxy* proxy, absl::Duration) { proxy->DropConnections(); }},
      {"half close", [](TcpProxy* proxy, absl::Duration) { proxy->HalfClose(); }},
      {"stall",
       [](TcpProxy* proxy, absl::Duration time) {
         proxy->SetStalled(true);
         absl::SleepFor(time);
         proxy->SetStalled(false);
       }},
      {"slice",
       [](TcpProxy* proxy, absl::Duration time) {
         proxy->SetPiece(7);
         absl::SleepFor(time);
         proxy->SetPiece(0);
       }},
      {"throttle",
       [](TcpProxy* proxy, absl::Duration time) {
         proxy->SetPiece(1024);
         proxy->SetDelay(absl::Milliseconds(2));
         absl::SleepFor(time);
         proxy->SetDelay(absl::ZeroDuration());
         proxy->SetPiece(0);
       }},
      {"cut",
       [](TcpProxy* proxy, absl::Duration time) {
         proxy->CutAfter(20'000);
         absl::SleepFor(time);
         proxy->CutAfter(0);
       }},
      {"refuse",
       [](TcpProxy* proxy, absl::Duration time) {
         proxy->SetMode(TcpProxy::Mode::kRefuse);
         proxy->DropConnections();
         absl::SleepFor(time);
         proxy->SetMode(TcpProxy::Mode::kForward);
       }},
      {"black hole",
       [](TcpProxy* proxy, absl::Duration time) {
         proxy->SetMode(TcpProxy::Mode::kBlackHole);
         proxy->DropConnections();
         absl::SleepFor(time);
         proxy->SetMode(TcpProxy::Mode::kForward);
         proxy->DropConnections();
       }},
  }};
  return *troubles;
}

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_TROUBLE_H_
