// A TCP proxy that fails on purpose. Loopback only, any free port.
#ifndef ASSAY_TESTS_CHAOS_TCP_PROXY_H_
#define ASSAY_TESTS_CHAOS_TCP_PROXY_H_

#include <cstdint>
#include <memory>

#include "absl/time/time.h"

namespace assay::chaos {

// Thread safe.
class TcpProxy {
 public:
  enum class Mode : uint8_t {
    kForward,
    kRefuse,     // connections are closed as soon as they are made
    kBlackHole,  // connections stay open and nothing passes
  };

  explicit TcpProxy(int upstream_port);
  ~TcpProxy();

  int port() const;
  // For connections made from now on.
  void SetMode(Mode mode);
  // Before each piece is passed on, in either direction.
  void SetDelay(absl::Duration delay);
  // Pieces are cut to `bytes`, each delayed: a slow drip. 0: as they come.
  void SetPiece(int bytes);
  // Connections are reset once so many bytes have come back from upstream. 0: never.
  void CutAfter(int64_t bytes);
  // While true nothing passes on any connection; what is sent meanwhile passes later.
  void SetStalled(bool stalled);
  // Tells the upstream of every open connection that its client has said all it has to say; the way
  // back stays open. An end that client or upstream say by themselves is always handed on so.
  void HalfClose();
  // Resets every open connection.
  void DropConnections();
  int connections() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_TCP_PROXY_H_
